//! Who may come in: the machine's own person on loopback, else whoever has a token or was vouched for; and what no other
//! site may make a browser do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::base::error::{Error, Kind, Result};
use crate::base::secret::{Reference, Revealed};
use crate::base::text;
use crate::run::project::serve::{Role, Serve};
use crate::sys::{clock, environment, files};

/// How long somebody stays signed in.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// More sessions than this are not kept: the oldest go.
const MOST: usize = 10_000;
/// A token's file that is larger is a mistake.
const LARGEST: u64 = 64 * 1024;
/// The name of the cookie.
const COOKIE: &str = "playbook_session";

/// Somebody who looks at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// What they are called.
    pub(super) name: String,
    /// The person of `playbook.toml` that they are, when they signed in as one.
    pub(super) person: Option<String>,
    /// Whether they sit at the machine itself, so that its login tells who they are.
    pub(super) is_local: bool,
    /// What they may do.
    pub(super) role: Role,
    /// What a form of theirs has to carry.
    pub(super) csrf: String,
}

/// Somebody who signed in.
#[derive(Debug)]
struct Session {
    visitor: Visitor,
    since: Instant,
}

/// The door.
#[derive(Debug)]
pub(super) struct Door {
    /// The names under which the page may be asked for.
    hosts: Vec<String>,
    /// How browsers reach it: `https://deploy.example.com`.
    pub(super) origin: String,
    /// Digests of the tokens, and who comes in with each.
    tokens: Vec<([u8; 32], Visitor)>,
    /// Whether an OpenID provider vouches for people.
    pub(super) has_oidc: bool,
    /// Who everybody is, where nobody has to sign in.
    local: Option<Visitor>,
    sessions: Mutex<HashMap<String, Session>>,
}

impl Door {
    /// The door of a page at `address`; refuses what would let strangers in.
    pub(super) fn new(settings: &Serve, address: SocketAddr, secure: bool, folder: &Path) -> Result<Self> {
        let signs_in = !settings.tokens.is_empty() || settings.oidc.is_some();
        let is_open = !address.ip().is_loopback();
        if is_open && !secure {
            return Err(Error::new(Kind::Denied, format!("{address} is no loopback address, and there is no TLS")).fix(
                "give --certificate and --key, or `certificate` and `key` in [serve]; or listen at 127.0.0.1 behind a proxy that has TLS",
            ));
        }
        if (is_open || settings.url.is_some()) && !signs_in {
            return Err(Error::new(Kind::Denied, "others can reach this page, and nobody has to sign in")
                .fix("add [serve.tokens.NAME] or [serve.oidc] to playbook.toml"));
        }
        let scheme = if secure { "https" } else { "http" };
        let port = address.port();
        let origin = settings.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let origin = origin.trim_end_matches('/').to_owned();
        let mut hosts = vec![address.to_string(), format!("localhost:{port}")];
        hosts.extend(["127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
        hosts.extend(origin.split_once("://").map(|(_, host)| host.to_owned()));
        let tokens: Result<Vec<_>> = settings
            .tokens
            .iter()
            .map(|token| {
                let value = value(&token.token, folder)?;
                let name = token.person.clone().unwrap_or_else(|| token.name.clone());
                let visitor = Visitor {
                    name,
                    person: token.person.clone(),
                    is_local: false,
                    role: token.role,
                    csrf: String::new(),
                };
                Ok((digest(value.expose()), visitor))
            })
            .collect();
        let local = (!signs_in).then(|| Visitor {
            name: environment::person(),
            person: None,
            is_local: true,
            role: Role::Approver,
            csrf: random(),
        });
        let has_oidc = settings.oidc.is_some();
        Ok(Self { hosts, origin, tokens: tokens?, has_oidc, local, sessions: Mutex::default() })
    }

    /// Whether the page may be asked for under this name: else another site's name could point here.
    pub(super) fn is_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether a request that changes something comes from a page of ours, as far as the browser tells.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
        let origin = text("origin").is_none_or(|origin| {
            origin == self.origin
                || origin.split_once("://").is_some_and(|(_, host)| text("host") == Some(host))
        });
        site && origin
    }

    /// Who asks; `None` for whoever has to sign in first.
    pub(super) fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        if let Some(local) = &self.local {
            return Some(local.clone());
        }
        if let Some(token) = bearer(headers) {
            return self.bearer(token);
        }
        let id = session(headers)?;
        let sessions = self.sessions();
        let session = sessions.get(&id).filter(|session| session.since.elapsed() < LASTS)?;
        Some(session.visitor.clone())
    }

    /// Whether nobody has to sign in.
    pub(super) const fn is_open(&self) -> bool {
        self.local.is_some()
    }

    /// Who comes in with this token.
    pub(super) fn bearer(&self, token: &str) -> Option<Visitor> {
        // Digests are compared, so that the time it takes tells nothing of the token.
        let wanted = digest(token.trim());
        self.tokens.iter().find(|(known, _)| *known == wanted).map(|(_, visitor)| visitor.clone())
    }

    /// Signs somebody in; gives the cookie.
    pub(super) fn sign_in(&self, visitor: Visitor) -> String {
        let id = random();
        let mut sessions = self.sessions();
        sessions.retain(|_, session| session.since.elapsed() < LASTS);
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.since).map(|(id, _)| id.clone());
            oldest.map(|id| sessions.remove(&id));
        }
        let visitor = Visitor { csrf: random(), ..visitor };
        sessions.insert(id.clone(), Session { visitor, since: clock::instant() });
        self.cookie(&id, LASTS.as_secs())
    }

    /// Signs whoever asks out; gives the cookie that takes theirs away.
    pub(super) fn sign_out(&self, headers: &HeaderMap) -> String {
        if let Some(id) = session(headers) {
            self.sessions().remove(&id);
        }
        self.cookie("", 0)
    }

    fn cookie(&self, value: &str, seconds: u64) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }

    /// Whether browsers reach it through TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token that a machine sends.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The session of the cookie that a browser sends.
fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned))
}

/// The value of a token or a password of ours.
pub(super) fn value(reference: &Reference, folder: &Path) -> Result<Revealed> {
    let value = match reference.provider.as_str() {
        "env" => environment::variable(&reference.name),
        _ => Some(files::read_text(&folder.join(&reference.name), LARGEST)?),
    };
    let value = value.map(|value| value.trim().to_owned()).filter(|value| value.len() >= 16);
    value.map(Revealed::new).ok_or_else(|| {
        Error::missing(format!("`{reference}` of [serve] has no value of at least 16 letters"))
            .fix("make one with `openssl rand -hex 32`, and put it there")
    })
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// 256 bits that nobody can guess: each identifier brings 74 that are random.
pub(super) fn random() -> String {
    let parts: String = (0..4).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
    text::hexadecimal(&digest(&parts))
}
