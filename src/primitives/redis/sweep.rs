//! All keys of a pattern on all masters at once: counted, or removed; and a guess of how many there are.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};

use super::pace::Rate;
use super::session::Session;
use super::walk::Walk;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;

/// How often it is told how far it is.
const TOLD: Duration = Duration::from_millis(200);
/// From here on keys are told by the thousand.
const MANY: u64 = 1_000_000;
/// So many keys are looked at for a guess, over all masters.
const SAMPLE: u64 = 20_000;
/// In so many turns on each master at most.
const SAMPLE_TURNS: usize = 100;

/// A sweep over the keys of a pattern.
pub(super) struct Sweep<'a> {
    cx: &'a Cx,
    session: &'a Session<'a>,
    pattern: &'a str,
    batch: usize,
    /// Whether what is found is removed.
    pub(super) removes: bool,
    /// How many keys are removed in a second at most.
    pub(super) rate: Option<u64>,
    looked: AtomicU64,
    matched: AtomicU64,
    sent: AtomicU64,
    removed: AtomicU64,
    told: Mutex<Option<Instant>>,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swept {
    /// How many keys matched.
    pub(super) matched: u64,
    /// How many of them were removed.
    pub(super) removed: u64,
}

impl<'a> Sweep<'a> {
    /// A sweep that counts, `batch` keys in one turn at most.
    pub(super) fn new(cx: &'a Cx, session: &'a Session<'a>, pattern: &'a str, batch: usize) -> Self {
        Self {
            cx,
            session,
            pattern,
            batch,
            removes: false,
            rate: None,
            looked: AtomicU64::new(0),
            matched: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            removed: AtomicU64::new(0),
            told: Mutex::new(None),
        }
    }

    /// Sweeps over all masters. When one of them fails, the others are swept all the same.
    pub(super) async fn run(&self) -> Result<Swept> {
        let (walks, total) = self.begin().await.map_err(Error::unchanged)?;
        let rate = self.rate.map(|rate| Rate::new(rate, self.cx.instant()));
        let all = join_all(walks.into_iter().map(|walk| self.master(walk, rate.as_ref(), total))).await;
        let swept = Swept {
            matched: self.matched.load(Ordering::Relaxed),
            removed: self.removed.load(Ordering::Relaxed),
        };
        match all.into_iter().find_map(Result::err) {
            None => Ok(swept),
            Some(error) => Err(self.failed(error, swept)),
        }
    }

    async fn begin(&self) -> Result<(Vec<Walk<'a>>, u64)> {
        let nodes = self.session.masters().await?;
        let mut walks: Vec<Walk<'a>> = nodes
            .into_iter()
            .map(|node| Walk::new(self.cx, self.session, node, self.pattern, self.batch))
            .collect();
        let sizes = try_join_all(walks.iter_mut().map(Walk::size)).await?;
        Ok((walks, sizes.iter().sum()))
    }

    async fn master(&self, mut walk: Walk<'_>, rate: Option<&Rate>, total: u64) -> Result<()> {
        let result = self.follow(&mut walk, rate, total).await;
        self.removed.fetch_add(walk.removed, Ordering::Relaxed);
        if result.is_ok() {
            walk.end();
        }
        result
    }

    async fn follow(&self, walk: &mut Walk<'_>, rate: Option<&Rate>, total: u64) -> Result<()> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        loop {
            let most = rate.map_or(usize::MAX, Rate::at_once).min(walk.share());
            let keys: Vec<Vec<u8>> = found.drain(..found.len().min(most)).collect();
            if keys.is_empty() && walk.is_over() {
                return Ok(());
            }
            let before = self.sent.fetch_add(keys.len() as u64, Ordering::Relaxed);
            if let Some(rate) = rate.filter(|_| !keys.is_empty()) {
                let wait = rate.wait(before, self.cx.instant());
                if !wait.is_zero() {
                    self.cx.pause(wait).await.map_err(Error::unchanged)?;
                }
            }
            let turn = walk.turn(&keys, found.is_empty()).await?;
            self.matched.fetch_add(turn.found.len() as u64, Ordering::Relaxed);
            let looked = self.looked.fetch_add(turn.looked, Ordering::Relaxed) + turn.looked;
            self.tell(looked, total);
            if self.removes {
                found.extend(turn.found);
            }
        }
    }

    /// Tells how far it is, from time to time.
    fn tell(&self, looked: u64, total: u64) {
        let now = self.cx.instant();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|last| now.saturating_duration_since(last) < TOLD) {
            return;
        }
        *told = Some(now);
        let (unit, by) = if total < MANY { ("keys", 1) } else { ("thousand keys", 1000) };
        // Its end is told by the end of the call: how many keys there are was a guess from the start.
        let looked = looked.min(total.saturating_sub(by));
        self.cx.progress(&format!("{} ({unit} looked at)", self.pattern), looked / by, Some(total / by));
    }

    fn failed(&self, mut error: Error, swept: Swept) -> Error {
        if !self.removes {
            return error;
        }
        error.unchanged &= swept.removed == 0;
        let until = format!("{} keys were removed until then", swept.removed);
        error.why = Some(match &error.why {
            Some(why) => format!("{why}; {until}"),
            None => until,
        });
        error.detail("removed", swept.removed)
    }
}

/// How many keys match, as far as a small sample can tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    found: u64,
    looked: u64,
    total: u64,
    is_whole: bool,
}

/// Looks at some keys of each master. Keys lie in no order, so those seen first are as good a sample as any.
pub(super) async fn estimate(cx: &Cx, session: &Session<'_>, pattern: &str) -> Result<Estimate> {
    let nodes = session.masters().await?;
    let share = SAMPLE / (nodes.len() as u64).max(1);
    let look = async |node| {
        let mut walk = Walk::new(cx, session, node, pattern, 1000);
        let mut part = Estimate { found: 0, looked: 0, total: walk.size().await?, is_whole: false };
        for _ in 0..SAMPLE_TURNS {
            if walk.is_over() || part.looked >= share {
                break;
            }
            let turn = walk.turn(&[], true).await?;
            part.found += turn.found.len() as u64;
            part.looked += turn.looked;
        }
        part.is_whole = walk.is_over();
        walk.end();
        Ok::<_, Error>(part)
    };
    let parts = try_join_all(nodes.into_iter().map(look)).await?;
    Ok(parts.into_iter().fold(Estimate { found: 0, looked: 0, total: 0, is_whole: true }, Estimate::and))
}

impl Estimate {
    fn and(self, other: Self) -> Self {
        Self {
            found: self.found + other.found,
            looked: self.looked + other.looked,
            total: self.total + other.total,
            is_whole: self.is_whole && other.is_whole,
        }
    }
}

impl fmt::Display for Estimate {
    /// `12 of 90 keys`, or `about 200000 of 1000000 keys`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole {
            return write!(f, "{} of {} keys", self.found, self.total);
        }
        let exact = self.found as f64 / self.looked.max(1) as f64 * self.total as f64;
        // Two figures: the sample is not worth more.
        let unit = 10_f64.powf(exact.max(1.0).log10().floor() - 1.0).max(1.0);
        write!(f, "about {} of {} keys", (exact / unit).round() * unit, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_says_that_it_is_one() {
        let whole = Estimate { found: 12, looked: 128, total: 90, is_whole: true };
        assert_eq!(whole.to_string(), "12 of 90 keys");
        let part = Estimate { found: 3984, looked: 20_000, total: 1_000_000, is_whole: false };
        assert_eq!(part.to_string(), "about 200000 of 1000000 keys");
        assert_eq!(whole.and(part).to_string(), "about 200000 of 1000090 keys");
        let none = Estimate { found: 0, looked: 20_000, total: 1_000_000, is_whole: false };
        assert_eq!(none.to_string(), "about 0 of 1000000 keys");
    }
}
