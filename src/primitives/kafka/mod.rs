//! A Kafka cluster as its clients see it: its brokers, the state of a topic's partitions, how far a group is behind.

mod lag;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::net::Address;
use wire::Broker;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "kafka",
    about: "A Kafka cluster: its brokers, the leaders and replicas of a topic, and how far a group of consumers is \
            behind. Connections are neither encrypted nor authenticated.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Brokers>(), entry::<Topic>(), entry::<lag::Lag>()],
    store: None,
    sql: None,
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

/// Asks for the brokers and tries each of them; gives `#{ cluster, controller, brokers: [#{ id, address, rack, reachable, why }],
/// unreachable }`, `controller` the id of that broker, `unreachable` how many did not answer.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Brokers {}

impl Primitive for Brokers {
    const NAME: &'static str = "brokers";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "all brokers answer", kafka("events").brokers().unreachable == 0;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource} for its brokers, and try each")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx)?;
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
struct Topic {
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
        let cluster = Cluster::of(&cx)?;
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

/// A cluster, of which some brokers are known.
struct Cluster {
    name: String,
    known: Vec<Address>,
    within: Duration,
}

impl Cluster {
    fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let known =
            table.brokers.iter().map(|text| Address::read(text, Some(9092))).collect::<Result<Vec<_>>>()?;
        if known.is_empty() {
            return Err(Error::usage(format!("`brokers` of `{}` is empty", cx.resource()))
                .fix("name at least one broker"));
        }
        Ok(Self { name: cx.resource().to_string(), known, within: parse_duration(&table.answer_within)? })
    }

    /// A connection to one broker.
    async fn broker(&self, host: &str, port: i32) -> Result<Broker> {
        let port = u16::try_from(port)
            .map_err(|_| Error::remote(format!("a broker of `{}` has no port", self.name)))?;
        Broker::connect(&self.name, Address { host: host.to_owned(), port }, self.within).await
    }

    /// What the first broker that answers says of the cluster and of a topic.
    async fn metadata(&self, topic: Option<&str>) -> Result<(Broker, MetadataResponse)> {
        let topics = topic.map(|name| {
            let name = TopicName(StrBytes::from_string(name.to_owned()));
            vec![MetadataRequestTopic::default().with_name(Some(name))]
        });
        // No topics at all is an empty list, and one that is missing means all of them.
        let request = MetadataRequest::default()
            .with_topics(Some(topics.unwrap_or_default()))
            .with_allow_auto_topic_creation(false);
        let mut first = None;
        for address in &self.known {
            let asked = async {
                let mut broker = Broker::connect(&self.name, address.clone(), self.within).await?;
                let told = broker.ask(request.clone(), 8).await?;
                Ok((broker, told))
            };
            match asked.await {
                Ok(told) => return Ok(told),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| Error::bug("there is no broker to ask")))
    }

    /// That topic of an answer, or why it is not there.
    fn topic<'a>(
        &self,
        told: &'a MetadataResponse,
        name: &str,
    ) -> Result<&'a kafka_protocol::messages::metadata_response::MetadataResponseTopic> {
        let topic =
            told.topics.iter().find(|topic| topic.name.as_ref().is_some_and(|have| have.0.as_str() == name));
        let topic = topic.ok_or_else(|| Error::bug("a broker answered for another topic"))?;
        match ResponseError::try_from_code(topic.error_code) {
            None => Ok(topic),
            Some(ResponseError::UnknownTopicOrPartition) => {
                Err(Error::missing(format!("`{}` has no topic {name}", self.name))
                    .fix("create it, or correct the name"))
            }
            Some(why) => Err(Error::remote(format!("`{}` does not tell of the topic {name}", self.name))
                .why(why.to_string())),
        }
    }
}
