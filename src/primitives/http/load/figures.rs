//! What a load came to, as a script sees it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::request::round;
use crate::sys::http::load::Tally;
use crate::sys::http::status_line;

/// A count, its duration, and the status that is no failure.
pub(super) struct Figures {
    pub(super) tally: Tally,
    pub(super) took: Duration,
    pub(super) status: u16,
}

impl Figures {
    /// How many requests got no answer or another one than they should.
    pub(super) fn failed(&self) -> u64 {
        let fine = self.tally.statuses.get(&self.status).copied().unwrap_or_default();
        self.tally.requests() - fine
    }

    /// Why the first of them failed: those without an answer before those with a wrong one.
    pub(super) fn first_error(&self) -> Option<String> {
        let wrong = || self.tally.statuses.keys().find(|status| **status != self.status).copied();
        self.tally.first_unanswered.clone().or_else(|| wrong().map(status_line))
    }

    /// The figures.
    pub(super) fn value(&self) -> Value {
        let Self { tally, took, .. } = self;
        let (requests, failed) = (tally.requests(), self.failed());
        let seconds = took.as_secs_f64().max(1e-9);
        let statuses: Map<String, Value> =
            tally.statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
        json!({
            "requests": requests,
            "failed": failed,
            "error_rate": failed as f64 / requests.max(1) as f64,
            "per_second": round(requests as f64 / seconds),
            "p50_ms": round(tally.quantile_ms(0.50)),
            "p95_ms": round(tally.quantile_ms(0.95)),
            "p99_ms": round(tally.quantile_ms(0.99)),
            "max_ms": round(tally.quantile_ms(1.0)),
            "statuses": statuses,
            "unanswered": tally.unanswered,
            "bytes": tally.bytes,
            "took_ms": round(took.as_secs_f64() * 1e3),
            "first_error": self.first_error(),
        })
    }
}
