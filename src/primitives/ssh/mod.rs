//! Hosts over SSH: commands, files and facts, on one or on many at once, through one session for each host and run.

mod address;
mod answer;
mod carry;
mod content;
mod deeds;
mod door;
mod download;
mod exec;
mod facts;
mod failure;
mod fan;
mod fleet;
mod idle;
mod read;
mod restore;
mod script;
mod settings;
mod trouble;
mod upload;
mod words;

use std::sync::Arc;
use std::time::Duration;

use self::fleet::Fleet;
use self::settings::Table;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "ssh",
    about: "A group of hosts over SSH: commands, files and facts on all of them at once or in batches. Host keys are \
            checked; each host has one session for the whole run; what is called off is ended there too.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: settings::check },
    entries: &[
        entry::<exec::Exec>(),
        entry::<exec::Undo>(),
        entry::<read::Read>(),
        entry::<read::Destroy>(),
        entry::<upload::Upload>(),
        entry::<restore::Restore>(),
        entry::<download::Download>(),
        entry::<facts::Ping>(),
        entry::<facts::Facts>(),
    ],
    health: Examine::By(|cx| Box::pin(facts::look(cx))),
    store: None,
    sql: None,
    hosts: Some(door::hosts),
};

/// How long a call on all hosts may take.
const LONG: Duration = Duration::from_secs(600);

/// The hosts, with their sessions, the same for all calls of a run.
async fn fleet(cx: &Cx) -> Result<Arc<Fleet>> {
    cx.shared(async {
        let table: Table = cx.settings()?;
        table.fleet(cx).await
    })
    .await
}
