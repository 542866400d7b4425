//! What a load counts: requests, failures, and how long the answers took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::super::request::round;
use crate::base::error::{Error, Kind, Result};

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// What was counted so far.
pub(super) struct Tally {
    /// Answered or failed so far.
    pub(super) requests: u64,
    /// Failed so far.
    pub(super) failed: u64,
    /// Why the first of them failed.
    pub(super) first_error: Option<String>,
    latencies: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Result<Self> {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3)
            .map_err(|why| Error::bug(format!("no histogram: {why}")))?;
        Ok(Self { requests: 0, failed: 0, first_error: None, latencies })
    }

    /// One more request, answered or failed; a request that could not be sent at all ends the load.
    pub(super) fn count(&mut self, latency: Duration, result: Result<()>) -> Result<()> {
        self.requests += 1;
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1));
        if let Err(error) = result {
            if error.kind == Kind::Usage {
                return Err(error);
            }
            self.failed += 1;
            self.first_error.get_or_insert_with(|| match &error.why {
                Some(why) => format!("{}: {why}", error.what),
                None => error.what.clone(),
            });
        }
        Ok(())
    }

    /// The figures, after `took` in all.
    pub(super) fn value(&self, took: Duration) -> Value {
        let ms = |quantile: f64| round(self.latencies.value_at_quantile(quantile) as f64 / 1e3);
        json!({
            "requests": self.requests,
            "failed": self.failed,
            "error_rate": self.failed as f64 / self.requests.max(1) as f64,
            "per_second": round(self.requests as f64 / took.as_secs_f64().max(1e-9)),
            "p50_ms": ms(0.50),
            "p95_ms": ms(0.95),
            "p99_ms": ms(0.99),
            "max_ms": round(self.latencies.max() as f64 / 1e3),
            "first_error": self.first_error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_rates_are_of_all_requests() {
        let mut tally = Tally::new().unwrap();
        for ms in 1..=100 {
            let result = if ms > 95 { Err(Error::remote("503")) } else { Ok(()) };
            tally.count(Duration::from_millis(ms), result).unwrap();
        }
        let value = tally.value(Duration::from_secs(2));
        assert_eq!((value["failed"].as_u64(), value["error_rate"].as_f64()), (Some(5), Some(0.05)));
        assert_eq!((value["per_second"].as_f64(), value["first_error"].as_str()), (Some(50.0), Some("503")));
        let p95 = value["p95_ms"].as_f64().unwrap();
        assert!((94.9..95.2).contains(&p95), "{p95}");
    }
}
