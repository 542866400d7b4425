//! Which request comes next and when: so many of them, or for so long; as fast as it goes, or at a rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much is sent, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// So many requests in all.
    pub most: Option<u64>,
    /// No request begins later than this after the first.
    pub lasts: Option<Duration>,
    /// So many in a second; otherwise each one begins when the one before it on its connection has ended.
    pub rate: Option<f64>,
}

/// The amount as it is worked off by many connections.
#[derive(Debug)]
pub(super) struct Pace {
    amount: Amount,
    begin: Instant,
    taken: AtomicU64,
    /// How many requests have ended.
    pub(super) done: AtomicU64,
}

/// When a request is meant to begin, counted from when its latency is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// Still to come: the connection is free earlier than the request is due.
    pub(super) wait: Option<Duration>,
    /// Late already: the latency of the request is counted from here, because somebody who came then had to wait.
    pub(super) late: Option<Instant>,
}

impl Pace {
    pub(super) fn new(amount: Amount, begin: Instant) -> Self {
        Self { amount, begin, taken: AtomicU64::new(0), done: AtomicU64::new(0) }
    }

    /// Takes the next request; `None` when there are no more.
    pub(super) fn take(&self, now: Instant) -> Option<Due> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if self.amount.most.is_some_and(|most| number >= most) {
            return None;
        }
        let since = now.saturating_duration_since(self.begin);
        let Some(rate) = self.amount.rate else {
            let is_over = self.amount.lasts.is_some_and(|lasts| since >= lasts);
            return (!is_over).then_some(Due { wait: None, late: None });
        };
        let meant = Duration::from_secs_f64(number as f64 / rate);
        if self.amount.lasts.is_some_and(|lasts| meant >= lasts) {
            return None;
        }
        Some(match meant.checked_sub(since).filter(|wait| !wait.is_zero()) {
            Some(wait) => Due { wait: Some(wait), late: None },
            None => Due { wait: None, late: Some(self.begin + meant) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(most: Option<u64>, lasts: Option<u64>, rate: Option<f64>) -> (Pace, Instant) {
        let begin = crate::sys::clock::instant();
        (Pace::new(Amount { most, lasts: lasts.map(Duration::from_secs), rate }, begin), begin)
    }

    #[test]
    fn a_count_ends_by_itself_and_a_time_by_the_clock() {
        let (pace, begin) = amount(Some(2), None, None);
        assert!(pace.take(begin).is_some() && pace.take(begin).is_some() && pace.take(begin).is_none());
        let (pace, begin) = amount(None, Some(2), None);
        assert!(pace.take(begin + Duration::from_secs(1)).is_some());
        assert!(pace.take(begin + Duration::from_secs(2)).is_none());
    }

    #[test]
    fn at_a_rate_a_request_that_begins_late_counts_from_when_it_was_meant() {
        let (pace, begin) = amount(None, Some(2), Some(10.0));
        assert!(pace.take(begin).unwrap().late.is_some());
        let early = pace.take(begin).unwrap();
        assert_eq!((early.wait, early.late), (Some(Duration::from_millis(100)), None));
        // A second later, the third one is 800 ms late.
        let late = pace.take(begin + Duration::from_secs(1)).unwrap();
        assert_eq!(late.late, Some(begin + Duration::from_millis(200)));
        let rest = std::iter::from_fn(|| pace.take(begin + Duration::from_secs(1))).count();
        assert_eq!(rest, 17);
    }
}
