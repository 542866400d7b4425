//! `trigger`, `acknowledge`, `resolve`: the life of an incident, by its key.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::opsgenie;
use super::settings::{Act, Kind, Pager};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::text::{headline, hexadecimal};
use crate::effect::cx::Cx;
use crate::effect::notice::{Notice, Severity, taken_back};
use crate::effect::primitive::Primitive;

/// Triggers an incident, or adds to the one that is open under the same key. Taken back by resolving it. Gives `sent`,
/// `key` and `status`. A summary too long for the pager is cut.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trigger {
    /// What is wrong, in one line
    summary: String,
    /// How serious it is
    #[serde(default = "error")]
    severity: Severity,
    /// What names the incident; one of its own for the run and the summary when left out
    key: Option<String>,
    /// Figures and names for those who look after it
    #[serde(default)]
    fields: Map<String, Value>,
    /// Words and the addresses that they lead to
    #[serde(default)]
    links: Map<String, Value>,
    /// Whether the run fails when the pager refuses it
    #[serde(default)]
    must: bool,
}

const fn error() -> Severity {
    Severity::Error
}

impl Trigger {
    /// The same for the same run and summary, so that a second try wakes nobody twice.
    fn key(&self, cx: &Cx) -> String {
        let digest = hexadecimal(&Sha256::digest(self.summary.as_bytes()));
        self.key
            .clone()
            .unwrap_or_else(|| format!("playbook-{}-{}-{}", cx.environment(), cx.run(), &digest[..8]))
    }
}

impl Primitive for Trigger {
    const NAME: &'static str = "trigger";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pager("oncall").trigger("the deploy of v2 failed its checks", #{ severity: "critical", key: "deploy-api" })"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("page {}: {}", resource.name, headline(&self.summary, 100))
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let (pager, key) = (Pager::of(cx).await?, self.key(cx));
        let is_open = match pager.table.kind {
            Kind::Opsgenie => opsgenie::status(&pager, cx, &key).await?.as_deref() == Some("open"),
            // PagerDuty's Events API tells nothing of what is open.
            Kind::Pagerduty => false,
        };
        Ok(if is_open { Inverse::Nothing } else { taken_back(cx, Resolve::NAME, "incident", &key) })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let pager = Pager::of(cx).await?;
        match pager.table.kind {
            Kind::Opsgenie => {
                Ok(Some(opsgenie::status(&pager, cx, &self.key(cx)).await?.as_deref() == Some("open")))
            }
            Kind::Pagerduty => Ok(None),
        }
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(Some(json!({ "sent": true, "key": self.key(cx), "status": "found" })))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pager = Pager::of(&cx).await?;
        let notice = Notice::new(&cx, &self.summary, pager.table.run_url.as_deref())
            .headed(None, self.severity)
            .with(&self.fields, &self.links)?;
        pager.act(&cx, Act::Trigger, &self.key(&cx), &notice).await
    }
}

/// The key of an incident; nothing for one that could not be triggered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Incident(Option<String>);

impl Incident {
    fn key(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn shown(&self) -> &str {
        self.key().unwrap_or("that was never triggered")
    }

    async fn act(&self, cx: &Cx, act: Act, note: Option<&str>) -> Result<Value> {
        let Some(key) = self.key() else {
            return Ok(json!({ "sent": false, "what": "the incident was never triggered" }));
        };
        let pager = Pager::of(cx).await?;
        let words = if act == Act::Resolve { "resolved by playbook" } else { "acknowledged by playbook" };
        let notice = Notice::new(cx, note.unwrap_or(words), None);
        pager.act(cx, act, key, &notice).await
    }
}

/// Tells the pager that somebody looks after an incident, so that it wakes nobody else. Nothing takes that back. Gives
/// what `trigger` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    /// The incident's key: the `key` that `trigger` gives
    incident: Incident,
    /// A note for those who look at it, where the pager takes one
    note: Option<String>,
    /// Whether the run fails when the pager refuses it
    #[serde(default)]
    must: bool,
}

impl Primitive for Acknowledge {
    const NAME: &'static str = "acknowledge";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pager("oncall").acknowledge("deploy-api")"#;
    const NO_PROBE: Option<&'static str> = Some("to acknowledge an incident twice is to acknowledge it");
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("acknowledge the incident {} of {}", self.incident.shown(), resource.name)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.incident.act(&cx, Act::Acknowledge, self.note.as_deref()).await
    }
}

/// Resolves an incident; none under that key is no error. Nothing takes that back. Gives what `trigger` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolve {
    /// The incident's key: the `key` that `trigger` gives
    incident: Incident,
    /// A note for those who look at it, where the pager takes one
    note: Option<String>,
    /// Whether the run fails when the pager refuses it
    #[serde(default)]
    must: bool,
}

impl Primitive for Resolve {
    const NAME: &'static str = "resolve";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pager("oncall").resolve("deploy-api")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("resolve the incident {} of {}", self.incident.shown(), resource.name)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let (pager, Some(key)) = (Pager::of(cx).await?, self.incident.key()) else { return Ok(None) };
        match pager.table.kind {
            Kind::Opsgenie => {
                Ok(Some(opsgenie::status(&pager, cx, key).await?.is_none_or(|status| status == "closed")))
            }
            Kind::Pagerduty => Ok(None),
        }
    }

    async fn settled(&self, _: &Cx) -> Result<Option<Value>> {
        Ok(self.incident.key().map(|key| json!({ "sent": true, "key": key, "status": "found" })))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.incident.act(&cx, Act::Resolve, self.note.as_deref()).await
    }
}
