//! `ping` and `info`: whether the server answers, and what it says of itself.

use futures::future::try_join_all;
use redis::cmd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers;
use super::facts::{Facts, together};
use super::node::Node;
use super::session::Session;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Asks for a sign of life; in a cluster of every master. Gives `#{ latency_ms, nodes }`: the slowest answer, and how many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ping {}

impl Primitive for Ping {
    const NAME: &'static str = "ping";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str =
        r#"metric "latency of the cache (ms)", redis("cache").ping().latency_ms < 5;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ping {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let ask = async |mut node: Node| {
            let begin = cx.instant();
            session.direct(&mut node, &cmd("PING"), "PING").await?;
            let took = begin.elapsed().as_secs_f64() * 1e3;
            session.door.give_back(node);
            Ok::<f64, crate::base::error::Error>(took)
        };
        let took = try_join_all(session.masters().await?.into_iter().map(ask)).await?;
        let slowest = took.iter().copied().fold(0.0, f64::max);
        Ok(json!({ "latency_ms": (slowest * 1e3).round() / 1e3, "nodes": took.len() }))
    }
}

/// Reads what the server says of itself: `#{ version, role, memory: #{ used, max, ratio, fragmentation }, clients:
/// #{ connected, blocked, max }, replication: #{ … }, keys: #{ total, expiring }, evicted, expired, hits, misses,
/// hit_ratio, operations_per_second, up_ms }`. Sizes are in bytes, and what the server does not bound or does not know is
/// `()`; `memory.ratio` is `used` of `max`, or of the machine's memory where there is no `max`. A master's `replication` is `#{ replicas: [#{ address, link, lag_ms, behind }] }`, a replica's `#{ master, link,
/// heard_ms, behind }`. In a cluster the figures are those of all masters together, `memory.ratio` that of the fullest,
/// and `nodes` holds those of each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Info {}

impl Primitive for Info {
    const NAME: &'static str = "info";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str = r#"check "memory of the cache", redis("cache").info().memory.ratio < 0.9;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read what {resource} says of itself")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let database = session.door.target.login.database;
        let ask = async |mut node: Node| {
            let answer = session.direct(&mut node, &cmd("INFO"), "INFO").await?;
            let text = answers::text(&session.named, "INFO", answer)?;
            let mut facts = Facts::read(&text).told(database);
            facts.insert("address".to_owned(), node.address.to_string().into());
            session.door.give_back(node);
            Ok::<_, crate::base::error::Error>(facts)
        };
        let mut nodes = try_join_all(session.masters().await?.into_iter().map(ask)).await?;
        match nodes.pop() {
            Some(only) if nodes.is_empty() && !session.door.is_cluster() => Ok(Value::Object(only)),
            last => {
                nodes.extend(last);
                Ok(together(nodes))
            }
        }
    }
}
