//! `ping` and `facts`: who can be reached, and what they are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Judge;
use super::deeds::asking;
use super::fan::{self, Deed, Fan};
use super::fleet::Fleet;
use super::script;
use super::settings::Table;
use super::words::on;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::effect::primitive::Primitive;
use crate::sys::clock;
use crate::sys::process::{Captured, Ended, Status};

/// How long each host has to answer.
const WITHIN: Duration = Duration::from_secs(20);

/// Connects to every host and logs in. Gives `ok`, `unreachable` and `hosts`: for each name `server` (what it calls itself)
/// and `took_ms`, or `error`. A host that cannot be reached is no error unless `must` says so.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ping {
    /// Only these hosts, by name
    hosts: Option<Vec<String>>,
    /// Whether a host that cannot be reached is an error
    #[serde(default)]
    must: bool,
}

impl Primitive for Ping {
    const NAME: &'static str = "ping";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ssh("web").ping().unreachable"#;
    const TIMEOUT: Duration = Duration::from_secs(120);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("connect to {}", on(resource, self.hosts.as_deref()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let most = if self.must { 0 } else { usize::MAX };
        let deed: Deed<Ended> = Arc::new(|fleet: &Fleet, target, patience| {
            let began = clock::instant();
            fleet.with(target, patience, |session| {
                let stdout = Captured { text: session.banner(), ..Captured::default() };
                let (status, stderr) = (Status::Code(0), Captured::default());
                Ok(Ended { status, stdout, stderr, took: began.elapsed() })
            })
        });
        gather(&cx, self.hosts, most, deed, |ended| {
            let mut map = Map::new();
            map.insert("server".to_owned(), ended.stdout.text.clone().into());
            map.insert("took_ms".to_owned(), (ended.took.as_millis() as u64).into());
            map
        })
        .await
    }
}

/// Connects to every host and runs what does nothing; one that cannot be reached is trouble, and one that lets nobody in was reached.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let seen = match (Ping { hosts: None, must: true }).run(cx.clone()).await {
        Ok(seen) => seen,
        Err(error) => return Health::or_refused(error),
    };
    // A login may be let in whose shell runs nothing.
    gather(&cx, None, 0, asking(vec!["true".to_owned()], WITHIN), |_| Map::new()).await?;
    let hosts = seen["hosts"].as_object().map(Map::len).unwrap_or_default();
    let servers =
        seen["hosts"].as_object().into_iter().flatten().filter_map(|(_, host)| host["server"].as_str());
    let servers: BTreeSet<&str> = servers.map(|server| server.trim_start_matches("SSH-2.0-")).collect();
    let health = Health::reached().permitted().fact(match hosts {
        1 => "one host lets us in".to_owned(),
        hosts => format!("{hosts} hosts let us in and run commands"),
    });
    Ok(health.version(servers.into_iter().collect::<Vec<_>>().join(", ")))
}

/// Asks every host what it is. Gives the lists of `exec`, and `hosts`: for each name `hostname`, `kernel`, `machine`, `os`,
/// `user`, `cpus`, `memory_kib`, `memory_free_kib`, `load`, `uptime_s`, `disk_kib` and `disk_free_kib` (of `/`), as far as
/// it knows them; with one host, these stand beside.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// Only these hosts, by name
    hosts: Option<Vec<String>>,
    /// How many hosts may fail to answer
    #[serde(default)]
    max_failures: usize,
}

impl Primitive for Facts {
    const NAME: &'static str = "facts";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ssh("web").facts().hosts"#;
    const TIMEOUT: Duration = Duration::from_secs(120);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {} what they are", on(resource, self.hosts.as_deref()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let deed = asking(script::facts(), WITHIN);
        gather(&cx, self.hosts, self.max_failures, deed, |ended| told(&ended.stdout.text)).await
    }
}

async fn gather(
    cx: &Cx,
    hosts: Option<Vec<String>>,
    max_failures: usize,
    deed: Deed<Ended>,
    tell: impl Fn(&Ended) -> Map<String, Value>,
) -> Result<Value> {
    let table: Table = cx.settings()?;
    let fleet = super::fleet(cx).await?;
    let hosts = fleet.choose(hosts.as_deref())?;
    let fan = Fan { hosts, limit: table.limit(None), serial: None, max_failures, within: WITHIN };
    let judge = Judge { cx, what: "asking".to_owned(), ok: vec![0], max_failures, within: WITHIN };
    let ends = fan::out(cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
    judge.value(ends, tell)
}

/// Lines of `name=value` as a map; figures become numbers.
fn told(text: &str) -> Map<String, Value> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let value = match (value.parse::<i64>(), value.parse::<f64>()) {
                (Ok(number), _) if name != "hostname" => number.into(),
                (_, Ok(number)) if name == "load" => number.into(),
                _ => value.into(),
            };
            (name.to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_texts_and_numbers() {
        let map = told("hostname=12\nos=Debian GNU/Linux 12\ncpus=2\nload=0.5\nempty=\nnothing\n");
        let told =
            serde_json::json!({ "hostname": "12", "os": "Debian GNU/Linux 12", "cpus": 2, "load": 0.5 });
        assert_eq!(Value::Object(map), told);
    }
}
