//! Alertmanager: the alerts that are active, and silences that end with the deployment.

mod alerts;
mod matchers;
mod silence;
mod silences;
mod unsilence;

use crate::effect::endpoint::Endpoint;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "alertmanager",
    about: "An Alertmanager: which alerts are active, and silences for the time of a deployment, which end when it is taken \
            back.",
    settings: Settings::of::<Endpoint>(),
    entries: &[
        entry::<alerts::Alerts>(),
        entry::<silences::Silences>(),
        entry::<silence::Silence>(),
        entry::<unsilence::Unsilence>(),
    ],
    health: Examine::Reading("silences", &[]),
    store: None,
    sql: None,
    hosts: None,
};
