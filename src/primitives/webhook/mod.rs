//! A receiver of one's own: an event as JSON, signed, with an id by which it knows what came twice.

mod send;
mod signature;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "webhook",
    about: "A receiver of one's own that is told of events: JSON, signed by HMAC-SHA256 as Standard Webhooks want it. An \
            event that cannot be delivered fails no run unless it `must`.",
    settings: Settings { schema: || schemars::schema_for!(send::Table), check: send::check },
    entries: &[entry::<send::Send>()],
    health: Examine::By(|cx| Box::pin(send::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
