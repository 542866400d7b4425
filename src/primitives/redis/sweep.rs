//! All keys of a pattern on all masters at once: counted, or removed; and a guess of how many there are.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::task::JoinSet;

use super::pace::Rate;
use super::session::Session;
use super::walk::Walk;
use crate::base::error::{Error, Result};
use crate::sys::runtime;

/// How often it is told how far it is.
const TOLD: Duration = Duration::from_millis(200);
/// From here on keys are told by the thousand.
const MANY: u64 = 1_000_000;
/// So many keys are looked at for a guess, over all masters.
const SAMPLE: u64 = 20_000;
/// In so many turns on each master at most.
const SAMPLE_TURNS: usize = 100;

/// What is wanted of a sweep.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Which keys.
    pub(super) pattern: String,
    /// How many keys are looked at in one turn at most.
    pub(super) batch: usize,
    /// Whether what is found is removed; else it is counted.
    pub(super) removes: bool,
    /// How many keys are removed in a second at most.
    pub(super) rate: Option<u64>,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swept {
    /// How many keys matched.
    pub(super) matched: u64,
    /// How many of them were removed.
    pub(super) removed: u64,
}

/// Sweeps over all masters. When one of them fails, the others are swept all the same. A server on this machine, and its
/// other clients, go before it.
pub(super) async fn run(session: Session, order: Order) -> Result<Swept> {
    runtime::apart(sweep(Arc::new(session), order)).await
}

async fn sweep(session: Arc<Session>, order: Order) -> Result<Swept> {
    let (walks, total) = begin(&session, &order).await.map_err(Error::unchanged)?;
    let rate = order.rate.map(|rate| Rate::new(rate, session.cx.instant()));
    let sweep = Arc::new(Sweep { session, order, rate, total, tally: Tally::default() });
    // Beside the connections' own tasks an answer is handed over without waking a thread, which takes as long as the
    // way to a server nearby. When this call is dropped, so are they.
    let mut tasks = JoinSet::new();
    for walk in walks {
        tasks.spawn(Arc::clone(&sweep).master(walk));
    }
    sweep.end(tasks.join_all().await)
}

async fn begin(session: &Arc<Session>, order: &Order) -> Result<(Vec<Walk>, u64)> {
    let nodes = session.new_to_masters().await?;
    let walk = |node| Walk::new(session, node, &order.pattern, order.batch);
    let mut walks: Vec<Walk> = nodes.into_iter().map(walk).collect();
    let sizes = try_join_all(walks.iter_mut().map(Walk::size)).await?;
    Ok((walks, sizes.iter().sum()))
}

/// What the walks over the masters share.
struct Sweep {
    session: Arc<Session>,
    order: Order,
    rate: Option<Rate>,
    /// How many keys there are, more or less.
    total: u64,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    looked: AtomicU64,
    matched: AtomicU64,
    sent: AtomicU64,
    removed: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Sweep {
    async fn master(self: Arc<Self>, mut walk: Walk) -> Result<()> {
        let result = self.follow(&mut walk).await;
        self.tally.removed.fetch_add(walk.removed, Ordering::Relaxed);
        result
    }

    async fn follow(&self, walk: &mut Walk) -> Result<()> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        loop {
            let most = self.rate.as_ref().map_or(usize::MAX, Rate::at_once).min(walk.share());
            let keys: Vec<Vec<u8>> = found.drain(..found.len().min(most)).collect();
            if keys.is_empty() && walk.is_over() {
                return Ok(());
            }
            self.wait(keys.len() as u64).await?;
            let turn = walk.turn(&keys, found.is_empty()).await?;
            self.tally.matched.fetch_add(turn.found.len() as u64, Ordering::Relaxed);
            let looked = self.tally.looked.fetch_add(turn.looked, Ordering::Relaxed) + turn.looked;
            self.tell(looked);
            if self.order.removes {
                found.extend(turn.found);
            }
        }
    }

    /// Waits until so many more keys may be removed.
    async fn wait(&self, keys: u64) -> Result<()> {
        let Some(rate) = self.rate.as_ref().filter(|_| keys > 0) else { return Ok(()) };
        let before = self.tally.sent.fetch_add(keys, Ordering::Relaxed);
        let wait = rate.wait(before, self.session.cx.instant());
        if wait.is_zero() {
            return Ok(());
        }
        self.session.cx.pause(wait).await.map_err(Error::unchanged)
    }

    /// Tells how far it is, from time to time.
    fn tell(&self, looked: u64) {
        let (cx, total) = (&self.session.cx, self.total);
        let now = cx.instant();
        let mut told = self.tally.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|last| now.saturating_duration_since(last) < TOLD) {
            return;
        }
        *told = Some(now);
        let (unit, by) = if total < MANY { ("keys", 1) } else { ("thousand keys", 1000) };
        // Its end is told by the end of the call: how many keys there are was a guess from the start.
        let looked = looked.min(total.saturating_sub(by));
        cx.progress(&format!("{} ({unit} looked at)", self.order.pattern), looked / by, Some(total / by));
    }

    /// What became of it, from how the walks ended.
    fn end(&self, ends: Vec<Result<()>>) -> Result<Swept> {
        let matched = self.tally.matched.load(Ordering::Relaxed);
        let removed = self.tally.removed.load(Ordering::Relaxed);
        let Some(mut error) = ends.into_iter().find_map(Result::err) else {
            return Ok(Swept { matched, removed });
        };
        if !self.order.removes {
            return Err(error);
        }
        error.unchanged &= removed == 0;
        let until = format!("{removed} keys were removed until then");
        error.why = Some(match &error.why {
            Some(why) => format!("{why}; {until}"),
            None => until,
        });
        Err(error.detail("removed", removed))
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
pub(super) async fn estimate(session: Session, pattern: &str) -> Result<Estimate> {
    let session = Arc::new(session);
    let nodes = session.masters().await?;
    let share = SAMPLE / (nodes.len() as u64).max(1);
    let look = async |node| {
        let mut walk = Walk::new(&session, node, pattern, 1000);
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
        let told = ((exact / unit).round() * unit).min(self.total as f64);
        write!(f, "about {told} of {} keys", self.total)
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
        let nearly = Estimate { found: 20_000, looked: 20_000, total: 406_006, is_whole: false };
        assert_eq!(nearly.to_string(), "about 406006 of 406006 keys");
        let none = Estimate { found: 0, looked: 20_000, total: 1_000_000, is_whole: false };
        assert_eq!(none.to_string(), "about 0 of 1000000 keys");
    }
}
