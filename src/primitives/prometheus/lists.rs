//! `rules`, `targets`, `alerts`: what the server watches, and whether it can.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Server;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Reads the rules that are loaded: an array of `#{ name, kind, group, file, query, labels, health, error, state, alerts }`.
/// `kind` is "alerting" or "recording"; `health` is "ok", "err" or "unknown"; of an alert, `state` is "inactive", "pending" or
/// "firing", and `alerts` how many there are.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {}

impl Primitive for Rules {
    const NAME: &'static str = "rules";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the alert is loaded", prometheus("main").rules().some(|rule| rule.name == "HighErrorRate");"#;

    fn plan(&self, _: &ResourceId) -> String {
        "read the rules that are loaded".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let data = Server::of(&cx).await?.get("rules", &Map::new()).await?;
        let mut all = Vec::new();
        for group in list(&data["groups"]) {
            for rule in list(&group["rules"]) {
                all.push(json!({
                    "name": rule["name"],
                    "kind": rule["type"],
                    "group": group["name"],
                    "file": group["file"],
                    "query": rule["query"],
                    "labels": rule.get("labels").unwrap_or(&json!({})),
                    "health": rule["health"],
                    "error": text(&rule["lastError"]),
                    "state": text(&rule["state"]),
                    "alerts": list(&rule["alerts"]).len(),
                }));
            }
        }
        Ok(all.into())
    }
}

/// Reads the targets that are scraped: an array of `#{ job, instance, health, error, url, labels, last_scrape }`. `health` is
/// "up", "down" or "unknown" (not scraped yet); `error` is why the last scrape went wrong, else empty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Targets {
    /// Only those of this job
    job: Option<String>,
}

impl Primitive for Targets {
    const NAME: &'static str = "targets";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str =
        r#"prometheus("main").targets("api").filter(|target| target.health != "up")"#;

    fn plan(&self, _: &ResourceId) -> String {
        let of = self.job.as_ref().map(|job| format!(" of the job {job}")).unwrap_or_default();
        format!("read the targets{of}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let active = Map::from_iter([("state".to_owned(), json!("active"))]);
        let data = Server::of(&cx).await?.get("targets", &active).await?;
        let wanted = |target: &&Value| {
            self.job.as_ref().is_none_or(|job| target["labels"]["job"].as_str() == Some(job.as_str()))
        };
        let told = |target: &Value| {
            json!({
                "job": target["labels"]["job"],
                "instance": target["labels"]["instance"],
                "health": target["health"],
                "error": text(&target["lastError"]),
                "url": target["scrapeUrl"],
                "labels": target["labels"],
                "last_scrape": target["lastScrape"],
            })
        };
        Ok(list(&data["activeTargets"]).iter().filter(wanted).map(told).collect())
    }
}

/// Reads the alerts that are pending or firing: an array of `#{ name, state, labels, annotations, since, value }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {}

impl Primitive for Alerts {
    const NAME: &'static str = "alerts";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str = r#"check "nothing fires", prometheus("main").alerts().filter(|alert| alert.state == "firing") == [];"#;

    fn plan(&self, _: &ResourceId) -> String {
        "read the alerts".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let data = Server::of(&cx).await?.get("alerts", &Map::new()).await?;
        let told = |alert: &Value| {
            json!({
                "name": alert["labels"]["alertname"],
                "state": alert["state"],
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "since": alert["activeAt"],
                "value": alert["value"].as_str().and_then(|value| value.parse::<f64>().ok()),
            })
        };
        Ok(list(&data["alerts"]).iter().map(told).collect())
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::FAMILY;

    #[test]
    fn what_moves_by_itself_holds_no_plan() {
        let moves: Vec<&str> =
            FAMILY.entries.iter().filter(|entry| entry.measures).map(|entry| entry.name).collect();
        assert!(moves.contains(&"targets") && moves.contains(&"alerts"), "{moves:?}");
        assert!(!moves.contains(&"rules"), "{moves:?}");
    }
}
