//! Runs a playbook again when what it is made of changes: what is followed, what has changed, and when it runs.

mod follow;
mod pace;
mod snapshot;

pub use follow::Followed;
pub use pace::{Do, OnChange, Pace};
pub use snapshot::Snapshot;
