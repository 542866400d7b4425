//! The settings of a registry, and the dance by which it hands out tokens: ask, be told where, fetch one, ask again.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::effect::api::{Access, Api, Ask, Reply};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::http::Url;

/// A registry.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Its address: `https://registry.example.com`; Docker Hub's when left out
    #[serde(default = "hub")]
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// The user
    user: Option<Setting>,
    /// The user's password, or a token in its place
    password: Option<Secret>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

fn hub() -> Setting {
    Setting::Plain("https://registry-1.docker.io".to_owned())
}

/// What is wrong with the table, as far as no secret is needed.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match (&table.user, &table.password) {
        (Some(_), None) => Err("it has a `user` but no `password`".into()),
        (None, Some(_)) => Err("it has a `password` but no `user`".into()),
        _ => Ok(()),
    }
}

/// What all calls on one registry share: the tokens that it handed out.
#[derive(Default)]
struct Tokens(Mutex<HashMap<String, Revealed>>);

/// A registry, ready to be asked.
pub(super) struct Registry {
    /// Its API.
    pub(super) api: Api,
    table: Table,
    base: Url,
    tokens: std::sync::Arc<Tokens>,
}

impl Registry {
    /// The registry of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let address = cx.text(&table.url).await?;
        let api = Api::open(cx, address.expose(), Access { ca: table.ca.clone(), ..Access::default() })?;
        let base = address.expose().parse().map_err(|_| Error::bug("an address was let in that is none"))?;
        let tokens = cx.shared(async { Ok(Tokens::default()) }).await?;
        Ok(Self { api, table, base, tokens })
    }

    /// Sends a request for an image, with what the registry wants for `scope`: "pull" or "pull,push".
    pub(super) async fn send(&self, cx: &Cx, ask: &Ask, image: &str, scope: &str) -> Result<Reply> {
        let key = format!("{image} {scope}");
        let known = self.tokens.0.lock().ok().and_then(|tokens| tokens.get(&key).cloned());
        let first = match &known {
            Some(token) => ask.clone().header("authorization", token.expose()),
            None => ask.clone(),
        };
        let reply = self.api.send(cx, &first).await?;
        let Some(challenge) = reply.header("www-authenticate").filter(|_| reply.status == 401) else {
            return Ok(reply);
        };
        let token = self.answer(cx, challenge, image, scope).await?;
        let again = self.api.send(cx, &ask.clone().header("authorization", token.expose())).await?;
        if let (true, Ok(mut tokens)) = (again.status != 401, self.tokens.0.lock()) {
            tokens.insert(key, token);
        }
        Ok(again)
    }

    /// What the registry wants to see, by its challenge.
    async fn answer(&self, cx: &Cx, challenge: &str, image: &str, scope: &str) -> Result<Revealed> {
        if challenge.trim_start().to_lowercase().starts_with("basic") {
            return self.basic(cx).await?.ok_or_else(|| self.nobody());
        }
        let told = parameters(challenge);
        let realm = told.get("realm").ok_or_else(|| {
            Error::remote(format!("`{}` does not say where it hands out tokens", self.api.name))
                .why(challenge)
        })?;
        self.judge_realm(realm)?;
        let access =
            Access { ca: self.table.ca.clone(), authorization: self.basic(cx).await?, ..Access::default() };
        let mut ask = Ask::get(&[]);
        if let Some(service) = told.get("service") {
            ask = ask.query("service", service);
        }
        let wanted = if image.is_empty() { None } else { Some(format!("repository:{image}:{scope}")) };
        if let Some(scope) = wanted.or_else(|| told.get("scope").cloned()) {
            ask = ask.query("scope", scope);
        }
        let reply = Api::open(cx, realm, access)?.ask(cx, &ask, "fetch a token").await?;
        let token =
            [reply.at("/token"), reply.at("/access_token")].into_iter().find(|token| !token.is_empty());
        let token = token.ok_or_else(|| Error::remote(format!("the answer of {realm} holds no token")))?;
        Ok(Revealed::new(format!("Bearer {token}")))
    }

    /// A password goes to no other place in clear.
    fn judge_realm(&self, realm: &str) -> Result<()> {
        let url: Option<Url> = realm.parse().ok();
        let is_safe = |url: &Url| url.scheme() == "https" || url.host_str() == self.base.host_str();
        if url.as_ref().is_some_and(is_safe) {
            return Ok(());
        }
        Err(Error::remote(format!("`{}` sends for its tokens to {realm}", self.api.name))
            .why("that is another host, and not encrypted")
            .fix("let the registry name an `https` address as its realm"))
    }

    async fn basic(&self, cx: &Cx) -> Result<Option<Revealed>> {
        let (Some(user), Some(password)) = (&self.table.user, &self.table.password) else { return Ok(None) };
        let (user, password) = (cx.text(user).await?, cx.reveal(password).await?);
        let pair = format!("{}:{}", user.expose(), password.expose());
        let coded = base64::engine::general_purpose::STANDARD.encode(pair);
        Ok(Some(Revealed::new(format!("Basic {coded}"))))
    }

    fn nobody(&self) -> Error {
        Error::remote(format!("`{}` wants to know who asks", self.api.name))
            .fix(format!("set `user` and `password` in {} of playbook.toml", self.api.table))
            .detail("status", 401)
    }
}

/// The names and values of a challenge: `Bearer realm="…",service="…",scope="…"`. A comma may stand within quotes.
fn parameters(challenge: &str) -> HashMap<String, String> {
    let mut rest = challenge.split_once(' ').map_or("", |(_, rest)| rest);
    let mut all = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_lowercase();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        all.insert(name, value.trim().to_owned());
        rest = behind;
    }
    all
}

/// Asks for the version of the API, with the password where there is one.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let registry = Registry::of(&cx).await?;
    let reply = match registry.send(&cx, &Ask::get(&["v2", ""]), "", "").await {
        Ok(reply) => reply,
        Err(error) => return Health::or_refused(error),
    };
    let version = reply.header("docker-distribution-api-version").unwrap_or("OCI distribution");
    let health = Health::reached().version(version.replace('/', " ")).date(reply.header("date"));
    if reply.is_fine() {
        return Ok(health.fact(if registry.table.user.is_some() {
            "the password is good"
        } else {
            "without a password"
        }));
    }
    Health::or_refused(registry.api.refused(&reply, "tell its version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_commas_in_it() {
        let told = parameters(
            r#"Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push""#,
        );
        assert_eq!(told["realm"], "https://auth.example.com/token");
        assert_eq!((told["service"].as_str(), told["scope"].as_str()), ("r", "repository:a/b:pull,push"));
        assert_eq!(parameters("Basic realm=rig")["realm"], "rig");
        assert!(parameters("Bearer").is_empty());
    }
}
