//! `propagated`: whether a change of a name has reached every server, asked again and again.

use std::time::Duration;

use futures::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ask::{self, Question, Server};
use super::{listed, prepare};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Waits until every one of the resource's servers gives exactly these values for a name; gives `#{ attempts, took_ms,
/// servers }`, `servers` a map from server to the longest TTL that it gave. What a server said last is told when it was
/// not in time.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Propagated {
    /// The name, whole: `api.example.com`
    name: String,
    /// The values that it must have, in any order
    to: Vec<String>,
    /// The kind of records
    #[serde(default = "super::address")]
    kind: String,
    /// How long it may take in all
    #[serde(default = "five_minutes")]
    within: Period,
    /// How long to pause between two tries
    #[serde(default = "two_seconds")]
    every: Period,
}

const fn five_minutes() -> Period {
    Period::of("5m")
}

const fn two_seconds() -> Period {
    Period::of("2s")
}

impl Primitive for Propagated {
    const NAME: &'static str = "propagated";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"dns("public").propagated("api.example.com", ["192.0.2.10"], #{ within: "10m" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let Self { name, to, kind, within, .. } = self;
        format!(
            "wait until every server of {resource} gives {} for {kind} of {name}, at most {within}",
            to.join(", ")
        )
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let (servers, question) = prepare(&cx, &self.name, &self.kind)?;
        let wanted = question.wanted(&self.to);
        let begin = cx.instant();
        let (mut attempts, mut last) = (0_u64, Vec::new());
        loop {
            attempts += 1;
            let left = within.saturating_sub(begin.elapsed());
            tokio::select! {
                said = ask_all(&cx, &servers, &question) => last = said,
                stopped = cx.pause(left) => { stopped?; break }
            }
            if last.iter().all(|said| said.values.as_ref().is_ok_and(|values| *values == wanted)) {
                let took = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
                let servers: Map<String, Value> =
                    last.iter().map(|said| (said.server.clone(), json!(said.ttl))).collect();
                return Ok(json!({ "attempts": attempts, "took_ms": took, "servers": servers }));
            }
            if begin.elapsed() + every >= within {
                break;
            }
            cx.pause(every).await?;
        }
        if last.is_empty() {
            return Err(unheard(&cx, &self, &servers));
        }
        Err(late(&cx, &self, &wanted, &last))
    }
}

/// What one server said last.
struct Said {
    server: String,
    values: Result<Vec<String>>,
    ttl: Option<u32>,
}

async fn ask_all(cx: &Cx, servers: &[Server], question: &Question) -> Vec<Said> {
    let resource = cx.resource().to_string();
    join_all(servers.iter().map(async |server| {
        let records = server.ask(&resource, question).await;
        let ttl = records.as_ref().ok().and_then(|records| records.iter().map(|record| record.ttl).max());
        Said { server: server.address.to_string(), values: records.map(|records| ask::values(&records)), ttl }
    }))
    .await
}

/// Not one round of answers came in all the time.
fn unheard(cx: &Cx, asked: &Propagated, servers: &[Server]) -> Error {
    let names: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let what = format!("the servers of `{}` did not all answer within {}", cx.resource(), asked.within);
    Error::timeout(what)
        .why(format!("asked were {}", names.join(", ")))
        .fix("check `resolvers` and the network to them, or give `within` more time")
}

fn late(cx: &Cx, asked: &Propagated, wanted: &[String], last: &[Said]) -> Error {
    let is_behind = |said: &&Said| !said.values.as_ref().is_ok_and(|values| values == wanted);
    let behind: Vec<&Said> = last.iter().filter(is_behind).collect();
    let told = |said: &&Said| match &said.values {
        Ok(values) => {
            let ttl = said.ttl.map(|ttl| format!(", for up to {ttl} s more")).unwrap_or_default();
            format!("{} still gives {}{ttl}", said.server, listed(values))
        }
        Err(error) => error.why.clone().unwrap_or_else(|| error.what.clone()),
    };
    let why: Vec<String> = behind.iter().map(told).collect();
    Error::timeout(format!(
        "{} of {} servers of `{}` did not give {} for {} within {}",
        behind.len(),
        last.len(),
        cx.resource(),
        listed(wanted),
        asked.name,
        asked.within
    ))
    .why(why.join("\n"))
    .fix("change the record at the name's own servers, or wait until what the others hold has expired")
}
