//! A Kafka cluster as its clients see it: its brokers, the state of a topic's partitions, how far a group is behind.

mod cluster;
mod lag;
mod login;
mod state;
mod wire;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::base::period::Period;
use crate::base::secret::Secret;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;
use login::Mechanism;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "kafka",
    about: "A Kafka cluster: its brokers, the leaders and replicas of a topic, and how far a group of consumers is \
            behind.",
    settings: Settings { check, ..Settings::of::<Table>() },
    entries: &[entry::<state::Brokers>(), entry::<state::Topic>(), entry::<lag::Lag>()],
    health: Examine::Reading("brokers", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// One cluster.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Brokers to ask first: `["kafka-1:9092", "kafka-2:9092"]`
    brokers: Vec<String>,
    /// Whether connections are encrypted, and each broker has to prove who it is
    #[serde(default)]
    tls: bool,
    /// The file of the authority's certificate, PEM, in place of those that the machine trusts
    ca: Option<String>,
    /// Who to log in as; nobody in particular when left out
    user: Option<String>,
    /// The user's password, as a reference: `env:KAFKA_PASSWORD`
    password: Option<Secret>,
    /// How the password is proved
    #[serde(default)]
    mechanism: Mechanism,
    /// How long a broker may take to accept a connection, and then to answer
    #[serde(default = "five_seconds")]
    answer_within: Period,
}

/// What is wrong with a table.
fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    if table.user.is_some() != table.password.is_some() {
        return Err("`user` and `password` belong together; set both, or neither".to_owned());
    }
    if table.user.is_some() && table.mechanism == Mechanism::Plain && !table.tls {
        return Err("the `password` would go over the network in clear; set `tls = true`, or `mechanism = \"SCRAM-SHA-512\"`"
            .to_owned());
    }
    if table.ca.is_some() && !table.tls {
        return Err("`ca` is of use with encryption only; set `tls = true`, or leave it out".to_owned());
    }
    Ok(())
}

const fn five_seconds() -> Period {
    Period::of("5s")
}
