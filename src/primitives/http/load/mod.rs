//! A smoke load: a bounded number of GET requests, and how fast and how well they were answered.

mod tally;

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Service, service};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::{Request, Url, path};
use tally::Tally;

/// More would be a load test, which wants machines of its own.
const MOST_REQUESTS: u64 = 100_000;
const MOST_AT_ONCE: usize = 256;

/// Sends GET requests, several at once, and returns `#{ requests, failed, error_rate, per_second, p50_ms, p95_ms, p99_ms,
/// max_ms, first_error }`. A request fails when it gets no answer or another status than `status`; that is no error, the
/// script judges the figures. Not to be done by `within` is one.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// The path below the base address
    path: String,
    /// How many requests in all, at most 100000
    #[serde(default = "hundred")]
    requests: u64,
    /// How many at once, at most 256
    #[serde(default = "four")]
    concurrency: usize,
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: String,
    /// The status that is no failure
    #[serde(default = "ok")]
    status: u16,
}

const fn hundred() -> u64 {
    100
}

const fn four() -> usize {
    4
}

const fn ok() -> u16 {
    200
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

impl Primitive for Load {
    const NAME: &'static str = "load";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "p95 (ms)", http("api").load("/", #{ requests: 200, concurrency: 8 }).p95_ms < 250;"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    // A plan shall not put load on anything, and what is to be measured is what the writes before it bring about.
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!(
            "send {} requests to {} of {resource}, {} at once",
            self.requests, self.path, self.concurrency
        )
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        if !(1..=MOST_REQUESTS).contains(&self.requests) || !(1..=MOST_AT_ONCE).contains(&self.concurrency) {
            return Err(Error::usage(format!(
                "a load of {} requests, {} at once",
                self.requests, self.concurrency
            ))
            .fix(format!(
                "give 1 to {MOST_REQUESTS} `requests` and a `concurrency` of 1 to {MOST_AT_ONCE}"
            )));
        }
        let within = parse_duration(&self.within)?;
        let service = service(&cx).await?;
        let url = path::join(service.client.base(), &self.path, &Map::new())?;
        let begin = cx.instant();
        let mut tally = Tally::new()?;
        tokio::select! {
            done = self.send_all(&cx, &service, &url, &mut tally) => done?,
            stopped = cx.pause(within) => {
                stopped?;
                return Err(self.too_slow(&cx, &tally));
            }
        }
        Ok(tally.value(begin.elapsed()))
    }
}

impl Load {
    async fn send_all(&self, cx: &Cx, service: &Service, url: &Url, tally: &mut Tally) -> Result<()> {
        let what = format!("load {}", self.path);
        let step = (self.requests / 100).max(1);
        let mut answers = stream::iter(0..self.requests)
            .map(|_| self.one(cx, service, url))
            .buffer_unordered(self.concurrency);
        while let Some((latency, result)) = answers.next().await {
            tally.count(latency, result)?;
            if tally.requests.is_multiple_of(step) {
                cx.progress(&what, tally.requests, Some(self.requests));
            }
        }
        Ok(())
    }

    async fn one(&self, cx: &Cx, service: &Service, url: &Url) -> (Duration, Result<()>) {
        let sent = cx.instant();
        let request = Request::get(url.clone());
        let result = service.client.send(request, service.largest_body).await.and_then(|answer| {
            if answer.status == self.status { Ok(()) } else { Err(Error::remote(answer.status_line)) }
        });
        (sent.elapsed(), result)
    }

    fn too_slow(&self, cx: &Cx, tally: &Tally) -> Error {
        let error = Error::remote(format!(
            "only {} of {} requests to {} of `{}` were answered within {}",
            tally.requests,
            self.requests,
            self.path,
            cx.resource(),
            self.within
        ));
        let error = error.detail("requests", tally.requests).detail("failed", tally.failed);
        match &tally.first_error {
            Some(first) => error.why(format!("{} of them failed, the first with: {first}", tally.failed)),
            None => error.fix("give `within` more time, or find out why the service is slow"),
        }
    }
}
