//! A Kafka cluster as its clients see it: its brokers, the state of a topic's partitions, how far a group is behind.

mod cluster;
mod lag;
mod state;
mod wire;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::effect::family::{Family, Settings};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "kafka",
    about: "A Kafka cluster: its brokers, the leaders and replicas of a topic, and how far a group of consumers is \
            behind. Connections are neither encrypted nor authenticated.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<state::Brokers>(), entry::<state::Topic>(), entry::<lag::Lag>()],
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
    /// How long a broker may take to accept a connection, and then to answer
    #[serde(default = "five_seconds")]
    answer_within: String,
}

fn five_seconds() -> String {
    "5s".to_owned()
}
