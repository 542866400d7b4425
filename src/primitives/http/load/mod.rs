//! A load: a bounded number of requests, or as many as a time takes, and how fast and how well they were answered.

mod figures;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Service, change, connect};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::show_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::load::{Load as Sending, Running};
use crate::sys::http::{Method, Request, path};
use figures::Figures;
use shape::{Asked, Shape};

/// Sends the same GET request again and again over kept-alive connections, `requests` times or for as long as `lasts`
/// says, and returns `#{ requests, failed, error_rate, per_second, p50_ms, p95_ms, p99_ms, max_ms, statuses, unanswered,
/// bytes, took_ms, first_error }`. A request fails when it gets no answer within ten seconds or another status than `status`; that is no
/// error, the script judges the figures. Not to be done by `within` is one. Redirects are not followed.
///
/// Without `rate`, each connection asks again as soon as it was answered: the highest rate that the service keeps up with.
/// With `rate`, a request that could not begin when it was due, because all connections were still waiting, is measured
/// from when it was due: a stall of the service shows in the percentiles as its users would have felt it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// The path below the base address
    #[schemars(extend("format" = "path below an address"))]
    path: String,
    /// How many requests in all, at most 10 million; 100 when `lasts` is not given
    #[schemars(range(min = 1, max = 10_000_000))]
    requests: Option<u64>,
    /// For how long requests begin, as "30s", in place of `requests`
    lasts: Option<Period>,
    /// How many at once, at most 1024: each on a connection of its own
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    concurrency: usize,
    /// How many requests begin in a second; without it, as many as are answered
    rate: Option<f64>,
    /// How long it may take in all; by default 30 seconds more than it needs by its own figures
    within: Option<Period>,
    /// The status that is no failure
    #[serde(default = "ok")]
    status: u16,
    /// Headers of the request
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// The same as `load` with requests that may change something: `method`, and a body. What they changed cannot be taken
/// back; a DELETE needs `destroy`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadChanges {
    /// The path below the base address
    #[schemars(extend("format" = "path below an address"))]
    path: String,
    /// `post`, `put`, `patch` or `delete`
    method: Changing,
    /// The body, sent as JSON
    json: Option<Value>,
    /// How many requests in all; 100 when `lasts` is not given
    #[schemars(range(min = 1, max = 10_000_000))]
    requests: Option<u64>,
    /// For how long requests begin, in place of `requests`
    lasts: Option<Period>,
    /// How many at once
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 1024))]
    concurrency: usize,
    /// How many requests begin in a second
    rate: Option<f64>,
    /// The status that is no failure
    #[serde(default = "ok")]
    status: u16,
}

/// A method that changes something.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Changing {
    Post,
    Put,
    Patch,
    Delete,
}

impl Changing {
    const fn method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

const fn four() -> usize {
    4
}

const fn ok() -> u16 {
    200
}

/// It bounds itself by `within`.
const LONG: Duration = Duration::from_secs(24 * 3600);

impl Primitive for Load {
    const NAME: &'static str = "load";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "p95 (ms)", http("api").load("/", #{ requests: 200, concurrency: 8 }).p95_ms < 250;"#;
    const TIMEOUT: Duration = LONG;
    // A plan shall not put load on anything, and what is to be measured is what the writes before it bring about.
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("load {} of {resource}: {}", self.path, self.asked().words())
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let shape = self.asked().shape()?;
        let shot = Shot { path: &self.path, method: Method::GET, headers: &self.headers, body: None };
        send(&cx, &shot, shape, self.status).await
    }
}

impl Load {
    fn asked(&self) -> Asked<'_> {
        Asked {
            requests: self.requests,
            lasts: self.lasts.as_deref(),
            rate: self.rate,
            concurrency: self.concurrency,
            within: self.within.as_deref(),
        }
    }
}

impl Primitive for LoadChanges {
    const NAME: &'static str = "load_changes";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"http("api").load_changes("/carts", "post", #{ json: #{ item: 7 }, requests: 50, status: 201 });"#;
    const NO_PROBE: Option<&'static str> =
        Some("it sends many requests, and a service does not tell how many it has taken");
    const TIMEOUT: Duration = LONG;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        let effect = if self.method == Changing::Delete { Effect::Destroy } else { Effect::Write };
        vec![Access::new(resource.clone(), effect)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("load {} of {resource} by {}: {}", self.path, self.method.method(), self.asked().words())
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        self.asked().shape()?;
        Ok(Inverse::none(
            "what a load changed is the service's own to remove; write a rollback block that does it",
        ))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let shape = self.asked().shape().map_err(Error::unchanged)?;
        let body = change::body(self.json.clone(), None, None).map_err(Error::unchanged)?;
        let headers = BTreeMap::new();
        let shot = Shot { path: &self.path, method: self.method.method(), headers: &headers, body };
        send(&cx, &shot, shape, self.status).await
    }
}

impl LoadChanges {
    fn asked(&self) -> Asked<'_> {
        Asked {
            requests: self.requests,
            lasts: self.lasts.as_deref(),
            rate: self.rate,
            concurrency: self.concurrency,
            within: None,
        }
    }
}

/// The service, reached by a client that follows no redirect.
struct Unfollowed(Service);

/// What is sent.
struct Shot<'a> {
    path: &'a str,
    method: Method,
    headers: &'a BTreeMap<String, String>,
    body: super::request::Body,
}

async fn send(cx: &Cx, shot: &Shot<'_>, shape: Shape, status: u16) -> Result<Value> {
    let service: Arc<Unfollowed> = cx.shared(async { connect(cx, Some(0)).await.map(Unfollowed) }).await?;
    let client = &service.0.client;
    let url = path::join(client.base(), shot.path, &Map::new())?;
    let request = Request::new(shot.method.clone(), url, shot.headers, shot.body.clone())?;
    let Shape { amount, connections, within, answer } = shape;
    let most = amount.most;
    let mut running = Running::begin(client, Sending { request, connections, amount, answer })?;
    let what = format!("load {}", shot.path);
    let ended = tokio::select! {
        done = running.finish(|requests| cx.progress(&what, requests, most)) => { done?; true }
        stopped = cx.pause(within) => { stopped?; false }
    };
    let (tally, took) = running.tally()?;
    let figures = Figures { tally, took, status };
    if ended { Ok(figures.value()) } else { Err(too_slow(cx, shot.path, &figures, (most, within))) }
}

fn too_slow(cx: &Cx, path: &str, figures: &Figures, (most, within): (Option<u64>, Duration)) -> Error {
    let (requests, failed) = (figures.tally.requests(), figures.failed());
    let of = most.map(|most| format!(" of {most}")).unwrap_or_default();
    let error = Error::remote(format!(
        "only {requests}{of} requests to {path} of `{}` were answered within {}",
        cx.resource(),
        show_duration(within)
    ));
    let error = error.detail("requests", requests).detail("failed", failed);
    match figures.first_error() {
        Some(first) => error.why(format!("{failed} of them failed, the first with: {first}")),
        None => error.fix("give `within` more time, or find out why the service is slow"),
    }
}
