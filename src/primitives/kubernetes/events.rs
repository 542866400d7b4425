//! `events`: what the cluster says happened to its objects.

use kube::api::ListParams;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::kind::Kind;
use super::object::{number, text};
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// So many events are read at most.
const MOST: u32 = 1000;

/// Reads the events of the namespace, or of one object, the latest last. Each has `at`, `type` ("Normal" or
/// "Warning"), `reason`, `object`, `message` and `count`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Events {
    /// The object, as "pod/web-1"; all objects when left out
    target: Option<Target>,
    /// Whether only warnings are wanted
    #[serde(default)]
    warnings: bool,
    /// How many of the latest are given
    #[serde(default = "fifty")]
    last: usize,
}

const fn fifty() -> usize {
    50
}

impl Primitive for Events {
    const NAME: &'static str = "events";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"kubernetes("prod").events("deployment/web", #{ warnings: true })"#;

    fn plan(&self, _: &ResourceId) -> String {
        let what = if self.warnings { "warnings" } else { "events" };
        match &self.target {
            Some(target) => format!("read the {what} of {target}"),
            None => format!("read the {what}"),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let mut fields = Vec::new();
        if let Some(target) = &self.target {
            let kind = cluster.kind(&target.word).await?;
            fields.push(format!("involvedObject.name={},involvedObject.kind={}", target.name, kind.name));
        }
        if self.warnings {
            fields.push("type=Warning".to_owned());
        }
        let events = read(&cluster, &fields.join(",")).await?;
        let first = events.len().saturating_sub(self.last);
        Ok(Value::Array(events[first..].iter().map(shown).collect()))
    }
}

/// The latest warnings about these objects, a line each.
pub(super) async fn warnings(cluster: &Cluster, names: &[String], most: usize) -> Result<Vec<String>> {
    let mut events = read(cluster, "type=Warning").await?;
    events.retain(|event| names.iter().any(|name| name == text(event, "/involvedObject/name")));
    let mut lines: Vec<String> = Vec::new();
    for event in events.iter().rev() {
        let line =
            format!("{} {}: {}", text(event, "/reason"), object(event), text(event, "/message").trim());
        if !lines.contains(&line) && lines.len() < most {
            lines.push(line);
        }
    }
    lines.reverse();
    Ok(lines)
}

/// The events that fit, the latest last.
async fn read(cluster: &Cluster, fields: &str) -> Result<Vec<Value>> {
    let wanted = ListParams::default().limit(MOST);
    let wanted = if fields.is_empty() { wanted } else { wanted.fields(fields) };
    let (mut events, _) = cluster.list(&Kind::event(), &wanted).await?;
    events.sort_by(|a, b| at(a).cmp(at(b)));
    Ok(events)
}

/// When it happened last; old and new events say so in different fields.
fn at(event: &Value) -> &str {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    times.iter().map(|path| text(event, path)).find(|time| !time.is_empty()).unwrap_or_default()
}

fn object(event: &Value) -> String {
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    format!("{kind}/{}", text(event, "/involvedObject/name"))
}

fn shown(event: &Value) -> Value {
    json!({
        "at": at(event),
        "type": text(event, "/type"),
        "reason": text(event, "/reason"),
        "object": object(event),
        "message": text(event, "/message").trim(),
        "count": number(event, "/count").max(1),
    })
}
