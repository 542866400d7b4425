//! `brokers` and `topic`: what the cluster says of itself.

use std::collections::BTreeMap;

use futures::future::join_all;
use kafka_protocol::ResponseError;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Asks for the brokers and tries each of them; gives `#{ cluster, controller, brokers: [#{ id, address, rack, reachable, why }],
/// unreachable }`, `controller` the id of that broker, `unreachable` how many did not answer.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Brokers {}

impl Primitive for Brokers {
    const NAME: &'static str = "brokers";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "all brokers answer", kafka("events").brokers().unreachable == 0;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource} for its brokers, and try each")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (_, told) = cluster.metadata(None).await?;
        let tried = told.brokers.iter().map(|broker| async {
            let why =
                cluster.broker(broker.host.as_str(), broker.port).await.err().map(|error| error.what.clone());
            json!({
                "id": broker.node_id.0,
                "address": format!("{}:{}", broker.host.as_str(), broker.port),
                "rack": broker.rack.as_ref().map(|rack| rack.as_str()),
                "reachable": why.is_none(),
                "why": why,
            })
        });
        let brokers = join_all(tried).await;
        let unreachable = brokers.iter().filter(|broker| broker["reachable"] == false).count();
        Ok(json!({
            "cluster": told.cluster_id.as_ref().map(|id| id.as_str()),
            "controller": told.controller_id.0,
            "brokers": brokers,
            "unreachable": unreachable,
        }))
    }
}

/// Reads the state of a topic: `#{ name, partitions: [#{ partition, leader, replicas, in_sync }], leaderless, under_replicated,
/// healthy }`. `leaderless` and `under_replicated` are numbers of partitions; a partition without a leader has `()` for it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    /// The topic
    name: String,
}

impl Primitive for Topic {
    const NAME: &'static str = "topic";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the topic is healthy", kafka("events").topic("orders").healthy;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the state of the topic {} of {resource}", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (_, told) = cluster.metadata(Some(&self.name)).await?;
        let mut partitions = BTreeMap::new();
        let (mut leaderless, mut behind) = (0, 0);
        for partition in cluster.topic(&told, &self.name)?.partitions.iter() {
            let leader = (partition.leader_id.0 >= 0
                && partition.error_code != ResponseError::LeaderNotAvailable.code())
            .then_some(partition.leader_id.0);
            leaderless += usize::from(leader.is_none());
            behind += usize::from(partition.isr_nodes.len() < partition.replica_nodes.len());
            let ids = |nodes: &[kafka_protocol::messages::BrokerId]| {
                nodes.iter().map(|node| node.0).collect::<Vec<_>>()
            };
            partitions.insert(
                partition.partition_index,
                json!({
                    "partition": partition.partition_index,
                    "leader": leader,
                    "replicas": ids(&partition.replica_nodes),
                    "in_sync": ids(&partition.isr_nodes),
                }),
            );
        }
        Ok(json!({
            "name": self.name,
            "partitions": partitions.into_values().collect::<Vec<_>>(),
            "leaderless": leaderless,
            "under_replicated": behind,
            "healthy": leaderless == 0 && behind == 0,
        }))
    }
}
