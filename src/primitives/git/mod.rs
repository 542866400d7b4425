//! A git repository on this machine: what is in it, and its tags.

mod history;
mod repository;
mod status;
mod tags;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "git",
    about: "A git repository on this machine, by the program `git`: whether it is clean, what its history holds, and \
            the tags of releases.",
    settings: Settings::of::<repository::Table>(),
    entries: &[
        entry::<status::Status>(),
        entry::<status::IsClean>(),
        entry::<history::Head>(),
        entry::<history::Holds>(),
        entry::<history::Log>(),
        entry::<tags::Tag>(),
        entry::<tags::PushTag>(),
        entry::<tags::RestoreTag>(),
        entry::<tags::DeleteTag>(),
        entry::<tags::DeletePushedTag>(),
    ],
    health: Examine::By(|cx| Box::pin(repository::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
