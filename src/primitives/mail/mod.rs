//! E-mail through an SMTP server.

mod failure;
mod message;
mod send;
mod settings;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "mail",
    about: "E-mail through an SMTP server, encrypted unless it is told otherwise. A mail that cannot be handed over \
            fails no run unless it `must`.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[entry::<send::Send>()],
    health: Examine::By(|cx| Box::pin(settings::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
