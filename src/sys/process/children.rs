//! The children of a process that is not ours: their numbers, ages and titles, as the system tells them.

use std::time::Duration;

use super::table::{self, Entry};

/// How many ticks of the clock the system counts in a second.
const TICKS: f64 = 100.0;

/// A process whose parent was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its number.
    pub pid: i32,
    /// How long ago it was born.
    pub age: Duration,
    /// What it calls itself: its command line, which some programs rewrite.
    pub title: String,
}

/// The children of the process of that number; none where the system does not tell.
#[must_use]
pub fn children(parent: i32) -> Vec<Child> {
    let up = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let up: f64 = up.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0.0);
    let of = |(pid, entry): (i32, Entry)| {
        let title = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "ticks since the machine's start are far below 2^52")]
        let age = Duration::try_from_secs_f64(up - entry.born as f64 / TICKS).unwrap_or_default();
        Child { pid, age, title: title.replace('\0', " ").trim().to_owned() }
    };
    table::all().filter(|(_, entry)| entry.runs() && entry.parent == parent).map(of).collect()
}
