//! What both clocks of a machine showed at one moment, so that a wall clock that is set does no harm.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;

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

/// How much of a recorded wait is left at `now`; a wall clock that was set since counts only where the wait follows it.
#[must_use]
pub fn left(waiting: &Event, now: &Reading) -> Duration {
    let Event::Waiting { pause, until, scale, clock, wall, .. } = waiting else { return Duration::ZERO };
    let whole = times(*pause, scale.unwrap_or(1.0));
    let until = until.as_deref().and_then(|until| until.parse::<jiff::Timestamp>().ok());
    match (clock, until) {
        (Some(clock), _) if !wall => whole.saturating_sub(clock.until(now)),
        (_, Some(until)) => Duration::try_from(until.duration_since(now.wall)).unwrap_or_default(),
        (_, None) => Duration::ZERO,
    }
}

/// So many times as long; the longest there is where that is too long.
#[must_use]
pub fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
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

    fn at(wall: &str, since_boot: f64) -> Reading {
        Reading { wall: wall.parse().unwrap(), boot: Some("a".to_owned()), since_boot: Some(since_boot) }
    }

    #[test]
    fn a_wall_clock_that_was_set_ends_no_wait_but_one_that_follows_it() {
        let waiting = |wall| Event::Waiting {
            position: "0".to_owned(),
            pause: Duration::from_secs(3600),
            until: Some("2026-11-26T11:00:00Z".to_owned()),
            scale: None,
            clock: Some(at("2026-11-26T10:00:00Z", 50.0)),
            wall,
        };
        let ahead = at("2027-11-26T10:00:00Z", 110.0);
        assert_eq!(left(&waiting(false), &ahead), Duration::from_secs(3540));
        assert_eq!(left(&waiting(true), &ahead), Duration::ZERO);
        let back = at("2026-11-26T09:00:00Z", 3650.0);
        assert_eq!(left(&waiting(false), &back), Duration::ZERO);
        assert_eq!(left(&waiting(true), &back), Duration::from_secs(7200));
    }
}
