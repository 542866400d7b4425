//! A load balancer of AWS: whether it is there, how its targets are, and how its traffic is shared between groups.

mod health;
mod lookup;
mod weights;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::access::ResourceId;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "alb",
    about: "A load balancer of AWS (Application, Network): whether it is there, how the targets of its groups are, and \
            how an Application Load Balancer shares its traffic between them.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<health::Exists>(),
        entry::<health::Status>(),
        entry::<health::Health>(),
        entry::<health::WaitHealthy>(),
        entry::<weights::Weights>(),
        entry::<weights::SetWeights>(),
    ],
    store: None,
    sql: None,
    hosts: None,
};

/// A load balancer of AWS.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
    /// Its name
    load_balancer: String,
}
