//! A gRPC server: whether it says of its services that they serve, by the standard health protocol.

mod health;
mod server;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::period::Period;
use crate::base::secret::Setting;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "grpc",
    about: "A gRPC server that answers the standard health protocol: whether it, and each of its services, serves.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<health::Status>(), entry::<health::Health>()],
    health: Examine::Reading("status", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// One gRPC server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The address: `http://127.0.0.1:50051`, or `https://…` with TLS
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// The file of the authority's certificate, PEM, in place of those that the machine trusts
    ca: Option<String>,
    /// How long connecting, and then the answer, may take
    #[serde(default = "five_seconds")]
    answer_within: Period,
}

const fn five_seconds() -> Period {
    Period::of("5s")
}
