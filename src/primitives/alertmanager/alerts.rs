//! `alerts`: what is wrong now.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::matchers;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::endpoint::Api;
use crate::effect::primitive::Primitive;
use crate::sys::http::path;

/// Reads the alerts that are active: an array of `#{ name, state, labels, annotations, since, silenced_by }`. `state` is
/// "active", "suppressed" (silenced or inhibited) or "unprocessed".
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    /// Only those with these labels: `#{ severity: "page", job: "=~api.*" }`
    #[serde(default)]
    labels: Map<String, Value>,
    /// Whether silenced and inhibited ones are told as well
    #[serde(default)]
    suppressed: bool,
}

impl Primitive for Alerts {
    const NAME: &'static str = "alerts";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "nothing pages", alertmanager("main").alerts(#{ labels: #{ severity: "page" } }) == [];"#;

    fn plan(&self, _: &ResourceId) -> String {
        match self.labels.is_empty() {
            true => "read the active alerts".to_owned(),
            false => format!("read the active alerts with {}", matchers::told(&self.labels)),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut query =
            vec![format!("silenced={}", self.suppressed), format!("inhibited={}", self.suppressed)];
        if !self.labels.is_empty() {
            for matcher in matchers::write(&self.labels)? {
                query.push(path::encode(&Map::from_iter([(
                    "filter".to_owned(),
                    json!(matchers::filter(&matcher)),
                )]))?);
            }
        }
        let path = format!("/api/v2/alerts?{}", query.join("&"));
        let alerts = Api::of(&cx).await?.get(&path, &Map::new()).await?;
        let told = |alert: &Value| {
            json!({
                "name": alert["labels"]["alertname"],
                "state": alert["status"]["state"],
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "since": alert["startsAt"],
                "silenced_by": alert["status"]["silencedBy"],
            })
        };
        Ok(alerts.as_array().map_or(&[][..], Vec::as_slice).iter().map(told).collect())
    }
}
