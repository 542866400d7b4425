//! One question to one name server.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::base::text::show_duration;

/// A name and the kind of records wanted.
#[derive(Clone, Debug)]
pub(super) struct Question {
    name: Name,
    pub(super) kind: RecordType,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) ttl: u32,
}

/// One name server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    within: Duration,
    resolver: TokioResolver,
}

impl Question {
    /// Reads a name, which is whole with or without its last dot, and a kind.
    pub(super) fn read(name: &str, kind: &str) -> Result<Self> {
        let mut read = Name::from_utf8(name).map_err(|why| {
            Error::usage(format!("`{name}` is no name"))
                .why(why.to_string())
                .fix("write for example \"api.example.com\"")
        })?;
        read.set_fqdn(true);
        let kind = RecordType::from_str(&kind.to_uppercase()).map_err(|_| {
            Error::usage(format!("`{kind}` is no kind of records"))
                .fix("write A, AAAA, CNAME, MX, TXT, NS, SRV, CAA, SOA or PTR")
        })?;
        Ok(Self { name: read, kind })
    }

    /// Whether the name lies in that zone.
    pub(super) fn is_within(&self, zone: &str) -> bool {
        Name::from_utf8(zone).is_ok_and(|mut zone| {
            zone.set_fqdn(true);
            zone.zone_of(&self.name)
        })
    }

    /// Values as a script gives them, in the form in which answers are compared.
    pub(super) fn wanted(&self, values: &[String]) -> Vec<String> {
        let mut values: Vec<String> = values.iter().map(|value| self.plain(value)).collect();
        values.sort();
        values.dedup();
        values
    }

    fn plain(&self, value: &str) -> String {
        match self.kind {
            RecordType::TXT | RecordType::CAA => value.to_owned(),
            RecordType::A | RecordType::AAAA => {
                value.parse::<IpAddr>().map_or_else(|_| value.to_owned(), |address| address.to_string())
            }
            _ => value.trim_end_matches('.').to_lowercase(),
        }
    }
}

impl Record {
    /// As a script sees it.
    pub(super) fn value(&self) -> Value {
        json!({ "name": self.name, "kind": self.kind, "ttl": self.ttl, "value": self.value })
    }
}

/// The values of records, sorted, each once.
pub(super) fn values(records: &[Record]) -> Vec<String> {
    let mut values: Vec<String> = records.iter().map(|record| record.value.clone()).collect();
    values.sort();
    values.dedup();
    values
}

impl Server {
    /// The server at an address, port 53 unless it says otherwise.
    pub(super) fn new(text: &str, within: Duration) -> Result<Self> {
        let address = text
            .parse::<SocketAddr>()
            .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
            .map_err(|_| {
                Error::usage(format!("`{text}` is no address of a name server"))
                    .fix("write an IP address, with a port where it is not 53: \"127.0.0.1:5353\"")
            })?;
        let mut options = ResolverOpts::default();
        options.timeout = within;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ndots = 0;
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|why| Error::bug("the name client cannot be made").why(why.to_string()))?;
        Ok(Self { address, within, resolver })
    }

    /// Asks it; no records of that kind are an empty answer. An error with the detail `silent` says that it did not answer.
    pub(super) async fn ask(&self, resource: &str, question: &Question) -> Result<Vec<Record>> {
        let asked = self.resolver.lookup(question.name.clone(), question.kind);
        // The client tries again over TCP, each time with the whole time.
        let answered = tokio::time::timeout(self.within.saturating_mul(2), asked).await;
        let answered = answered.unwrap_or(Err(NetError::Timeout));
        match answered {
            Ok(lookup) => {
                let records = lookup.answers().iter().filter(|record| record.record_type() == question.kind);
                let mut records: Vec<Record> = records
                    .map(|record| Record {
                        value: question.plain(&told(&record.data)),
                        name: record.name.to_string().trim_end_matches('.').to_owned(),
                        kind: record.record_type().to_string(),
                        ttl: record.ttl,
                    })
                    .collect();
                records.sort();
                Ok(records)
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                if none.response_code == ResponseCode::NoError =>
            {
                Ok(Vec::new())
            }
            Err(why) => Err(self.refused(resource, question, &why)),
        }
    }

    fn refused(&self, resource: &str, question: &Question, why: &NetError) -> Error {
        let (name, address) = (question.name.to_string(), self.address);
        let name = name.trim_end_matches('.');
        let code = match why {
            NetError::Dns(DnsError::NoRecordsFound(none)) => Some(none.response_code),
            NetError::Dns(DnsError::ResponseCode(code)) => Some(*code),
            _ => None,
        };
        match code {
            Some(ResponseCode::NXDomain) => Error::missing(format!("`{resource}` knows no name {name}"))
                .why(format!("{address} answered NXDOMAIN"))
                .fix("create the record, or correct the name"),
            Some(code) => Error::remote(format!("`{resource}` does not answer for {name}"))
                .why(format!("{address} answered: {code}"))
                .fix("ask a server that is responsible for that name, or that may ask others"),
            None if matches!(why, NetError::Timeout) => {
                Error::remote(format!("`{resource}` does not answer"))
                    .why(format!("nothing came from {address} within {}", show_duration(self.within)))
                    .fix("correct `resolvers` of that resource, or check the way to that server")
                    .detail("silent", true)
            }
            None => Error::remote(format!("`{resource}` cannot be asked"))
                .why(format!("{address}: {why}"))
                .fix("correct `resolvers` of that resource, or check that the server runs")
                .detail("silent", true),
        }
    }
}

/// A record's value: texts without their quotes.
fn told(data: &RData) -> String {
    match data {
        RData::TXT(text) => text.to_string(),
        data => data.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_in_one_form() {
        let question = Question::read("api.example.com", "cname").unwrap();
        assert_eq!(question.wanted(&["Www.Example.com.".to_owned()]), ["www.example.com"]);
        let question = Question::read("api.example.com.", "AAAA").unwrap();
        assert_eq!(question.wanted(&["2001:DB8:0::1".to_owned()]), ["2001:db8::1"]);
        assert!(question.is_within("example.com") && question.is_within("api.example.com."));
        assert!(!question.is_within("ample.com") && !question.is_within("www.example.com"));
        assert!(Question::read("a..b", "A").is_err() && Question::read("a", "AB").is_err());
    }
}
