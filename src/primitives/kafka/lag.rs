//! `lag`: how many messages of a topic a group of consumers has not yet taken.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, GroupId, ListOffsetsRequest, OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The end of a partition, as a time.
const LATEST: i64 = -1;

/// Reads how far a group of consumers is behind on a topic: `#{ group, topic, total, partitions: [#{ partition, end, committed, lag }] }`.
/// A partition of which the group has committed nothing has `()` for `committed`, and all of its messages as `lag`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lag {
    /// The group of consumers
    group: String,
    /// The topic
    topic: String,
}

impl Primitive for Lag {
    const NAME: &'static str = "lag";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "messages not taken", kafka("events").lag("billing", "orders").total < 1000;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how far the group {} is behind on {} of {resource}", self.group, self.topic)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (mut broker, told) = cluster.metadata(Some(&self.topic)).await?;
        let partitions = &cluster.topic(&told, &self.topic)?.partitions;
        let numbers: Vec<i32> = partitions.iter().map(|partition| partition.partition_index).collect();
        let mut leaders: BTreeMap<BrokerId, Vec<i32>> = BTreeMap::new();
        for partition in partitions {
            leaders.entry(partition.leader_id).or_default().push(partition.partition_index);
        }
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(self.group.clone()));
        let found = broker.ask(request, 2).await?;
        self.refused(&cx, "who keeps its place", found.error_code)?;
        let committed =
            self.committed(&cx, &cluster, (found.host.as_str(), found.port), numbers.clone()).await?;
        let mut ends = BTreeMap::new();
        for (leader, numbers) in leaders {
            let place = told.brokers.iter().find(|broker| broker.node_id == leader).ok_or_else(|| {
                Error::remote(format!("partitions {numbers:?} of {} have no leader", self.topic))
                    .fix("bring the broker back that led them")
            })?;
            ends.extend(self.ends(&cx, &cluster, (place.host.as_str(), place.port), numbers).await?);
        }
        let mut total = 0;
        let each: Vec<Value> = numbers
            .iter()
            .map(|number| {
                let end = ends.get(number).copied().unwrap_or(0);
                let at = committed.get(number).copied().filter(|at| *at >= 0);
                let lag = (end - at.unwrap_or(0)).max(0);
                total += lag;
                json!({ "partition": number, "end": end, "committed": at, "lag": lag })
            })
            .collect();
        Ok(json!({ "group": self.group, "topic": self.topic, "total": total, "partitions": each }))
    }
}

impl Lag {
    fn refused(&self, cx: &Cx, asked: &str, code: i16) -> Result<()> {
        match ResponseError::try_from_code(code) {
            None => Ok(()),
            Some(why) => Err(Error::remote(format!(
                "`{}` does not tell how far the group {} is",
                cx.resource(),
                self.group
            ))
            .why(format!("asked for {asked}: {why}"))),
        }
    }

    fn topic(&self) -> TopicName {
        TopicName(StrBytes::from_string(self.topic.clone()))
    }

    async fn committed(
        &self,
        cx: &Cx,
        cluster: &Cluster,
        (host, port): (&str, i32),
        numbers: Vec<i32>,
    ) -> Result<BTreeMap<i32, i64>> {
        let topic =
            OffsetFetchRequestTopic::default().with_name(self.topic()).with_partition_indexes(numbers);
        let request = OffsetFetchRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(self.group.clone())))
            .with_topics(Some(vec![topic]));
        let told = cluster.broker(host, port).await?.ask(request, 5).await?;
        self.refused(cx, "its place", told.error_code)?;
        let partitions = told.topics.iter().flat_map(|topic| &topic.partitions);
        Ok(partitions.map(|partition| (partition.partition_index, partition.committed_offset)).collect())
    }

    async fn ends(
        &self,
        cx: &Cx,
        cluster: &Cluster,
        (host, port): (&str, i32),
        numbers: Vec<i32>,
    ) -> Result<BTreeMap<i32, i64>> {
        let partition =
            |number| ListOffsetsPartition::default().with_partition_index(number).with_timestamp(LATEST);
        let topic = ListOffsetsTopic::default()
            .with_name(self.topic())
            .with_partitions(numbers.into_iter().map(partition).collect());
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let told = cluster.broker(host, port).await?.ask(request, 3).await?;
        let mut ends = BTreeMap::new();
        for partition in told.topics.iter().flat_map(|topic| &topic.partitions) {
            self.refused(cx, "the end of a partition", partition.error_code)?;
            ends.insert(partition.partition_index, partition.offset);
        }
        Ok(ends)
    }
}
