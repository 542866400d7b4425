//! Prometheus: what is measured, conditions that have to hold for a while, and what it knows of its rules and targets.

mod holds;
mod lists;
mod query;
mod sample;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use settings::Settings;

use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::endpoint::Api;
use crate::effect::family::{self, Family};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "prometheus",
    about: "A Prometheus server, or whatever answers its HTTP API: queries, conditions that have to hold for a while, \
            rules, targets and alerts. It only reads.",
    settings: family::Settings::of::<Settings>(),
    entries: &[
        entry::<query::Value>(),
        entry::<query::Query>(),
        entry::<query::QueryRange>(),
        entry::<holds::Holds>(),
        entry::<lists::Rules>(),
        entry::<lists::Targets>(),
        entry::<lists::Alerts>(),
    ],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// The API of one resource.
struct Server {
    api: Arc<Api>,
    name: String,
    queries: BTreeMap<String, String>,
}

impl Server {
    async fn of(cx: &Cx) -> Result<Self> {
        let queries = cx.settings::<Settings>()?.queries;
        let api = Api::at(cx, || Ok(cx.settings::<Settings>()?.endpoint())).await?;
        Ok(Self { api, name: cx.resource().to_string(), queries })
    }

    /// What a query says: the one of that name in the settings, or itself.
    fn meant<'a>(&'a self, query: &'a str) -> &'a str {
        self.queries.get(query).map_or(query, String::as_str)
    }

    /// The `data` of an answer.
    async fn get(&self, path: &str, query: &Map<String, Value>) -> Result<Value> {
        let mut answer =
            self.api.get(&format!("/api/v1/{path}"), query).await.map_err(|error| {
                match error.details.get("status").and_then(Value::as_u64) {
                    Some(400 | 422) if error.fix.is_none() => {
                        error.fix("try the query in Prometheus' own page")
                    }
                    _ => error,
                }
            })?;
        answer.get_mut("data").map(Value::take).ok_or_else(|| {
            Error::remote(format!("`{}` answers as no Prometheus does: without `data`", self.name))
                .fix("check `url` of that resource in playbook.toml: it ends before `/api/v1`")
        })
    }
}

/// Reads the targets, and the version where the server tells it: what only speaks Prometheus' language may not.
async fn look(cx: Cx) -> Result<Health> {
    let server = Server::of(&cx).await?;
    let targets = server.get("targets", &Map::new()).await?;
    let active = targets["activeTargets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let up = active.iter().filter(|target| target["health"] == "up").count();
    let health = Health::reached().permitted().fact(format!("{up} of {} targets are up", active.len()));
    let built = server.get("status/buildinfo", &Map::new()).await.unwrap_or_default();
    Ok(match built["version"].as_str() {
        Some(version) => health.version(format!("Prometheus {version}")),
        None => health,
    })
}
