//! What a load counts: answers by status, requests without an answer, and how long each took.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::base::error::{Error, Result};

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// What was counted so far.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without a whole answer.
    pub unanswered: u64,
    /// Why the first of them had none.
    pub first_unanswered: Option<String>,
    /// Bytes of the answers' bodies.
    pub bytes: u64,
    latencies: Histogram<u64>,
}

/// The status of an answer and the length of its body, or why there is none.
pub(super) type Answered = Result<(u16, u64), String>;

impl Tally {
    /// Nothing yet.
    pub fn new() -> Result<Self> {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3)
            .map_err(|why| Error::bug(format!("no histogram: {why}")))?;
        Ok(Self { statuses: BTreeMap::new(), unanswered: 0, first_unanswered: None, bytes: 0, latencies })
    }

    /// One more request.
    pub(super) fn count(&mut self, latency: Duration, answered: Answered) {
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1));
        match answered {
            Ok((status, bytes)) => {
                *self.statuses.entry(status).or_default() += 1;
                self.bytes += bytes;
            }
            Err(why) => {
                self.unanswered += 1;
                self.first_unanswered.get_or_insert(why);
            }
        }
    }

    /// Counts what another one counted too.
    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.bytes += other.bytes;
        if self.first_unanswered.is_none() {
            self.first_unanswered.clone_from(&other.first_unanswered);
        }
        self.latencies.add(&other.latencies).map_err(|why| Error::bug(format!("no sum of histograms: {why}")))
    }

    /// How many requests ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// The latency that this share of the requests stayed within; 1 for all of them. In milliseconds.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        // The value of the largest bucket lies above what was measured.
        self.latencies.value_at_quantile(share).min(self.latencies.max()) as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_make_a_whole() {
        let (mut one, mut two) = (Tally::new().unwrap(), Tally::new().unwrap());
        for ms in 1..=100 {
            let half = if ms % 2 == 0 { &mut one } else { &mut two };
            let answered = if ms > 95 { Err(format!("broken {ms}")) } else { Ok((200, 10)) };
            half.count(Duration::from_millis(ms), answered);
        }
        one.add(&two).unwrap();
        assert_eq!((one.requests(), one.unanswered, one.bytes), (100, 5, 950));
        assert_eq!((one.statuses[&200], one.first_unanswered.as_deref()), (95, Some("broken 96")));
        assert!((94.9..95.2).contains(&one.quantile_ms(0.95)), "{}", one.quantile_ms(0.95));
        assert!((99.9..=100.1).contains(&one.quantile_ms(1.0)), "{}", one.quantile_ms(1.0));
    }
}
