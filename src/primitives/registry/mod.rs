//! A container registry: which images there are, by tag and digest, and tags that are moved.

mod access;
mod images;
mod manifest;
mod promote;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "registry",
    about: "A container registry (OCI distribution, Docker Hub, GitHub's, ECR by its password): whether an image is \
            there, its digest, and a tag that is moved to an image that was tested.",
    settings: Settings { schema: || schemars::schema_for!(access::Table), check: access::check },
    entries: &[
        entry::<images::Digest>(),
        entry::<images::Exists>(),
        entry::<images::Tags>(),
        entry::<images::WaitFor>(),
        entry::<promote::Promote>(),
        entry::<promote::Untag>(),
    ],
    health: Examine::By(|cx| Box::pin(access::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
