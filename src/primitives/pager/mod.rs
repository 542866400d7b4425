//! A pager that wakes people: incidents that are triggered, acknowledged and resolved by a key.

mod look;
mod opsgenie;
mod pagerduty;
mod settings;
mod verbs;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "pager",
    about: "A pager that wakes people: PagerDuty (Events API v2), or what takes Opsgenie's alerts. An incident that was \
            triggered is resolved when the run is taken back. What the pager refuses fails no run unless it `must`.",
    settings: Settings::of::<settings::Table>(),
    entries: &[entry::<verbs::Trigger>(), entry::<verbs::Acknowledge>(), entry::<verbs::Resolve>()],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
