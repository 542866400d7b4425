//! How a load was asked for, made whole: how much, how fast, how long at most.

use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::text::{parse_duration, show_duration};
use crate::sys::http::load::Amount;

/// More would be a load test, which wants machines of its own.
const MOST_REQUESTS: u64 = 10_000_000;
const MOST_AT_ONCE: usize = 1024;
const MOST_A_SECOND: f64 = 100_000.0;
const LONGEST: Duration = Duration::from_secs(3600);
/// What is sent when nothing is said.
const REQUESTS: u64 = 100;
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The time beyond what a load needs by its own figures.
const WITHIN: Duration = Duration::from_secs(30);

/// The options as they were given.
pub(super) struct Asked<'a> {
    pub(super) requests: Option<u64>,
    pub(super) lasts: Option<&'a str>,
    pub(super) rate: Option<f64>,
    pub(super) concurrency: usize,
    pub(super) within: Option<&'a str>,
}

/// A load made whole.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) amount: Amount,
    pub(super) connections: usize,
    pub(super) within: Duration,
    pub(super) answer: Duration,
}

impl Asked<'_> {
    /// Checks the options and fills in what was left out.
    pub(super) fn shape(&self) -> Result<Shape> {
        let wrong = |what: String, fix: String| Err(Error::usage(what).fix(fix));
        if self.requests.is_some() && self.lasts.is_some() {
            return wrong(
                "a load has both `requests` and `lasts`".to_owned(),
                "say how many or for how long, not both".to_owned(),
            );
        }
        let lasts = self.lasts.map(parse_duration).transpose()?;
        let most = if lasts.is_none() { Some(self.requests.unwrap_or(REQUESTS)) } else { None };
        if most.is_some_and(|most| !(1..=MOST_REQUESTS).contains(&most))
            || !(1..=MOST_AT_ONCE).contains(&self.concurrency)
        {
            return wrong(
                format!("a load of {} requests, {} at once", most.unwrap_or_default(), self.concurrency),
                format!("give 1 to {MOST_REQUESTS} `requests` and a `concurrency` of 1 to {MOST_AT_ONCE}"),
            );
        }
        if lasts.is_some_and(|lasts| lasts.is_zero() || lasts > LONGEST) {
            return wrong(
                format!("a load that lasts {}", self.lasts.unwrap_or_default()),
                format!("let it last at most {}", show_duration(LONGEST)),
            );
        }
        if self.rate.is_some_and(|rate| !(0.01..=MOST_A_SECOND).contains(&rate)) {
            return wrong(
                format!("a load of {} requests a second", self.rate.unwrap_or_default()),
                format!("give a `rate` of 0.01 to {MOST_A_SECOND}"),
            );
        }
        let planned = match (lasts, most, self.rate) {
            (Some(lasts), ..) => lasts + ANSWER,
            (None, Some(most), Some(rate)) => Duration::from_secs_f64(most as f64 / rate),
            _ => Duration::ZERO,
        };
        let within = self.within.map(parse_duration).transpose()?.unwrap_or(planned + WITHIN);
        Ok(Shape {
            amount: Amount { most, lasts, rate: self.rate },
            connections: self.concurrency,
            within,
            answer: ANSWER,
        })
    }

    /// How much and how fast, in words.
    pub(super) fn words(&self) -> String {
        let much = match (self.lasts, self.requests) {
            (Some(lasts), _) => format!("requests for {lasts}"),
            (None, Some(requests)) => format!("{requests} requests"),
            (None, None) => format!("{REQUESTS} requests"),
        };
        let fast = self.rate.map(|rate| format!(", {rate} a second")).unwrap_or_default();
        format!("{much}{fast}, {} at once", self.concurrency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(requests: Option<u64>, lasts: Option<&str>, rate: Option<f64>) -> Asked<'_> {
        Asked { requests, lasts, rate, concurrency: 4, within: None }
    }

    #[test]
    fn a_load_is_bounded_in_every_direction() {
        assert_eq!(asked(None, None, None).shape().unwrap().amount.most, Some(100));
        assert_eq!(asked(Some(300), None, Some(10.0)).shape().unwrap().within.as_secs(), 60);
        assert_eq!(asked(None, Some("1m"), None).shape().unwrap().within.as_secs(), 100);
        for wrong in [
            asked(Some(1), Some("1s"), None),
            asked(Some(0), None, None),
            asked(None, Some("2h"), None),
            asked(None, Some("0s"), None),
            asked(None, None, Some(0.0)),
            asked(None, None, Some(f64::NAN)),
            Asked { concurrency: 0, ..asked(None, None, None) },
        ] {
            assert!(wrong.shape().is_err(), "{}", wrong.words());
        }
        assert_eq!(asked(None, Some("5s"), Some(50.0)).words(), "requests for 5s, 50 a second, 4 at once");
    }
}
