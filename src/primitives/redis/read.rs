//! `get`, `exists` and `time_to_live`: what a key holds, and for how long.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::Value as Answer;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answers;
use super::session::{Session, on};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// A value larger than this does not come into a script; in bytes.
const LARGEST: u64 = 3 * 1024 * 1024;

/// Reads the text that a key holds; `()` when there is no such key. A list, a hash or another kind of value is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// The key
    key: String,
    /// Whether to give the value in base64, for one that is no UTF-8 text
    #[serde(default)]
    base64: bool,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"redis("cache").get("maintenance")"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read `{}` of {resource}", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let named = session.named.as_str();
        let size = answers::count(named, "STRLEN", &session.ask(&self.key, on("STRLEN", &self.key)).await?)?;
        if size > LARGEST {
            return Err(Error::usage(format!(
                "the value of `{}` in `{named}` is too large for a script",
                self.key
            ))
            .why(format!(
                "it is {}; at most {} come into a script",
                text::show_size(size),
                text::show_size(LARGEST)
            ))
            .fix(
                "keep bulk data out of scripts: `exists` and `time_to_live` tell of a key without its value",
            ));
        }
        let answer = session.ask(&self.key, on("GET", &self.key)).await?;
        let Some(bytes) = answers::bytes(named, "GET", answer)? else { return Ok(Value::Null) };
        if self.base64 {
            return Ok(STANDARD.encode(bytes).into());
        }
        String::from_utf8(bytes).map(Value::String).map_err(|why| {
            let offset = why.utf8_error().valid_up_to();
            Error::remote(format!("the value of `{}` in `{named}` is no UTF-8 text", self.key))
                .why(format!("the first wrong byte stands at offset {offset}"))
                .fix("ask for it with `#{ base64: true }`")
        })
    }
}

/// Whether there is such a key, of whatever kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exists {
    /// The key
    key: String,
}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"redis("cache").exists("maintenance")"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see whether {resource} has `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        Ok(exists(&session, &self.key).await?.into())
    }
}

/// Whether there is such a key.
pub(super) async fn exists(session: &Session, key: &str) -> Result<bool> {
    let answer = session.ask(key, on("EXISTS", key)).await?;
    Ok(answers::count(&session.named, "EXISTS", &answer)? > 0)
}

/// How long a key still lives, in milliseconds; `()` when it does not expire. No such key is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeToLive {
    /// The key
    key: String,
}

impl Primitive for TimeToLive {
    const NAME: &'static str = "time_to_live";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"redis("cache").time_to_live("session:7")"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how long `{}` of {resource} still lives", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        match expiry(&session, &self.key).await? {
            Life::Millis(millis) => Ok(millis.into()),
            Life::Forever => Ok(Value::Null),
            Life::Missing => Err(missing(&session.named, &self.key)),
        }
    }
}

/// How long a key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// There is no such key.
    Missing,
    /// It does not expire.
    Forever,
    /// So many milliseconds from now.
    Millis(u64),
}

/// How long a key still lives.
pub(super) async fn expiry(session: &Session, key: &str) -> Result<Life> {
    let answer: Answer = session.ask(key, on("PTTL", key)).await?;
    Ok(match answers::number(&session.named, "PTTL", &answer)? {
        -2 => Life::Missing,
        -1 => Life::Forever,
        millis => Life::Millis(u64::try_from(millis).unwrap_or(0)),
    })
}

/// The error for a key that is not there.
pub(super) fn missing(named: &str, key: &str) -> Error {
    Error::missing(format!("`{named}` has no key `{}`", text::headline(key, 80)))
        .fix("see first whether it is there, with `exists`")
        .unchanged()
}
