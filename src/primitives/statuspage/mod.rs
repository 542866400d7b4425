//! The page that tells customers how a service is: incidents, and the state of components.

mod change;
mod component;
mod create;
mod incident;
mod page;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "statuspage",
    about: "The page that tells customers how a service is, by the API of Atlassian Statuspage. When a run is taken \
            back, an incident is resolved and components are what they were. What the page refuses fails no run unless \
            it `must`.",
    settings: Settings::of::<page::Table>(),
    entries: &[
        entry::<create::Create>(),
        entry::<change::Update>(),
        entry::<change::Resolve>(),
        entry::<component::Component>(),
        entry::<component::Components>(),
        entry::<component::Incidents>(),
    ],
    health: Examine::By(|cx| Box::pin(page::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
