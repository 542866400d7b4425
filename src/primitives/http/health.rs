//! Health: asks again and again until a service has been well for as long as it must be.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::round;
use super::{Service, path, service};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::text::{headline, parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::{Answer, Request, Url};

/// No answer within this is an answer too: the next try may reach another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many of the last observations an error tells.
const TOLD: usize = 5;

/// Waits until a path answers as it should, and has done so for as long as `holds_for` says, or fails when `within` is
/// over, telling what was seen last. Returns `#{ attempts, status, ms, took_ms }`: how often it asked, the last status and
/// latency, and how long it took in all.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// The path below the base address
    path: String,
    /// The status that is well
    #[serde(default = "ok")]
    status: u16,
    /// Text that the body must contain
    body: Option<String>,
    /// Fields that the body, read as JSON, must have; others may be there
    json: Option<Map<String, Value>>,
    /// The latency that an answer must stay under: "500ms"
    under: Option<String>,
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: String,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: String,
    /// For how long every answer must have been well; "0s" is content with one
    #[serde(default = "no_time")]
    holds_for: String,
}

const fn ok() -> u16 {
    200
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

fn half_a_second() -> String {
    "500ms".to_owned()
}

fn no_time() -> String {
    "0s".to_owned()
}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"http("api").health("/health", #{ under: "500ms", within: "60s", holds_for: "5s" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {} of {resource} {}, at most {}", self.path, self.wanted(), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let service = service(&cx).await?;
        let url = path::join(service.client.base(), &self.path, &Map::new())?;
        let times = Times::read(&self)?;
        Watch { health: &self, cx: &cx, service: &service, url, times, seen: VecDeque::new(), attempts: 0 }
            .run()
            .await
    }
}

impl Health {
    /// What is well, in words.
    fn wanted(&self) -> String {
        let mut wanted = format!("answers {}", self.status);
        if let Some(body) = &self.body {
            wanted += &format!(" with `{}`", headline(body, 40));
        }
        if let Some(json) = &self.json {
            wanted += &format!(" with {}", headline(&Value::Object(json.clone()).to_string(), 80));
        }
        if let Some(under) = &self.under {
            wanted += &format!(" under {under}");
        }
        if self.holds_for != "0s" {
            wanted += &format!(" for {}", self.holds_for);
        }
        wanted
    }

    /// What is not well about an answer.
    fn fault(&self, answer: &Answer, latency: Duration, under: Option<Duration>) -> Option<String> {
        if answer.status != self.status {
            let body = headline(&String::from_utf8_lossy(&answer.body), 80);
            let body = if body.is_empty() { body } else { format!(": {body}") };
            return Some(format!("{}{body}", answer.status_line));
        }
        let text = String::from_utf8_lossy(&answer.body);
        if let Some(wanted) = self.body.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
            return Some(format!(
                "{} without `{}`: {}",
                answer.status_line,
                headline(wanted, 40),
                headline(&text, 80)
            ));
        }
        if let Some(wanted) = &self.json {
            let wanted = Value::Object(wanted.clone());
            match serde_json::from_str::<Value>(&text) {
                Err(_) => {
                    return Some(format!(
                        "{}, which is no JSON: {}",
                        answer.status_line,
                        headline(&text, 80)
                    ));
                }
                Ok(have) => {
                    if let Some(fault) = difference(&wanted, &have, "") {
                        return Some(format!("{}, {fault}", answer.status_line));
                    }
                }
            }
        }
        under.filter(|under| latency >= *under).map(|_| format!("{}, too slow", answer.status_line))
    }
}

/// The first field of `wanted` that `have` does not have so.
fn difference(wanted: &Value, have: &Value, at: &str) -> Option<String> {
    match (wanted, have) {
        (Value::Object(fields), Value::Object(there)) => fields.iter().find_map(|(name, value)| {
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match there.get(name) {
                None => Some(format!("`{at}` is missing")),
                Some(have) => difference(value, have, &at),
            }
        }),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        _ if wanted == have => None,
        _ => Some(format!("`{at}` is {}", headline(&have.to_string(), 60))),
    }
}

struct Times {
    under: Option<Duration>,
    within: Duration,
    every: Duration,
    holds_for: Duration,
}

impl Times {
    fn read(health: &Health) -> Result<Self> {
        let times = Self {
            under: health.under.as_deref().map(parse_duration).transpose()?,
            within: parse_duration(&health.within)?,
            // A service that is asked without a pause is under attack.
            every: parse_duration(&health.every)?.max(Duration::from_millis(5)),
            holds_for: parse_duration(&health.holds_for)?,
        };
        if times.holds_for >= times.within {
            return Err(Error::usage(format!(
                "it cannot hold for {} within {}",
                health.holds_for, health.within
            ))
            .fix("give `within` more time than `holds_for`"));
        }
        Ok(times)
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

struct Watch<'a> {
    health: &'a Health,
    cx: &'a Cx,
    service: &'a Service,
    url: Url,
    times: Times,
    seen: VecDeque<Observation>,
    attempts: u64,
}

impl Watch<'_> {
    async fn run(mut self) -> Result<Value> {
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
        let error = Error::remote(what).why(why).detail("attempts", self.attempts);
        match self.seen.back().and_then(|seen| seen.status) {
            Some(status) => error.detail("status", status),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_not_wanted_may_be_there() {
        let have = json!({ "status": "ok", "db": { "up": true, "ms": 3.0 }, "more": 1 });
        assert_eq!(difference(&json!({ "status": "ok", "db": { "ms": 3 } }), &have, ""), None);
        assert_eq!(difference(&json!({ "db": { "up": false } }), &have, "").unwrap(), "`db.up` is true");
        assert_eq!(difference(&json!({ "cache": 1 }), &have, "").unwrap(), "`cache` is missing");
    }
}
