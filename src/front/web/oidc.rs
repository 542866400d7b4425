//! The OpenID provider: the code flow with PKCE, and the identity token proven by the provider's own keys.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{door, look};
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Revealed;
use crate::run::project::serve::Oidc;
use crate::sys::http::{Client, Method, Request, Settings, Url};
use crate::sys::{clock, files};

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// So many may be on their way at once.
const MOST: usize = 1000;
/// More than this is no answer of a provider.
const LARGEST: usize = 1024 * 1024;
/// How a token may be signed: never with what both sides know.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    settings: Oidc,
    secret: Option<Revealed>,
    authorities: Option<String>,
    /// Where it sends people back to.
    redirect: String,
    /// Whether those whom the file does not know may look.
    pub(super) others: bool,
    waiting: Mutex<HashMap<String, Waiting>>,
}

/// Somebody who was sent to the provider.
#[derive(Debug)]
struct Waiting {
    nonce: String,
    verifier: String,
    to: String,
    since: Instant,
}

/// Where somebody is sent.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) address: String,
    pub(super) state: String,
}

/// With what somebody comes back.
#[derive(Debug, Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

/// What the provider says of itself.
#[derive(Debug, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// What it answers to a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// What it says of somebody.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) email_verified: Option<bool>,
}

impl Claims {
    /// What they are called here.
    pub(super) fn shown(&self) -> String {
        self.email.clone().unwrap_or_else(|| self.sub.clone())
    }
}

impl Provider {
    /// The provider of the settings, for a page at `origin`.
    pub(super) fn new(settings: &Oidc, origin: &str, folder: &Path) -> Result<Self> {
        let secret = settings.client_secret.as_ref().map(|secret| door::value(secret, folder)).transpose()?;
        let authorities =
            settings.ca.as_ref().map(|ca| files::read_text(&folder.join(ca), LARGEST as u64)).transpose()?;
        Ok(Self {
            settings: settings.clone(),
            secret,
            authorities,
            redirect: format!("{origin}/oidc/callback"),
            others: settings.others,
            waiting: Mutex::default(),
        })
    }

    /// Sends somebody there.
    pub(super) async fn begin(&self, to: &str) -> Result<Begun> {
        let found = self.discover().await?;
        let (state, nonce, verifier) = (door::random(), door::random(), door::random());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut address = url(&found.authorization_endpoint)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", "openid email")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, one| one.since.elapsed() < PATIENCE);
        if waiting.len() >= MOST {
            return Err(
                Error::new(Kind::Limit, "too many people are signing in").fix("try again in a moment")
            );
        }
        waiting
            .insert(state.clone(), Waiting { nonce, verifier, to: to.to_owned(), since: clock::instant() });
        Ok(Begun { address: address.to_string(), state })
    }

    /// Takes somebody back: who they are, and where they wanted to go.
    pub(super) async fn finish(&self, back: &Back, headers: &HeaderMap) -> Result<(Claims, String)> {
        let refused = |what: &str| Error::new(Kind::Denied, what.to_owned()).fix("sign in again");
        if let Some(error) = &back.error {
            let why = back.error_description.clone().unwrap_or_else(|| error.clone());
            return Err(refused("the provider let nobody in").why(why));
        }
        // The one who comes back must be the one who was sent: the state stands in their own cookie too.
        if back.state.is_empty() || state(headers).as_deref() != Some(back.state.as_str()) {
            return Err(refused("this sign-in was not begun in this browser"));
        }
        let waiting = {
            let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(&back.state).filter(|one| one.since.elapsed() < PATIENCE)
        };
        let waiting = waiting.ok_or_else(|| refused("this sign-in took too long"))?;
        let found = self.discover().await?;
        let token = self.exchange(&found, &back.code, &waiting.verifier).await?;
        let claims = self.proven(&found, &token).await?;
        if claims.nonce.as_deref() != Some(waiting.nonce.as_str()) {
            return Err(refused("the provider's answer belongs to another sign-in"));
        }
        Ok((claims, waiting.to))
    }

    async fn discover(&self) -> Result<Discovered> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let found: Discovered =
            self.ask(Request::get(url(&format!("{issuer}/.well-known/openid-configuration"))?)).await?;
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(Error::remote(format!("`{issuer}` calls itself `{}`", found.issuer))
                .fix("write `issuer` in [serve.oidc] as the provider does"));
        }
        Ok(found)
    }

    async fn exchange(&self, found: &Discovered, code: &str, verifier: &str) -> Result<String> {
        let mut form = url("http://form/")?;
        form.query_pairs_mut()
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("code_verifier", verifier);
        let mut headers = std::collections::BTreeMap::new();
        if let Some(secret) = &self.secret {
            let (id, secret) = (look::encoded(&self.settings.client_id), look::encoded(secret.expose()));
            headers.insert(
                "authorization".to_owned(),
                format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            );
        }
        let body = bytes::Bytes::from(form.query().unwrap_or_default().to_owned());
        let kind = "application/x-www-form-urlencoded";
        let request = Request::new(Method::POST, url(&found.token_endpoint)?, &headers, Some((kind, body)))?;
        Ok(self.ask::<Tokens>(request).await?.id_token)
    }

    /// What an identity token says, once its signature, issuer, audience and time are good.
    async fn proven(&self, found: &Discovered, token: &str) -> Result<Claims> {
        let refused = |why: String| Error::new(Kind::Denied, "the provider's token is not good").why(why);
        let head = jsonwebtoken::decode_header(token).map_err(|why| refused(why.to_string()))?;
        if !ALGORITHMS.contains(&head.alg) {
            return Err(refused(format!("it is signed with {:?}", head.alg)));
        }
        let keys: JwkSet = self.ask(Request::get(url(&found.jwks_uri)?)).await?;
        let fits = |jwk: &&jsonwebtoken::jwk::Jwk| head.kid.is_none() || jwk.common.key_id == head.kid;
        let key = keys.keys.iter().find(fits).ok_or_else(|| refused("its key is not known".to_owned()))?;
        let key = DecodingKey::from_jwk(key).map_err(|why| refused(why.to_string()))?;
        let mut rules = Validation::new(head.alg);
        rules.set_audience(&[&self.settings.client_id]);
        rules.set_issuer(&[&found.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.validate_nbf = true;
        let proven = jsonwebtoken::decode::<Claims>(token, &key, &rules);
        proven.map(|proven| proven.claims).map_err(|why| refused(why.to_string()))
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let client = Client::new(Settings {
            name: "oidc".to_owned(),
            base: request.url().clone(),
            headers: Vec::new(),
            authorization: None,
            authorities: self.authorities.clone(),
            follow: 2,
        })?;
        let work = client.send(request, LARGEST);
        let answer = tokio::time::timeout(Duration::from_secs(15), work)
            .await
            .map_err(|_| Error::timeout("the provider gave no answer within 15 seconds"))??;
        if answer.status != 200 {
            let why = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
            return Err(Error::remote(format!("the provider answered {}", answer.status_line)).why(why));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|why| Error::remote("the provider's answer cannot be read").why(why.to_string()))
    }
}

/// The cookie that ties a sign-in to the browser in which it was begun.
pub(super) fn cookie(state: &str, secure: bool) -> String {
    let seconds = if state.is_empty() { 0 } else { PATIENCE.as_secs() };
    let secure = if secure { "; Secure" } else { "" };
    format!("playbook_oidc={state}; Path=/oidc/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

fn state(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|one| one.trim().strip_prefix("playbook_oidc=").map(str::to_owned))
}

fn url(text: &str) -> Result<Url> {
    text.parse().map_err(|_| Error::usage(format!("`{text}` is no address of a provider")))
}
