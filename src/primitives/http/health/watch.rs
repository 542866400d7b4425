//! Looks at a service again and again until it has been well for long enough, or the time is over.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::request::round;
use super::{Health, Service};
use crate::base::error::{Error, Kind, Result};
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::sys::http::{Request, Url};

/// No answer within this is an answer too: the next try may reach another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many of the last observations an error tells.
const TOLD: usize = 5;

struct Times {
    under: Option<Duration>,
    within: Duration,
    every: Duration,
    holds_for: Duration,
}

impl Times {
    fn read(health: &Health) -> Result<Self> {
        health.within.leaves_time_for(&health.holds_for, "holds_for")?;
        Ok(Self {
            under: health.under.as_deref().map(parse_duration).transpose()?,
            within: parse_duration(&health.within)?,
            // A service that is asked without a pause is under attack.
            every: parse_duration(&health.every)?.max(Duration::from_millis(5)),
            holds_for: parse_duration(&health.holds_for)?,
        })
    }
}

/// One look at the service.
struct Observation {
    at: Duration,
    latency: Duration,
    status: Option<u16>,
    fault: Option<String>,
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.fault.as_deref().unwrap_or("well");
        write!(f, "after {}: {said} (in {})", show_duration(self.at), show_duration(self.latency))
    }
}

/// Looks again and again.
pub(super) struct Watch<'a> {
    health: &'a Health,
    cx: &'a Cx,
    service: &'a Service,
    url: Url,
    times: Times,
    seen: VecDeque<Observation>,
    attempts: u64,
}

impl<'a> Watch<'a> {
    /// Ready to look; refuses times that do not go together.
    pub(super) fn new(health: &'a Health, cx: &'a Cx, (service, url): (&'a Service, Url)) -> Result<Self> {
        let times = Times::read(health)?;
        Ok(Self { health, cx, service, url, times, seen: VecDeque::new(), attempts: 0 })
    }

    /// Looks until all is well, or the time is over.
    pub(super) async fn run(mut self) -> Result<Value> {
        let begin = self.cx.instant();
        let mut well_since: Option<Instant> = None;
        loop {
            let left = self.times.within.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(self.gave_up(well_since));
            }
            let observation = self.look(begin, left).await?;
            let (well, status, latency) =
                (observation.fault.is_none(), observation.status, observation.latency);
            self.attempts += 1;
            self.seen.push_back(observation);
            if self.seen.len() > TOLD {
                self.seen.pop_front();
            }
            well_since = if well { well_since.or_else(|| Some(self.cx.instant())) } else { None };
            if well_since.is_some_and(|since| since.elapsed() >= self.times.holds_for) {
                return Ok(json!({
                    "attempts": self.attempts,
                    "status": status,
                    "ms": round(latency.as_secs_f64() * 1e3),
                    "took_ms": round(begin.elapsed().as_secs_f64() * 1e3),
                }));
            }
            let left = self.times.within.saturating_sub(begin.elapsed());
            // The last look of a window falls on its end, not up to one pause behind it.
            let until_held = well_since
                .map_or(Duration::MAX, |since| self.times.holds_for.saturating_sub(since.elapsed()));
            self.cx.pause(self.times.every.min(left).min(until_held)).await?;
        }
    }

    async fn look(&self, begin: Instant, left: Duration) -> Result<Observation> {
        let sent = self.cx.instant();
        let request = Request::get(self.url.clone());
        let patience = left.min(PATIENCE);
        let answer = tokio::select! {
            answer = self.service.client.send(request, self.service.largest_body) => Some(answer),
            stopped = self.cx.pause(patience) => {
                stopped?;
                None
            }
        };
        let latency = sent.elapsed();
        let (status, fault) = match answer {
            Some(Ok(answer)) => (Some(answer.status), self.health.fault(&answer, latency, self.times.under)),
            Some(Err(error)) if error.kind == Kind::Usage => return Err(error),
            Some(Err(error)) => (None, Some(error.why.clone().unwrap_or_else(|| error.what.clone()))),
            None => (None, Some("no answer".to_owned())),
        };
        Ok(Observation { at: sent - begin, latency, status, fault })
    }

    fn gave_up(&self, well_since: Option<Instant>) -> Error {
        let (resource, path) = (self.cx.resource(), &self.health.path);
        let seen: Vec<String> = self.seen.iter().map(Observation::to_string).collect();
        let what = match well_since {
            Some(_) => format!(
                "{path} of `{resource}` was well, but not for {} within {}",
                self.health.holds_for, self.health.within
            ),
            None => format!("{path} of `{resource}` was not healthy within {}", self.health.within),
        };
        let why = format!(
            "wanted that it {}; asked {} times, last seen:\n{}",
            self.health.wanted(),
            self.attempts,
            seen.join("\n")
        );
        let error = Error::remote(what)
            .why(why)
            .fix("look at the service's own log, or give `within` more time")
            .detail("attempts", self.attempts);
        match self.seen.back().and_then(|seen| seen.status) {
            Some(status) => error.detail("status", status),
            None => error,
        }
    }
}
