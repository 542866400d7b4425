//! A vault that speaks the API of HashiCorp Vault: its connection, how it is, and the secrets that it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::cx::Cx;
use crate::base::error::{Error, Result};
use crate::base::secret::{Reference, Revealed, Secret, Setting};
use crate::base::text;
use crate::sys::files;
use crate::sys::http::{self, Answer, Client, Method, Request, Url};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;
/// An answer longer than this is no secret, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// A vault. Secrets that lie in its key-value engine, version 2, are referred to as `vault:MOUNT/PATH#FIELD`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its address: `https://vault.example.com:8200`
    url: Setting,
    /// The token to ask with, as a reference: `env:VAULT_TOKEN`, `file:/run/secrets/vault-token`
    #[serde(default)]
    token: Option<Secret>,
    /// The role to log in as (`AppRole`), instead of a token
    #[serde(default)]
    role_id: Option<Setting>,
    /// What proves that role, as a reference: `env:VAULT_SECRET_ID`
    #[serde(default)]
    secret_id: Option<Secret>,
    /// The namespace to ask in, where the vault has them
    namespace: Option<String>,
    /// The mount of the key-value engine, where its name has a `/` in it; default the first part of each path
    mount: Option<String>,
    /// The authority that signed the server's certificate, as a PEM file, beside those the machine trusts
    ca: Option<String>,
    /// How long one request may wait for its answer, as "30s"
    #[serde(default = "ten_seconds")]
    request_timeout: String,
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

/// What is wrong with the table.
pub fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    text::parse_duration(&table.request_timeout).map_err(|error| error.what.clone())?;
    match (&table.token, &table.role_id, &table.secret_id) {
        (Some(_), None, None) | (None, Some(_), Some(_)) => {}
        (None, None, None) => {
            return Err("there is no `token`; set one, or `role_id` and `secret_id`".to_owned());
        }
        (None, ..) => return Err("`role_id` and `secret_id` belong together; set both".to_owned()),
        _ => return Err("`token` and `role_id` are two ways to say who one is; set one of them".to_owned()),
    }
    match &table.url {
        Setting::Plain(url) => address(url)
            .map(drop)
            .map_err(|error| format!("{}; {}", error.what, error.fix.as_deref().unwrap_or_default())),
        Setting::Reference(_) => Ok(()),
    }
}

/// The connection to a vault.
#[derive(Debug)]
pub struct Vault {
    settings: Table,
    resource: String,
    table: String,
    base: Url,
    authorities: Option<String>,
    patience: Duration,
    /// Asks as nobody.
    open: Client,
    /// Asks with the token, which is got when it is first needed.
    known: OnceCell<Client>,
}

/// The vault of the call's resource; connected once for the whole run.
pub async fn open(cx: &Cx) -> Result<Arc<Vault>> {
    cx.shared(connect(cx)).await
}

async fn connect(cx: &Cx) -> Result<Vault> {
    let settings: Table = cx.settings()?;
    let base = address(cx.text(&settings.url).await?.expose())?;
    let authorities = match &settings.ca {
        Some(path) => Some(files::read_text(&cx.trusted_path(path), LARGEST_CA)?),
        None => None,
    };
    let (patience, resource) = (text::parse_duration(&settings.request_timeout)?, cx.resource().to_string());
    let open = client(&resource, &settings, &base, authorities.clone(), None)?;
    let (table, known) = (cx.table(), OnceCell::new());
    Ok(Vault { settings, resource, table, base, authorities, patience, open, known })
}

fn client(
    name: &str,
    settings: &Table,
    base: &Url,
    authorities: Option<String>,
    token: Option<Revealed>,
) -> Result<Client> {
    let plain = |name: &str, value: &str| (name.to_owned(), Revealed::new(value.to_owned()));
    let mut headers = vec![plain("x-vault-request", "true")];
    headers.extend(settings.namespace.as_deref().map(|namespace| plain("x-vault-namespace", namespace)));
    headers.extend(token.map(|token| ("x-vault-token".to_owned(), token)));
    let (name, base) = (name.to_owned(), base.clone());
    Client::new(http::Settings { name, base, headers, authorization: None, authorities, follow: 2 })
}

fn address(text: &str) -> Result<Url> {
    let url = text.parse::<Url>().ok().filter(|url| url.has_host() && url.path() == "/");
    let is_plain = |url: &Url| url.query().is_none() && url.username().is_empty() && url.password().is_none();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && is_plain(url)).ok_or_else(|| {
        Error::usage("`url` is no address of a vault").fix("write it like `https://vault.example.com:8200`")
    })
}

impl Vault {
    /// Asks for a path of the API below `/v1` as nobody, however it is answered.
    pub async fn ask_openly(&self, path: &str) -> Result<Answer> {
        self.send(&self.open, Request::get(self.url(path))).await
    }

    /// Asks for a path of the API below `/v1` with the token, however it is answered.
    async fn ask(&self, cx: &Cx, path: &str) -> Result<Answer> {
        let known = self.known.get_or_try_init(|| async {
            let token = self.token(cx).await?;
            client(&self.resource, &self.settings, &self.base, self.authorities.clone(), Some(token))
        });
        self.send(known.await?, Request::get(self.url(path))).await
    }

    async fn token(&self, cx: &Cx) -> Result<Revealed> {
        let Table { token, role_id, secret_id, .. } = &self.settings;
        match (token, role_id, secret_id) {
            (Some(token), ..) => cx.reveal(token).await,
            (None, Some(role), Some(secret)) => {
                let (role, secret) = (cx.text(role).await?, cx.reveal(secret).await?);
                self.log_in(cx, &json!({ "role_id": role.expose(), "secret_id": secret.expose() })).await
            }
            _ => Err(Error::usage(format!("{} has no token", self.table)).fix("set `token`")),
        }
    }

    /// The token of a role; it is as secret as what it was got with.
    async fn log_in(&self, cx: &Cx, who: &Value) -> Result<Revealed> {
        let what = || format!("`{}` does not let its role in", self.resource);
        let body = Some(("application/json", Bytes::from(who.to_string())));
        let request = Request::new(Method::POST, self.url("auth/approle/login"), &BTreeMap::new(), body)?;
        let answer = self.send(&self.open, request).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match body["auth"]["client_token"].as_str() {
            Some(token) if answer.status == 200 => {
                let place = Reference { provider: "vault".to_owned(), name: "token".to_owned() };
                cx.redactor().learn(&place, token);
                Ok(Revealed::new(token.to_owned()))
            }
            _ if matches!(answer.status, 400 | 403) => Err(self
                .refused(what(), &answer)
                .fix(format!("get a new `secret_id`, or correct `role_id`, of {}", self.table))),
            _ => Err(self.refused(what(), &answer)),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path.split('/').filter(|part| !part.is_empty()));
        }
        url
    }

    async fn send(&self, client: &Client, request: Request) -> Result<Answer> {
        let sent = client.send(request, LARGEST_ANSWER);
        tokio::time::timeout(self.patience, sent).await.map_err(|_| {
            let waited = text::show_duration(self.patience);
            Error::timeout(format!("`{}` gave no answer within {waited}", self.resource))
                .fix(format!("check the vault, or give it longer with `request_timeout` of {}", self.table))
        })?
    }

    /// The error for an answer that is none of success.
    #[must_use]
    pub fn refused(&self, what: String, answer: &Answer) -> Error {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let why = match words(&body) {
            none if none.is_empty() => text::headline(&String::from_utf8_lossy(&answer.body), 200),
            said => said,
        };
        let is_sealed = answer.status == 503 || why.to_lowercase().contains("sealed");
        let why = format!("{why} (HTTP {})", answer.status);
        let error = Error::remote(what).why(why.trim_start()).detail("status", answer.status);
        match answer.status {
            _ if is_sealed => {
                error.fix(format!("unseal the vault of {}: `vault operator unseal`", self.table))
            }
            400 | 401 | 403 => error.fix(format!(
                "let the policy of `token` of {} `read` that path, and see that the token has not expired",
                self.table
            )),
            _ => error,
        }
    }
}

/// The fields of a secret as a JSON object.
pub(super) async fn secret(cx: &Cx, reference: &Reference) -> Result<Revealed> {
    let vault = open(cx).await?;
    let (path, _) = reference.parts();
    let path = path.trim_matches('/');
    let (mount, within) = vault
        .settings
        .mount
        .as_deref()
        .and_then(|mount| Some((mount.trim_matches('/'), path.strip_prefix(mount.trim_matches('/'))?)))
        .filter(|(_, within)| within.starts_with('/'))
        .or_else(|| path.split_once('/'))
        .unwrap_or((path, ""));
    let within = within.trim_start_matches('/');
    let asked = format!("{mount}/data/{within}");
    let what = format!("`{}` does not give {asked}", vault.resource);
    let answer = vault.ask(cx, &asked).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        200 => match &body["data"]["data"] {
            fields @ Value::Object(_) => Ok(Revealed::new(fields.to_string())),
            _ => Err(Error::remote(what)
                .why("the answer is not that of a key-value engine of version 2")
                .fix(format!("see that `{mount}` is mounted with `-version=2`"))),
        },
        404 => Err(missing(what, mount, within, &body)),
        _ => Err(vault.refused(what, &answer)),
    }
}

/// The vault's own words for a failure; empty when it has none.
fn words(body: &Value) -> String {
    let said = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    let said: Vec<&str> = said.filter_map(Value::as_str).chain(body["error"].as_str()).collect();
    text::headline(&said.join(", "), 400)
}

fn missing(what: String, mount: &str, within: &str, body: &Value) -> Error {
    let metadata = &body["data"]["metadata"];
    let error = Error::missing(what);
    if metadata["deletion_time"].as_str().is_some_and(|time| !time.is_empty()) {
        return error
            .why("its newest version is deleted")
            .fix(format!("bring it back: `vault kv undelete` or `vault kv put -mount={mount} {within}`"));
    }
    let said = words(body);
    let error = error.why(format!("{} (HTTP 404)", if said.is_empty() { "there is nothing" } else { &said }));
    error.fix(match within.strip_prefix("data/") {
        Some(rest) => {
            format!("leave out `data/`, which is part of the API and not of the path: vault:{mount}/{rest}")
        }
        None => format!("write it with `vault kv put -mount={mount} {within}`, or correct the reference"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_has_an_address_and_a_token() {
        for (table, says) in [
            (json!({ "token": "env:T" }), "url"),
            (json!({ "url": "https://v:8200" }), "no `token`"),
            (json!({ "url": "https://v:8200", "role_id": "r" }), "set both"),
            (json!({ "url": "https://v:8200", "token": "env:T", "role_id": "r" }), "set one of them"),
            (json!({ "url": "v:8200", "token": "env:T" }), "no address"),
            (json!({ "url": "https://v:8200/v1", "token": "env:T" }), "no address"),
            (json!({ "url": "https://v:8200", "token": "s.abc" }), "env:NAME"),
            (json!({ "url": "https://v:8200", "token": "env:T", "request_timeout": "long" }), "duration"),
        ] {
            let why = check(&table).unwrap_err();
            assert!(why.contains(says), "{table}: {why}");
        }
        check(&json!({ "url": "env:VAULT_ADDR", "token": "file:t", "mount": "team/kv" })).unwrap();
    }

    #[test]
    fn a_missing_path_says_what_may_be_wrong_with_it() {
        let deleted =
            json!({ "data": { "data": null, "metadata": { "deletion_time": "2026-01-01T00:00:00Z" } } });
        let said = missing("x".to_owned(), "secret", "app", &deleted);
        assert!(said.why.as_deref().unwrap().contains("deleted"), "{said}");
        let said = missing("x".to_owned(), "secret", "data/app", &Value::Null);
        assert!(said.fix.as_deref().unwrap().ends_with("vault:secret/app"), "{said}");
    }
}
