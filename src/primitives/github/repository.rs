//! The settings of a repository, and its part of GitHub's API.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::effect::api::{Access, Api, Ask, Reply};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::http::Method;

/// The version of the API that this speaks.
const VERSION: &str = "2022-11-28";

/// A repository.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Whose it is and what it is called: "owner/name"
    repository: String,
    /// A token with the rights that are used: `actions:write`, `checks:read`, `contents:write`
    token: Option<Secret>,
    /// The address of the API; on GitHub Enterprise "https://HOST/api/v3"
    #[serde(default = "github")]
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

fn github() -> Setting {
    Setting::Plain("https://api.github.com".to_owned())
}

/// What is wrong with the table, as far as no secret is needed.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    let parts: Vec<&str> = table.repository.split('/').collect();
    let is_plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains([' ', ':']);
    if parts.len() != 2 || !parts.iter().all(is_plain) {
        return Err("`repository` is no repository; write it as \"owner/name\"".into());
    }
    Ok(())
}

/// A repository, ready to be asked.
pub(super) struct Repository {
    /// GitHub's API.
    pub(super) api: Api,
    owner: String,
    name: String,
}

impl Repository {
    /// The repository of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let plain = |text: &str| Revealed::new(text.to_owned());
        let headers = vec![
            ("accept".to_owned(), plain("application/vnd.github+json")),
            ("x-github-api-version".to_owned(), plain(VERSION)),
        ];
        let authorization = match &table.token {
            Some(token) => Some(Revealed::new(format!("Bearer {}", cx.reveal(token).await?.expose()))),
            None => None,
        };
        let address = cx.text(&table.url).await?;
        let api = Api::open(cx, address.expose(), Access { headers, authorization, ca: table.ca })?;
        let (owner, name) = table.repository.split_once('/').unwrap_or_default();
        Ok(Self { api, owner: owner.to_owned(), name: name.to_owned() })
    }

    /// A request for a path below the repository's own.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> Ask {
        let path: Vec<&str> = ["repos", &self.owner, &self.name].iter().chain(path).copied().collect();
        Ask::new(method, &path)
    }

    /// Sends a request whose answer must be one of success.
    pub(super) async fn ask(&self, cx: &Cx, ask: &Ask, what: &str) -> Result<Reply> {
        let reply = self.api.send(cx, ask).await?;
        if reply.is_fine() { Ok(reply) } else { Err(self.refused(&reply, what)) }
    }

    /// The error for an answer that refuses. To who may not see something, GitHub says that it is not there.
    pub(super) fn refused(&self, reply: &Reply, what: &str) -> Error {
        let error = self.api.refused(reply, what);
        match (reply.status, reply.header("x-accepted-github-permissions")) {
            (403, Some(wanted)) => error.fix(format!("give the token one of these rights: {wanted}")),
            (404, _) => error.fix(format!(
                "check the name, and that the token of {} may see {}/{}",
                self.api.table, self.owner, self.name
            )),
            _ => error,
        }
    }
}

/// Reads the repository, and what the token may do there.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let repository = Repository::of(&cx).await?;
    let reply = match repository.ask(&cx, &repository.request(Method::GET, &[]), "read the repository").await
    {
        Ok(reply) => reply,
        Err(error) => return Health::or_refused(error),
    };
    let mut health = Health::reached()
        .version(format!("GitHub API {VERSION}"))
        .date(reply.header("date"))
        .fact(format!("branch {}", reply.at("/default_branch")));
    if let (Some(left), Some(all)) =
        (reply.header("x-ratelimit-remaining"), reply.header("x-ratelimit-limit"))
    {
        health = health.fact(format!("{left} of {all} requests left this hour"));
    }
    let may_push = reply.json.pointer("/permissions/push").and_then(Value::as_bool);
    Ok(match (cx.granted() > Effect::Read, may_push) {
        (true, Some(false)) => {
            health.refused(Error::remote(format!("the token of `{}` may only read", cx.resource())).fix(
                "give it the rights `actions:write` and `contents:write`, or grant only `access = \"read\"`",
            ))
        }
        (true, None) => health,
        _ => health.permitted(),
    })
}
