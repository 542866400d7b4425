//! `value`, `query`, `query_range`: what is measured, now or over a stretch of time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

use super::Server;
use super::sample::{self, Answer, Sample};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::{headline, parse_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Asks for one number. A query that gives no number or more than one is an error; `otherwise` is the number where nothing
/// was measured. One that is no number (0 divided by 0) is `()`, and no comparison with it is true.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Value {
    /// The query, in PromQL, or the name of one of the settings' `queries`
    query: String,
    /// The number where the query gives none
    otherwise: Option<f64>,
}

impl Primitive for Value {
    const NAME: &'static str = "value";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str =
        r#"prometheus("main").value("sum(rate(http_requests_total{code=~'5..'}[5m]))", #{ otherwise: 0 })"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("ask for {}", self.query)
    }

    async fn run(self, cx: Cx) -> Result<serde_json::Value> {
        let answer = instant(&Server::of(&cx).await?, &self.query, None).await?;
        match answer.samples() {
            [] => self.otherwise.map(|number| json!(number)).ok_or_else(|| nothing(&cx, &self.query)),
            [one] => Ok(json!(one.value.or(self.otherwise))),
            many => Err(several(&cx, &self.query, many)),
        }
    }
}

fn nothing(cx: &Cx, query: &str) -> Error {
    Error::remote(format!("`{}` has nothing for {}", cx.resource(), headline(query, 200)))
        .why("no series matches")
        .fix("check the names and labels (and `queries` in its settings), or say `otherwise: 0` for where nothing was measured")
}

fn several(cx: &Cx, query: &str, samples: &[Sample]) -> Error {
    let first: Vec<String> = samples.iter().take(3).map(|one| one.labels.to_string()).collect();
    let (count, query) = (samples.len(), headline(query, 200));
    Error::usage(format!("{query} gives {count} numbers of `{}`, and one is wanted", cx.resource()))
        .why(format!("among them {}", first.join(" and ")))
        .fix("put `sum(…)` or `max(…)` around it, or call `query`")
}

/// Asks for what is measured now: an array of `#{ labels, value, at }`, one for each series, empty when none matches. `value`
/// is `()` for what is no number (0 divided by 0); `at` is in seconds since 1970.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The query, in PromQL, or the name of one of the settings' `queries`
    query: String,
    /// Another time than now: "2026-03-01T12:00:00Z"
    at: Option<String>,
}

impl Primitive for Query {
    const NAME: &'static str = "query";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str = r#"prometheus("main").query("sum by (job) (up)")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("ask for {}", self.query)
    }

    async fn run(self, cx: Cx) -> Result<serde_json::Value> {
        let answer = instant(&Server::of(&cx).await?, &self.query, self.at.as_deref()).await?;
        Ok(answer.samples().iter().map(Sample::told).collect())
    }
}

/// Asks for what was measured over a stretch of time that ends now: an array of `#{ labels, points, min, max, mean, last }`,
/// one for each series; `points` is an array of `#{ at, value }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryRange {
    /// The query, in PromQL, or the name of one of the settings' `queries`
    query: String,
    /// How far back it begins: "15m"
    last: Period,
    /// The time between two points
    #[serde(default = "quarter_minute")]
    step: Period,
}

const fn quarter_minute() -> Period {
    Period::of("15s")
}

impl Primitive for QueryRange {
    const NAME: &'static str = "query_range";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str =
        r#"prometheus("main").query_range("sum(rate(http_requests_total[1m]))", "15m")[0].max"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("ask for {} of the last {}", self.query, self.last)
    }

    async fn run(self, cx: Cx) -> Result<serde_json::Value> {
        let (last, step) = (parse_duration(&self.last)?, parse_duration(&self.step)?);
        if step.is_zero() || step > last {
            return Err(Error::usage(format!("{} has no points {} apart", self.last, self.step))
                .fix("give a `step` that is shorter than `last`"));
        }
        let end = cx.seconds();
        let server = Server::of(&cx).await?;
        let mut query = Map::new();
        query.insert("query".to_owned(), json!(server.meant(&self.query)));
        query.insert("start".to_owned(), json!(end - last.as_secs_f64()));
        query.insert("end".to_owned(), json!(end));
        query.insert("step".to_owned(), json!(at_least_a_millisecond(step)));
        let data = server.get("query_range", &query).await?;
        sample::series(&data, &self.query).map(Into::into)
    }
}

fn at_least_a_millisecond(step: Duration) -> f64 {
    step.as_secs_f64().max(0.001)
}

/// Asks for what is measured at one time.
pub(super) async fn instant(server: &Server, query: &str, at: Option<&str>) -> Result<Answer> {
    let mut parameters = Map::new();
    parameters.insert("query".to_owned(), json!(server.meant(query)));
    if let Some(at) = at {
        parameters.insert("time".to_owned(), json!(at));
    }
    Answer::read(&server.get("query", &parameters).await?, query)
}
