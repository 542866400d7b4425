//! What is wrong with the application on purpose: lines of a file, read again each time, so that they can change at any time.
//!
//! A line is `RELEASE FAULT NUMBER`, where `*` means any release: `v2.0.0 fail 10` lets a tenth of its requests fail.

use std::path::PathBuf;

/// The faults of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// The file; none, no fault.
    pub(crate) file: PathBuf,
    /// The release that this process is.
    pub(crate) release: String,
}

impl Faults {
    /// The number of a fault, where it is switched on for this release.
    pub(crate) fn on(&self, fault: &str) -> Option<u64> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let is_meant = words.next().is_some_and(|release| release == "*" || release == self.release)
                && words.next() == Some(fault);
            is_meant.then(|| words.next().and_then(|number| number.parse().ok()).unwrap_or(1))
        })
    }
}
