//! Buckets of S3 and of what speaks its protocol: objects, links, whole folders, and a store for verified dumps.

mod bucket;
mod client;
mod content_type;
mod copying;
mod failure;
mod incoming;
mod key;
mod leftovers;
mod link;
mod listing;
mod look;
mod notes;
mod object;
mod parts;
mod patience;
mod reading;
mod removal;
mod room;
mod sending;
mod settings;
mod staging;
mod store;
mod sync;
mod transfer;
mod undo;
mod vouching;

use std::time::Duration;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "s3",
    about: "A bucket of S3, or of anything that speaks its protocol: an object appears whole or not at all, and what \
            is replaced or deleted can be taken back, as a version where the bucket keeps them, else from a copy.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[
        entry::<object::Put>(),
        entry::<object::Get>(),
        entry::<object::Head>(),
        entry::<object::Exists>(),
        entry::<listing::List>(),
        entry::<listing::Count>(),
        entry::<object::Checksum>(),
        entry::<removal::Copy>(),
        entry::<removal::Delete>(),
        entry::<transfer::Upload>(),
        entry::<transfer::Download>(),
        entry::<sync::SyncFrom>(),
        entry::<link::Presign>(),
        entry::<undo::Restore>(),
        entry::<sync::UndoSync>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: Some(store::open),
    sql: None,
    hosts: None,
};

/// Text larger than this does not come into a script, in bytes.
const LARGEST_TEXT: u64 = 1024 * 1024;
/// How long work on an object of any size may take.
const LONG: Duration = Duration::from_secs(3600);
