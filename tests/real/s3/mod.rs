//! Buckets of real S3 servers: one that checks signatures and keeps plain files, one that keeps versions.

mod access;
mod failures;
mod objects;
mod rollback;
mod store;
mod sync;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::s3s;

/// A project with these settings and the keys that they refer to.
fn rig(settings: &str) -> Rig {
    Rig::new(settings).variable("RIG_ACCESS", s3s::ACCESS_KEY).variable("RIG_SECRET", s3s::SECRET_KEY)
}

/// Runs a playbook that may do anything with the resource `s3.box`, its variable `box`.
fn run(rig: Rig, body: &str) -> (Rig, Seen) {
    run_with(rig, "", body)
}

/// The same, with more lines of its header's `uses`.
fn run_with(rig: Rig, uses: &str, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Test.\n//!\n//! uses = [\"s3.box:destroy\"{uses}]\nlet box = s3(\"box\");\n{body}\n"
    ))
}
