//! When it runs: one at a time, at most one that waits, slower after failures, and not at all after too many.

use std::time::{Duration, Instant};

/// What happens with a change while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// The run is stopped, as by Ctrl-C, and another begins.
    Cancel,
    /// Another run follows.
    Queue,
    /// Nothing.
    Ignore,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Nothing.
    Wait,
    /// A run begins.
    Start,
    /// The run that goes on is stopped.
    Stop,
    /// It is over: too many failures.
    GiveUp,
}

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(60);

/// The state of it.
#[derive(Debug)]
pub struct Pace {
    on_change: OnChange,
    most: u32,
    running: bool,
    stopping: bool,
    queued: bool,
    failures: u32,
    not_before: Option<Instant>,
}

impl Pace {
    /// Gives up after `most` failures in a row.
    #[must_use]
    pub const fn new(on_change: OnChange, most: u32) -> Self {
        Self { on_change, most, running: false, stopping: false, queued: true, failures: 0, not_before: None }
    }

    /// Something has changed.
    pub fn changed(&mut self) {
        self.queued = self.queued || !self.running || self.on_change != OnChange::Ignore;
    }

    /// A run has ended; `counts` when it is one failure more, `None` when it went well.
    pub fn ended(&mut self, failed: Option<bool>, now: Instant) {
        let was_stopped = std::mem::take(&mut self.stopping);
        self.running = false;
        match failed {
            None => (self.failures, self.not_before) = (0, None),
            // Whoever stopped it for a newer change, or has only a mistake in the file, is not made to wait.
            _ if was_stopped => {}
            Some(false) => {}
            Some(true) => {
                self.failures += 1;
                let pause = Duration::from_secs(1 << (self.failures - 1).min(6));
                self.not_before = Some(now + pause.min(LONGEST));
            }
        }
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Instant) -> Do {
        if self.running {
            let is_stop = self.queued && self.on_change == OnChange::Cancel && !self.stopping;
            self.stopping |= is_stop;
            return if is_stop { Do::Stop } else { Do::Wait };
        }
        if self.failures >= self.most {
            return Do::GiveUp;
        }
        if !self.queued || self.not_before.is_some_and(|then| now < then) {
            return Do::Wait;
        }
        (self.queued, self.running) = (false, true);
        Do::Start
    }

    /// Failures in a row so far.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long until a run that waits may begin.
    #[must_use]
    pub fn pause(&self, now: Instant) -> Option<Duration> {
        self.not_before
            .filter(|_| !self.running)
            .map(|then| then.saturating_duration_since(now))
            .filter(|pause| !pause.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_at_most_one_waits() {
        let now = crate::sys::clock::instant();
        let mut pace = Pace::new(OnChange::Queue, 3);
        assert_eq!(pace.next(now), Do::Start);
        pace.changed();
        pace.changed();
        assert_eq!(pace.next(now), Do::Wait);
        pace.ended(None, now);
        assert_eq!((pace.next(now), pace.next(now)), (Do::Start, Do::Wait));
        pace.ended(None, now);
        assert_eq!(pace.next(now), Do::Wait);
    }

    #[test]
    fn a_change_stops_the_run_or_is_ignored() {
        let now = crate::sys::clock::instant();
        let mut pace = Pace::new(OnChange::Cancel, 3);
        assert_eq!(pace.next(now), Do::Start);
        pace.changed();
        assert_eq!((pace.next(now), pace.next(now)), (Do::Stop, Do::Wait));
        pace.ended(Some(true), now);
        assert_eq!(pace.next(now), Do::Start);
        let mut pace = Pace::new(OnChange::Ignore, 3);
        assert_eq!(pace.next(now), Do::Start);
        pace.changed();
        pace.ended(None, now);
        assert_eq!(pace.next(now), Do::Wait);
        pace.changed();
        assert_eq!(pace.next(now), Do::Start);
    }

    #[test]
    fn failures_make_it_slower_and_then_end_it() {
        let now = crate::sys::clock::instant();
        let mut pace = Pace::new(OnChange::Queue, 2);
        assert_eq!(pace.next(now), Do::Start);
        pace.changed();
        pace.ended(Some(true), now);
        assert_eq!(pace.next(now), Do::Wait);
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.next(later), Do::Start);
        pace.ended(Some(true), later);
        assert_eq!(pace.next(later), Do::GiveUp);
    }
}
