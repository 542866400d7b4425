//! A TCP port: whether something listens there, how fast, and whether it greets as it should.

mod connect;
mod port;
mod wait;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::period::Period;
use crate::base::text::headline;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "tcp",
    about: "A TCP port of a host: whether something listens there, how fast it accepts, and how it greets.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<connect::Connect>(), entry::<connect::IsOpen>(), entry::<wait::Wait>()],
    health: Examine::Reading("connect", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// One port of one host.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The host and port: `smtp.internal:25`
    address: String,
    /// How long the host may take to accept a connection, and then to greet
    #[serde(default = "five_seconds")]
    connect_timeout: Period,
}

const fn five_seconds() -> Period {
    Period::of("5s")
}

/// What is wanted of a greeting, in words.
fn wanted(expect: Option<&str>) -> String {
    expect.map(|expect| format!(" and greets with `{}`", headline(expect, 40))).unwrap_or_default()
}
