//! The settings of a chat, and its API made of them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::secret::{Reference, Revealed, Secret, Setting};
use crate::effect::api::{self, Access, Api};
use crate::effect::cx::Cx;
use crate::sys::http::Url;

/// The address of Slack's Web API.
const SLACK: &str = "https://slack.com/api";

/// A channel. With `token` and `channel` messages go through Slack's Web API, which knows threads and updates; with
/// `webhook` they go to an incoming webhook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// What is on the other side
    #[serde(default)]
    pub(super) kind: Kind,
    /// The address of an incoming webhook, which is a secret: a reference, as `env:SLACK_WEBHOOK`
    pub(super) webhook: Option<Setting>,
    /// The token of a Slack app with the right `chat:write`
    pub(super) token: Option<Secret>,
    /// The channel for `token`: its id, or its name as "#deploys"
    pub(super) channel: Option<String>,
    /// The address of the Web API
    #[serde(default = "slack")]
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// The address of a run's page, with `{run}` for its id; each message links to it
    pub(super) run_url: Option<String>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

/// What is on the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Slack, or what takes the form of its webhooks
    #[default]
    Slack,
    /// A receiver of one's own: JSON with `title`, `text`, `fields`, `severity`, `links`, `environment` and `run`
    Webhook,
}

fn slack() -> Setting {
    Setting::Plain(SLACK.to_owned())
}

/// What is wrong with the table, as far as no secret is needed.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match (&table.webhook, &table.token, table.kind) {
        (Some(_), Some(_), _) => Err("it has both a `webhook` and a `token`; keep one".into()),
        (None, None, Kind::Slack) => {
            Err("it has neither `webhook` nor `token`; set `webhook = \"env:SLACK_WEBHOOK\"`".into())
        }
        (None, _, Kind::Webhook) => {
            Err("it has no `webhook`; set the address that takes the messages".into())
        }
        (None, Some(_), Kind::Slack) if table.channel.is_none() => {
            Err("a `token` needs the `channel` to post to; set `channel = \"#deploys\"`".into())
        }
        (Some(Setting::Plain(address)), ..) if is_secret(address) => {
            Err("the `webhook` is a secret, since whoever has it may post, and may not stand in clear; set `webhook = \"env:SLACK_WEBHOOK\"`".into())
        }
        _ => Ok(()),
    }
}

/// Whether an address has the form that chats give to incoming webhooks, with the token in its path.
fn is_secret(address: &str) -> bool {
    let Ok(url) = address.parse::<Url>() else { return false };
    let mut parts = url.path().split('/').filter(|part| !part.is_empty());
    parts.any(|part| matches!(part, "services" | "hooks" | "webhooks")) && parts.next().is_some()
}

/// A chat, ready to be posted to.
pub(super) struct Chat {
    /// Its settings.
    pub(super) table: Table,
    /// Its API, or its webhook.
    pub(super) api: Api,
}

impl Chat {
    /// The chat of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let mut access = Access { ca: table.ca.clone(), ..Access::default() };
        let base = table.webhook.as_ref().unwrap_or(&table.url);
        let address = cx.text(base).await?;
        if let Some(token) = &table.token {
            access.authorization =
                Some(Revealed::new(format!("Bearer {}", cx.reveal(token).await?.expose())));
        } else {
            api::hide(cx, base, address.expose());
            if let (Setting::Plain(_), Ok(url)) = (base, address.expose().parse::<Url>()) {
                let reference =
                    Reference { provider: "playbook.toml".to_owned(), name: "webhook".to_owned() };
                cx.redactor().learn(&reference, url.path());
            }
        }
        Ok(Self { api: Api::open(cx, address.expose(), access)?, table })
    }

    /// An error of its API, with the setting that it is about.
    pub(super) fn told(&self, mut error: Error) -> Error {
        if !self.is_web_api() {
            error.fix = error.fix.take().map(|fix| fix.replace("`url`", "`webhook`"));
        }
        error
    }

    /// Whether it is reached through Slack's Web API.
    pub(super) const fn is_web_api(&self) -> bool {
        self.table.token.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_in_clear_is_refused_without_repeating_it() {
        for address in ["https://hooks.slack.com/services/T0/B0/hunter2", "http://127.0.0.1:1/hooks/hunter2"]
        {
            let why = check(&json!({ "webhook": address })).unwrap_err();
            assert!(why.contains("env:SLACK_WEBHOOK") && !why.contains("hunter2"), "{why}");
        }
        check(&json!({ "webhook": "env:HOOK" })).unwrap();
        check(&json!({ "kind": "webhook", "webhook": "http://127.0.0.1:1/team" })).unwrap();
    }
}
