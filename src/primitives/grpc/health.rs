//! `status` and `health`: one question, and one that is asked until the service serves.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::server::Server;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Asks once for the health of a service and gives `#{ service, status, ms }`; `status` is `SERVING`, `NOT_SERVING`, `UNKNOWN`, or
/// `SERVICE_UNKNOWN` where the server knows no such service.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// The service, whole: `shop.v1.Orders`; empty for the server as a whole
    #[serde(default)]
    service: String,
}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "serving", grpc("orders").status("shop.v1.Orders").status == "SERVING";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource} for the health of {}", shown(&self.service))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Server::of(&cx).await?.ask(&self.service).await
    }
}

/// Waits until a service is `SERVING`, or fails when `within` is over, telling what was seen last. Gives what `status` gives,
/// and `attempts`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// The service, whole: `shop.v1.Orders`; empty for the server as a whole
    #[serde(default)]
    service: String,
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: Period,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: Period,
}

const fn half_a_minute() -> Period {
    Period::of("30s")
}

const fn half_a_second() -> Period {
    Period::of("500ms")
}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"grpc("orders").health("shop.v1.Orders", #{ within: "60s" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {} of {resource} serves, at most {}", shown(&self.service), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let server = Server::of(&cx).await?;
        let begin = cx.instant();
        let (mut attempts, mut last) = (0_u64, "no try came to an end".to_owned());
        loop {
            attempts += 1;
            let left = within.saturating_sub(begin.elapsed());
            let asked = tokio::select! {
                asked = server.ask(&self.service) => asked,
                stopped = cx.pause(left) => { stopped?; break }
            };
            match asked {
                Ok(mut value) if value["status"] == "SERVING" => {
                    value["attempts"] = attempts.into();
                    return Ok(value);
                }
                Ok(value) => last = format!("it was {} last", value["status"].as_str().unwrap_or_default()),
                Err(error) => {
                    last =
                        error.why.as_ref().map_or(error.what.clone(), |why| format!("{}: {why}", error.what));
                }
            }
            if begin.elapsed() + every >= within {
                break;
            }
            cx.pause(every).await?;
        }
        Err(Error::timeout(format!(
            "{} of `{}` did not serve within {}, in {attempts} tries",
            shown(&self.service),
            cx.resource(),
            self.within
        ))
        .why(last)
        .fix("look at the server's own log, or give `within` more time"))
    }
}

fn shown(service: &str) -> &str {
    if service.is_empty() { "the server" } else { service }
}
