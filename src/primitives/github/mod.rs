//! A repository on GitHub: workflows that are run, checks of commits, and releases.

mod checks;
mod dispatch;
mod release;
mod repository;
mod runs;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "github",
    about: "A repository on GitHub or GitHub Enterprise: workflows that are dispatched and waited for, what the checks \
            say of a commit, and releases.",
    settings: Settings { schema: || schemars::schema_for!(repository::Table), check: repository::check },
    entries: &[
        entry::<dispatch::Dispatch>(),
        entry::<runs::Run>(),
        entry::<runs::WaitForRun>(),
        entry::<checks::Checks>(),
        entry::<checks::WaitForChecks>(),
        entry::<release::Release>(),
        entry::<release::CreateRelease>(),
        entry::<release::DeleteRelease>(),
    ],
    health: Examine::By(|cx| Box::pin(repository::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
