//! Redis: keys with their inverses, what the server says of itself, messages, and invalidation of whole patterns.

mod address;
mod answers;
mod cluster;
mod delete;
mod discover;
mod door;
mod errors;
mod expiry;
mod facts;
mod held;
mod info;
mod invalidate;
mod node;
mod pace;
mod pattern;
mod publish;
mod read;
mod restore;
mod session;
mod set;
mod settings;
mod sweep;
mod walk;

use crate::effect::family::{Family, Settings};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "redis",
    about: "A Redis server, a cluster, or the master that sentinels name: keys, its state, messages, and a cache's \
            invalidation.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[
        entry::<info::Ping>(),
        entry::<info::Info>(),
        entry::<read::Get>(),
        entry::<read::Exists>(),
        entry::<read::TimeToLive>(),
        entry::<invalidate::Count>(),
        entry::<set::Set>(),
        entry::<expiry::Expire>(),
        entry::<expiry::Persist>(),
        entry::<publish::Publish>(),
        entry::<restore::Restore>(),
        entry::<delete::Delete>(),
        entry::<invalidate::Invalidate>(),
    ],
    store: None,
    sql: None,
    hosts: None,
};
