//! Changes of records, and how each is taken back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::zone::{Set, open, touched};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How long until every name server knows of a change.
const LONG: Duration = Duration::from_secs(300);

const fn yes() -> bool {
    true
}

const fn five_minutes() -> u64 {
    300
}

/// Gives a record these values, and waits until every name server of the zone knows. Those who asked before keep what they
/// heard until its time to live is over. Aliases and records with several sets are left alone. Taken back by the values
/// that were before. Gives `before` and `after` (lists of values), `change` and `status`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetRecord {
    /// Its name: whole, `www.example.com`
    name: String,
    /// Its kind: `A`, `AAAA`, `CNAME`, `TXT`, `MX` …
    kind: String,
    /// Its values: `["10.0.0.1", "10.0.0.2"]`
    values: Vec<String>,
    /// How long others may keep it, in seconds
    #[serde(default = "five_minutes")]
    ttl: u64,
    /// Whether to wait until every name server of the zone knows
    #[serde(default = "yes")]
    wait: bool,
}

impl Primitive for SetRecord {
    const NAME: &'static str = "set_record";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"route53("zone").set_record("api.example.com", "CNAME", ["green.example.com"], #{ ttl: 60 });"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("set the {} record of {} in {resource} to {}", self.kind, self.name, self.values.join(", "))
    }

    fn touches(&self) -> Option<String> {
        Some(touched(&self.name, &self.kind))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Ok(match open(cx).await?.plain(cx, &self.name, &self.kind).await? {
            Some(before) if self.is(&before) => Inverse::Nothing,
            Some(before) => restoring(cx, &self.name, &self.kind, &before),
            None => Inverse::Call(
                Call::new(cx.resource().clone(), DeleteRecord::NAME)
                    .with("name", self.name.clone())
                    .with("kind", self.kind.clone()),
            ),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let now = open(cx).await?.sets(cx, &self.name, &self.kind).await?;
        Ok(Some(now.iter().any(|set| self.is(set))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        if self.values.is_empty() {
            let error =
                Error::usage(format!("the {} record of {} would have no value", self.kind, self.name));
            return Err(error.fix("give at least one value, or call `delete_record`").unchanged());
        }
        let zone = open(&cx).await?;
        let before = zone.plain(&cx, &self.name, &self.kind).await.map_err(Error::unchanged)?;
        let set = Set { values: self.values, ttl: self.ttl, ..Set::default() };
        let (change, status) = zone.change(&cx, ("UPSERT", &self.name, &self.kind), &set, self.wait).await?;
        let before = before.unwrap_or_default().values;
        Ok(json!({ "before": before, "after": set.values, "change": change, "status": status }))
    }
}

impl SetRecord {
    fn is(&self, set: &Set) -> bool {
        let sorted = |values: &[String]| {
            let mut all: Vec<String> =
                values.iter().map(|value| value.strip_suffix('.').unwrap_or(value).to_owned()).collect();
            all.sort();
            all
        };
        set.alias.is_empty() && set.ttl == self.ttl && sorted(&set.values) == sorted(&self.values)
    }
}

/// Deletes a record, and waits until every name server of the zone knows. Aliases and records with several sets are left
/// alone. Taken back by the values that were before. Gives `before`, `change` and `status`; of a record that is not there,
/// `before` is empty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteRecord {
    /// Its name: whole, `www.example.com`
    name: String,
    /// Its kind: `A`, `AAAA`, `CNAME`, `TXT`, `MX` …
    kind: String,
    /// Whether to wait until every name server of the zone knows
    #[serde(default = "yes")]
    wait: bool,
}

impl Primitive for DeleteRecord {
    const NAME: &'static str = "delete_record";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"route53("zone").delete_record("old.example.com", "A");"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("delete the {} record of {} from {resource}", self.kind, self.name)
    }

    fn touches(&self) -> Option<String> {
        Some(touched(&self.name, &self.kind))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let before = open(cx).await?.plain(cx, &self.name, &self.kind).await?;
        Ok(before.map_or(Inverse::Nothing, |before| restoring(cx, &self.name, &self.kind, &before)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(open(cx).await?.sets(cx, &self.name, &self.kind).await?.is_empty()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let zone = open(&cx).await?;
        let before = zone.plain(&cx, &self.name, &self.kind).await.map_err(Error::unchanged)?;
        let Some(set) = before else {
            return Ok(json!({ "before": [], "change": "", "status": "INSYNC" }));
        };
        let (change, status) = zone.change(&cx, ("DELETE", &self.name, &self.kind), &set, self.wait).await?;
        Ok(json!({ "before": set.values, "change": change, "status": status }))
    }
}

fn restoring(cx: &Cx, name: &str, kind: &str, before: &Set) -> Inverse {
    Inverse::Call(
        Call::new(cx.resource().clone(), SetRecord::NAME)
            .with("name", name)
            .with("kind", kind)
            .with("values", json!(before.values))
            .with("ttl", before.ttl),
    )
}
