//! `wait`: until a port is open, and greets as it should.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::port::{Port, milliseconds};
use super::wanted;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Waits until a connection is accepted, and greeted as it should be; gives `#{ address, ms, banner, attempts, took_ms }`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: Period,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: Period,
    /// Text that the greeting must contain
    expect: Option<String>,
    /// Text that is sent first
    send: Option<String>,
}

const fn half_a_minute() -> Period {
    Period::of("30s")
}

const fn half_a_second() -> Period {
    Period::of("500ms")
}

impl Primitive for Wait {
    const NAME: &'static str = "wait";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"tcp("smtp").wait(#{ within: "60s", expect: "220" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {resource} is open{}, at most {}", wanted(self.expect.as_deref()), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let port = Port::of(&cx)?;
        let begin = cx.instant();
        let (mut attempts, mut last) = (0_u64, None);
        loop {
            attempts += 1;
            let left = within.saturating_sub(begin.elapsed());
            let tried = tokio::select! {
                tried = port.connect(&cx, self.expect.as_deref(), self.send.as_deref()) => tried,
                stopped = cx.pause(left) => { stopped?; break }
            };
            match tried {
                Ok((mut value, _)) => {
                    value["attempts"] = attempts.into();
                    value["took_ms"] = milliseconds(begin.elapsed()).into();
                    return Ok(value);
                }
                Err(error) => last = Some(error),
            }
            if begin.elapsed() + every >= within {
                break;
            }
            cx.pause(every).await?;
        }
        let what = format!("`{}` was not open within {}, in {attempts} tries", cx.resource(), self.within);
        let why = last.map(|error| {
            error.why.as_ref().map_or(error.what.clone(), |why| format!("{}: {why}", error.what))
        });
        Err(Error::timeout(what)
            .why(why.unwrap_or_else(|| "no try came to an end".to_owned()))
            .fix("look at the service's own log, or give `within` more time"))
    }
}
