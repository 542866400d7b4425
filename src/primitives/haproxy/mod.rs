//! HAProxy: the weights and states of a backend's servers, over its runtime API.

mod runtime;
mod servers;
mod state;
mod stats;
mod weights;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "haproxy",
    about: "A HAProxy that runs: how much of the traffic each server of a backend gets, and which ones take part, over \
            its runtime API. What is changed there is gone when HAProxy is started again from its configuration.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: runtime::check },
    entries: &[
        entry::<weights::ReadWeights>(),
        entry::<weights::SetWeights>(),
        entry::<weights::SetWeight>(),
        entry::<state::ReadState>(),
        entry::<state::Ready>(),
        entry::<state::Drain>(),
        entry::<state::Maintenance>(),
        entry::<stats::Stats>(),
    ],
    health: Examine::By(|cx| Box::pin(runtime::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// A running HAProxy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its runtime API, as `stats socket` of its configuration names it, with `level admin`: the path of a socket, or
    /// "127.0.0.1:9999"
    address: String,
}
