//! Time: the wall clock, the steady clock, and waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::base::clock::Reading;

/// The wall clock's instant.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// What the wall clock will show after a while.
#[must_use]
pub fn after(duration: Duration) -> Timestamp {
    let now = Timestamp::now();
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The steady clock's instant, for measuring how long something takes.
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// Blocks this thread until `apart` has passed since `begin`.
pub fn rest_until(begin: Instant, apart: Duration) {
    std::thread::sleep(apart.saturating_sub(begin.elapsed()));
}

/// A stopwatch for time in which nothing is done, such as while people decide. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Idle(Arc<Mutex<Rest>>);

#[derive(Debug, Default)]
struct Rest {
    total: Duration,
    /// How many rest right now, and since when.
    now: Option<(usize, Instant)>,
}

impl Idle {
    /// Counts from here until the guard is dropped; two at the same time count once.
    #[must_use]
    pub fn begin(&self) -> Resting {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = rest.now.unwrap_or((0, instant()));
        rest.now = Some((count + 1, since));
        Resting(self.clone())
    }

    /// How long it was in all.
    #[must_use]
    pub fn total(&self) -> Duration {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rest.total + rest.now.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }
}

/// Somebody who rests.
#[derive(Debug)]
pub struct Resting(Idle);

impl Drop for Resting {
    fn drop(&mut self) {
        let mut rest = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rest.now {
            Some((1, since)) => {
                rest.total += since.elapsed();
                rest.now = None;
            }
            Some((count, since)) => rest.now = Some((count - 1, since)),
            None => {}
        }
    }
}

/// Both clocks now.
#[must_use]
pub fn reading() -> Reading {
    let first = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    };
    let since_boot: Option<f64> = first("/proc/uptime").and_then(|seconds| seconds.parse().ok());
    let boot = first("/proc/sys/kernel/random/boot_id").filter(|_| since_boot.is_some());
    Reading { wall: now(), since_boot: since_boot.filter(|_| boot.is_some()), boot }
}

/// Waits for `duration`; whoever can be stopped races this against their [`super::stop::Stop`].
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
