//! Health: asks again and again until a service has been well for as long as it must be.

mod fault;
mod watch;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Service, service};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::headline;
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;
use crate::sys::http::path;

/// Waits until a path answers as it should, and has done so for as long as `holds_for` says, or fails when `within` is
/// over, telling what was seen last. Returns `#{ attempts, status, ms, took_ms }`: how often it asked, the last status and
/// latency, and how long it took in all.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// The path below the base address
    #[schemars(extend("format" = "path below an address"))]
    path: String,
    /// The status that is well
    #[serde(default = "ok")]
    status: u16,
    /// Text that the body must contain
    body: Option<String>,
    /// Fields that the body, read as JSON, must have; others may be there
    json: Option<Map<String, Value>>,
    /// The latency that an answer must stay under: "500ms"
    under: Option<Period>,
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: Period,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: Period,
    /// For how long every answer must have been well; "0s" is content with one
    #[serde(default = "no_time")]
    holds_for: Period,
}

const fn ok() -> u16 {
    200
}

const fn half_a_minute() -> Period {
    Period::of("30s")
}

const fn half_a_second() -> Period {
    Period::of("500ms")
}

const fn no_time() -> Period {
    Period::of("0s")
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

    fn forbidden(&self, _: &Resource, _: &str) -> Option<Error> {
        self.within.leaves_time_for(&self.holds_for, "holds_for").err()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let service = service(&cx).await?;
        let url = path::join(service.client.base(), &self.path, &Map::new())?;
        watch::Watch::new(&self, &cx, (&service, url))?.run().await
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
        if *self.holds_for != *"0s" {
            wanted += &format!(" for {}", self.holds_for);
        }
        wanted
    }
}
