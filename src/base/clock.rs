//! What both clocks of a machine showed at one moment, so that a wall clock that is set does no harm.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Both clocks of a machine at one moment: a wall clock can be set, the one that counts since the start cannot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What the wall clock showed.
    pub wall: Timestamp,
    /// Which start of the machine it was, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// Seconds since that start, sleep included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_boot: Option<f64>,
}

impl Reading {
    /// How long ago it was, now being `later`: by the clock that nobody sets, when the machine was not started anew.
    #[must_use]
    pub fn until(&self, later: &Self) -> Duration {
        match (self.since_boot, later.since_boot) {
            (Some(then), Some(now)) if self.boot == later.boot => {
                Duration::try_from_secs_f64(now - then).unwrap_or_default()
            }
            _ => Duration::try_from(later.wall.duration_since(self.wall)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_was_set_changes_nothing_until_the_machine_starts_anew() {
        let reading = |wall: &str, boot: &str, since: f64| Reading {
            wall: wall.parse().unwrap(),
            boot: Some(boot.to_owned()),
            since_boot: Some(since),
        };
        let then = reading("2026-11-26T10:00:00Z", "a", 100.0);
        // The wall clock went back by a year, or ahead by one.
        for wall in ["2025-11-26T10:00:00Z", "2027-11-26T10:00:00Z"] {
            assert_eq!(then.until(&reading(wall, "a", 160.0)), Duration::from_secs(60));
        }
        assert_eq!(then.until(&reading("2026-11-26T11:00:00Z", "b", 5.0)), Duration::from_secs(3600));
        assert_eq!(then.until(&reading("2026-11-26T09:00:00Z", "b", 5.0)), Duration::ZERO);
    }
}
