//! Machines of EC2: whether they run and are well, and what the network lets through to them.

mod network;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Account, Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "ec2",
    about: "Machines of EC2, by their ids or their tags: whether they run and pass their status checks, and what the network lets through to them.",
    settings: Settings { schema: || schemars::schema_for!(Table), check },
    entries: &[
        entry::<Status>(),
        entry::<WaitHealthy>(),
        entry::<network::Inbound>(),
        entry::<network::NetworkAcls>(),
    ],
    health: Examine::Reading("status", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Machines of EC2.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that they belong to, as "aws.main"
    account: ResourceId,
    /// Their ids: `["i-0a1b2c3d"]`
    #[serde(default)]
    instances: Vec<String>,
    /// The tags that they all have, instead of ids: `{ Name = "web" }`; those that were terminated do not count
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match (table.instances.is_empty(), table.tags.is_empty()) {
        (true, true) => Err("no machine is named; set `instances` or `tags`".to_owned()),
        (false, false) => {
            Err("`instances` and `tags` are two ways to name machines; set one of them".to_owned())
        }
        _ => Ok(()),
    }
}

/// Reads how the machines are: `total`, `running`, `healthy` (they run and pass both status checks), and `instances`, a
/// map from the id of each to its `state`, `system` and `instance` (the two checks: `ok`, `impaired`, `initializing`).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "all run", ec2("web").status().healthy == 3;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how the machines of {resource} are")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        read(&cx).await
    }
}

/// Waits until every machine runs and passes both status checks. Gives the same as `status`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaitHealthy {}

impl Primitive for WaitHealthy {
    const NAME: &'static str = "wait_healthy";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ec2("web").wait_healthy(#{ timeout: "10m" });"#;
    const TIMEOUT: Duration = Duration::from_secs(600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until the machines of {resource} are healthy")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut shown = String::new();
        loop {
            let found = read(&cx).await?;
            if found["healthy"] == found["total"] {
                return Ok(found);
            }
            let now = format!("{} of {} machines are healthy", found["healthy"], found["total"]);
            if now != shown {
                cx.line(false, &now);
                shown = now;
            }
            cx.pause(PAUSE).await?;
        }
    }
}

async fn read(cx: &Cx) -> Result<Value> {
    let table: Table = cx.settings()?;
    let account = aws::open(cx, &table.account).await?;
    let ids = ids(cx, &account, table).await?;
    let mut ask = Ask::form(Service::EC2, "DescribeInstanceStatus").field("IncludeAllInstances", "true");
    for (index, id) in ids.iter().enumerate() {
        ask = ask.field(&format!("InstanceId.{}", index + 1), id);
    }
    let answer = account.xml(cx, "read how its machines are", &ask).await?;
    let mut instances = Map::new();
    let (mut running, mut healthy) = (0, 0);
    for one in answer.list("instanceStatusSet") {
        let state = one.text("instanceState/name");
        let (system, instance) = (one.text("systemStatus/status"), one.text("instanceStatus/status"));
        running += usize::from(state == "running");
        healthy += usize::from(state == "running" && system == "ok" && instance == "ok");
        let told = json!({ "state": state, "system": system, "instance": instance });
        instances.insert(one.text("instanceId").to_owned(), told);
    }
    Ok(json!({ "total": ids.len(), "running": running, "healthy": healthy, "instances": instances }))
}

/// The ids of the machines.
async fn ids(cx: &Cx, account: &Account, table: Table) -> Result<Vec<String>> {
    match table.instances.is_empty() {
        true => tagged(cx, account, &table.tags).await,
        false => Ok(table.instances),
    }
}

/// The ids of the machines that have all these tags and were not terminated.
async fn tagged(cx: &Cx, account: &Account, tags: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut ask = Ask::form(Service::EC2, "DescribeInstances");
    for (index, state) in ["pending", "running", "stopping", "stopped"].into_iter().enumerate() {
        ask = ask.field(&format!("Filter.1.Value.{}", index + 1), state);
    }
    ask = ask.field("Filter.1.Name", "instance-state-name");
    for (index, (name, value)) in tags.iter().enumerate() {
        let filter = format!("Filter.{}", index + 2);
        ask = ask.field(&format!("{filter}.Name"), &format!("tag:{name}"));
        ask = ask.field(&format!("{filter}.Value.1"), value);
    }
    let answer = account.xml(cx, "list its machines", &ask).await?;
    let found: Vec<String> = answer
        .list("reservationSet")
        .flat_map(|reservation| reservation.list("instancesSet"))
        .map(|instance| instance.text("instanceId").to_owned())
        .collect();
    if found.is_empty() {
        return Err(Error::missing(format!("`{}` has no machine", cx.resource()))
            .why("no machine has all of its tags")
            .fix(format!("correct `tags` of {}", cx.table())));
    }
    Ok(found)
}
