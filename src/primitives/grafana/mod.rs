//! Grafana: whether dashboards are there, and the deployment as an annotation in them.

mod annotate;
mod annotation;
mod dashboards;
mod finish;

use crate::effect::endpoint::Endpoint;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "grafana",
    about: "A Grafana: its health, whether dashboards are there, and annotations that show a deployment in them. `token` is \
            that of a service account.",
    settings: Settings::of::<Endpoint>(),
    entries: &[
        entry::<dashboards::Health>(),
        entry::<dashboards::Dashboards>(),
        entry::<dashboards::Dashboard>(),
        entry::<annotate::Annotate>(),
        entry::<finish::Finish>(),
        entry::<annotate::Unannotate>(),
    ],
    health: Examine::Reading("health", &[]),
    store: None,
    sql: None,
    hosts: None,
};
