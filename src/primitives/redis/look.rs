//! Whether the masters answer, which version they are, and whether they take writes.

use redis::cmd;
use serde_json::Value;

use super::answers;
use super::errors::ROOM;
use super::facts::Facts;
use super::session::Session;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// Asks each master for INFO.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let session = Session::open(&cx).await?;
    let mut health = Health::reached();
    let nodes = session.masters().await?;
    if session.door.is_cluster() {
        health = health.fact(format!("a cluster of {} masters", nodes.len()));
    }
    for mut node in nodes {
        let answer = session.direct(&mut node, &cmd("INFO"), "INFO").await?;
        let said = answers::text(&session.named, "INFO", answer)?;
        let facts = Facts::read(&said);
        let told = facts.told(0);
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        health = health.version(format!("Redis {}", text("version")));
        if text("role") == "replica" && cx.granted() > Effect::Read {
            let what = format!("`{}` is a replica at {}, which takes no writes", cx.resource(), node.address);
            health = health.refused(
                Error::remote(what)
                    .fix(format!("name the master in {}, or grant only `access = \"read\"`", cx.table())),
            );
        }
        if facts.is_full() && cx.granted() > Effect::Read {
            health = health.trouble(
                Error::remote(format!(
                    "`{}` is full at {}: it takes no more writes",
                    cx.resource(),
                    node.address
                ))
                .why("its memory has reached maxmemory, and maxmemory-policy is noeviction")
                .fix(ROOM),
            );
        }
        let ratio = told.get("memory").and_then(|memory| memory.get("ratio")?.as_f64());
        if let Some(ratio) = ratio.filter(|ratio| *ratio > 0.9) {
            health = health.fact(format!("memory {:.0} % full", ratio * 100.0));
        }
        session.door.give_back(node);
    }
    Ok(health)
}
