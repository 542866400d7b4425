//! A cluster, asked through the first broker that answers.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::Table;
use super::login::Login;
use super::wire::{Broker, Door};
use crate::base::error::{Error, Result};
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::sys::net::Address;
use crate::sys::tls::Trust;

/// The newest version of that request that is used.
const NEWEST: i16 = 8;

/// Asks for the brokers and a topic, without making one that is not there.
fn about(topic: Option<&str>, version: i16) -> MetadataRequest {
    let Some(name) = topic else {
        // An empty list is none at all; a missing one would be all of them.
        return MetadataRequest::default().with_topics(Some(Vec::new()));
    };
    if version < 4 {
        // Asked for by its name, one that is not there would be made; so all of them are asked for.
        return MetadataRequest::default().with_topics(None);
    }
    let name = TopicName(StrBytes::from_string(name.to_owned()));
    let topic = MetadataRequestTopic::default().with_name(Some(name));
    MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(false)
}

/// A cluster, of which some brokers are known.
pub(super) struct Cluster {
    name: String,
    known: Vec<Address>,
    door: Door,
}

impl Cluster {
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let known =
            table.brokers.iter().map(|text| Address::read(text, Some(9092))).collect::<Result<Vec<_>>>()?;
        if known.is_empty() {
            return Err(Error::usage(format!("`brokers` of `{}` is empty", cx.resource()))
                .fix("name at least one broker"));
        }
        let login = match (table.user, &table.password) {
            (Some(user), Some(password)) => {
                Some(Login { mechanism: table.mechanism, user, password: cx.reveal(password).await? })
            }
            _ => None,
        };
        let trust = table.tls.then(|| Trust(table.ca.map(|ca| cx.trusted_path(&ca))));
        let door = Door { trust, login, within: parse_duration(&table.answer_within)? };
        Ok(Self { name: cx.resource().to_string(), known, door })
    }

    /// A connection to one broker.
    pub(super) async fn broker(&self, host: &str, port: i32) -> Result<Broker> {
        let port = u16::try_from(port)
            .map_err(|_| Error::remote(format!("a broker of `{}` has no port", self.name)))?;
        Broker::connect(&self.name, Address { host: host.to_owned(), port }, &self.door).await
    }

    /// What the first broker that answers says of the cluster and of a topic.
    pub(super) async fn metadata(&self, topic: Option<&str>) -> Result<(Broker, MetadataResponse)> {
        let mut first = None;
        for address in &self.known {
            let asked = async {
                let mut broker = Broker::connect(&self.name, address.clone(), &self.door).await?;
                let request = about(topic, broker.version::<MetadataRequest>(NEWEST));
                let told = broker.ask(request, NEWEST).await?;
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
    pub(super) fn topic<'a>(
        &self,
        told: &'a MetadataResponse,
        name: &str,
    ) -> Result<&'a MetadataResponseTopic> {
        let topic =
            told.topics.iter().find(|topic| topic.name.as_ref().is_some_and(|have| have.0.as_str() == name));
        let missing = || {
            Error::missing(format!("`{}` has no topic {name}", self.name))
                .fix("create it, or correct the name")
        };
        let topic = topic.ok_or_else(missing)?;
        match ResponseError::try_from_code(topic.error_code) {
            None => Ok(topic),
            Some(ResponseError::UnknownTopicOrPartition) => Err(missing()),
            Some(why) => Err(Error::remote(format!("`{}` does not tell of the topic {name}", self.name))
                .why(why.to_string())),
        }
    }
}
