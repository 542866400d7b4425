//! `holds`: asks again and again until a condition has been true for as long as it must be.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Server;
use super::query::instant;
use super::sample::{Answer, Sample};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::period::Period;
use crate::base::text::{headline, parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;

/// How many of the last looks an error tells.
const TOLD: usize = 5;

/// Waits until a condition has held for as long as `for` says, or fails when `within` is over, telling what was measured
/// last. A condition is a comparison: `max(queue_length) < 100`. It holds when something is left of it, as an alert fires
/// (with `bool`, or of two plain numbers, when the result is not 0): a series that does not exist lets no condition hold. Gives
/// `#{ looks, took_ms, samples }`, with what was measured last.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Holds {
    /// The condition, in PromQL, or the name of one of the settings' `queries`
    condition: String,
    /// For how long every look must have found it true; "0s" is content with one
    #[serde(rename = "for", default = "no_time")]
    holds_for: Period,
    /// How long it may take in all
    #[serde(default = "ten_minutes")]
    within: Period,
    /// How long to pause between two looks
    #[serde(default = "five_seconds")]
    every: Period,
}

const fn no_time() -> Period {
    Period::of("0s")
}

const fn ten_minutes() -> Period {
    Period::of("10m")
}

const fn five_seconds() -> Period {
    Period::of("5s")
}

impl Primitive for Holds {
    const NAME: &'static str = "holds";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"prometheus("main").holds("max(queue_length) < 100", #{ for: "5m", within: "20m" })"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("wait until {} holds for {}, at most {}", self.condition, self.holds_for, self.within)
    }

    fn forbidden(&self, _: &Resource, _: &str) -> Option<Error> {
        self.within.leaves_time_for(&self.holds_for, "for").err()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.within.leaves_time_for(&self.holds_for, "for")?;
        let (holds_for, within) = (parse_duration(&self.holds_for)?, parse_duration(&self.within)?);
        let every = parse_duration(&self.every)?.max(Duration::from_millis(50));
        let server = Server::of(&cx).await?;
        let begin = cx.instant();
        let (mut seen, mut since): (Vec<String>, Option<Instant>) = (Vec::new(), None);
        for looks in 1_u64.. {
            let look = self.look(&server).await?;
            since = if look.holds { since.or_else(|| Some(cx.instant())) } else { None };
            seen.push(format!("after {}: {}", show_duration(begin.elapsed()), look.told));
            if since.is_some_and(|since| since.elapsed() >= holds_for) {
                let took_ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
                return Ok(json!({ "looks": looks, "took_ms": took_ms, "samples": look.samples }));
            }
            let left = within.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(self.gave_up(&cx, &seen, since.is_some()).detail("looks", looks));
            }
            // The last look of a stretch falls on its end, not up to one pause behind it.
            let until = since.map_or(Duration::MAX, |since| holds_for.saturating_sub(since.elapsed()));
            cx.pause(every.min(left).min(until)).await?;
        }
        Err(Error::bug("a count of looks came to an end"))
    }
}

/// One look at a condition.
struct Look {
    holds: bool,
    told: String,
    samples: Value,
}

impl Holds {
    /// Looks once. A server that cannot be asked now is a look at which nothing holds; a wrong query is an error.
    async fn look(&self, server: &Server) -> Result<Look> {
        match instant(server, &self.condition, None).await {
            Ok(answer) => Ok(Look {
                holds: holds(&answer, &self.condition),
                told: told(&answer),
                samples: answer.samples().iter().map(Sample::told).collect(),
            }),
            Err(error) if error.kind != Kind::Remote || is_final(&error) => Err(error),
            Err(error) => {
                let told = error
                    .why
                    .as_ref()
                    .map_or_else(|| error.what.clone(), |why| format!("{}: {why}", error.what));
                Ok(Look { holds: false, told, samples: Value::Null })
            }
        }
    }

    fn gave_up(&self, cx: &Cx, seen: &[String], held: bool) -> Error {
        let condition = headline(&self.condition, 200);
        let what = match held {
            true => format!(
                "{condition} held at `{}`, but not for {} within {}",
                cx.resource(),
                self.holds_for,
                self.within
            ),
            false => format!("{condition} did not hold at `{}` within {}", cx.resource(), self.within),
        };
        let last = &seen[seen.len().saturating_sub(TOLD)..];
        Error::remote(what)
            .why(format!("looked {} times, last seen:\n{}", seen.len(), last.join("\n")))
            .fix("look at what it measures, or give `within` more time")
    }
}

/// Whether asking again cannot help: the query is wrong, or we may not ask.
fn is_final(error: &Error) -> bool {
    matches!(error.details.get("status").and_then(Value::as_u64), Some(400..=499))
}

/// Whether the condition is true of an answer.
fn holds(answer: &Answer, condition: &str) -> bool {
    let is_number = |sample: &Sample| sample.value.is_some_and(|value| value != 0.0);
    let by_number = condition.split_whitespace().any(|word| word == "bool");
    match answer {
        Answer::Scalar(one) => is_number(one),
        Answer::Vector(all) if by_number => !all.is_empty() && all.iter().all(is_number),
        Answer::Vector(all) => !all.is_empty(),
    }
}

fn told(answer: &Answer) -> String {
    let show = |sample: &Sample| {
        let value = sample.value.map_or_else(|| "no number".to_owned(), |value| value.to_string());
        match sample.labels.as_object().is_none_or(serde_json::Map::is_empty) {
            true => value,
            false => format!("{} of {}", value, sample.labels),
        }
    };
    match answer.samples() {
        [] => "nothing".to_owned(),
        few => headline(&few.iter().take(3).map(show).collect::<Vec<_>>().join(", "), 200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[&str]) -> Answer {
        let all: Vec<Value> =
            values.iter().map(|value| json!({ "metric": {}, "value": [1, value] })).collect();
        Answer::read(&json!({ "resultType": "vector", "result": all }), "x").unwrap()
    }

    #[test]
    fn a_condition_holds_when_something_is_left_of_it() {
        assert!(holds(&vector(&["0"]), "errors == 0") && !holds(&vector(&[]), "errors == 0"));
        assert!(!holds(&vector(&["1", "0"]), "up == bool 1") && holds(&vector(&["1"]), "up == bool 1"));
        let scalar = |value: &str| json!({ "resultType": "scalar", "result": [1, value] });
        assert!(!holds(&Answer::read(&scalar("0"), "1 > bool 2").unwrap(), "1 > bool 2"));
        assert!(!holds(&Answer::read(&scalar("NaN"), "0/0").unwrap(), "0/0"));
    }
}
