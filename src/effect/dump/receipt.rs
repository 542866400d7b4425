//! The proof of a dump that was made or read: what a script gets.

use std::time::Duration;

use serde_json::{Value, json};

use super::checking::Verify;
use super::coding::Passed;
use super::retention::Retained;
use crate::base::access::ResourceId;

/// What was counted in a dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many tables, where that is known.
    pub tables: Option<u64>,
    /// How many rows in all of them, where that is known.
    pub rows: Option<u64>,
    /// How many files, of those that are packed together.
    pub files: Option<u64>,
    /// How many lines, of a text.
    pub lines: Option<u64>,
}

/// Proof of a dump that was verified and published, or read and restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The store that holds it.
    pub store: ResourceId,
    /// Its key there.
    pub key: String,
    /// Its version there, in a store that has versions.
    pub version: Option<String>,
    /// Its size and its SHA-256.
    pub passed: Passed,
    /// How it was verified, where it was made.
    pub verified: Option<Verify>,
    /// What was counted in it.
    pub counted: Counted,
    /// How long it took.
    pub took: Duration,
    /// The older dumps that were removed, if that was asked for.
    pub retained: Option<Retained>,
}

impl Receipt {
    /// What a script gets.
    #[must_use]
    pub fn into_value(self) -> Value {
        let seconds = self.took.as_secs_f64().max(1e-6);
        let speed = self.passed.uncompressed as f64 / 1_048_576.0 / seconds;
        let mut value = json!({
            "store": self.store,
            "key": self.key,
            "bytes": self.passed.bytes,
            "uncompressed": self.passed.uncompressed,
            "sha256": self.passed.sha256,
            "took_ms": (seconds * 1e3).round(),
            "mib_per_s": (speed * 10.0).round() / 10.0,
        });
        let Counted { tables, rows, files, lines } = self.counted;
        for (name, count) in [("tables", tables), ("rows", rows), ("files", files), ("lines", lines)] {
            if let Some(count) = count {
                value[name] = count.into();
            }
        }
        if let Some(verified) = self.verified {
            value["verified"] = json!(verified);
        }
        if let Some(version) = self.version {
            value["version"] = version.into();
        }
        if let Some(Retained { removed, not_removed }) = self.retained {
            value["removed"] = json!(removed);
            let why = |(key, why): (String, String)| json!({ "key": key, "why": why });
            value["not_removed"] = not_removed.into_iter().map(why).collect();
        }
        value
    }
}
