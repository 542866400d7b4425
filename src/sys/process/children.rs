//! The children of a process that is not ours: their numbers, ages and titles, as the system tells them.

use std::time::Duration;

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
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let look = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before stands in parentheses and may itself hold any character.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") || fields.get(1)?.parse() != Ok(parent) {
            return None;
        }
        let born: f64 = fields.get(19)?.parse().ok()?;
        let title = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let age = Duration::try_from_secs_f64(up - born / TICKS).unwrap_or_default();
        Some(Child { pid, age, title: title.replace('\0', " ").trim().to_owned() })
    };
    numbers.filter_map(look).collect()
}
