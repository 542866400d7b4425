//! `set`: a key gets a text, and what it held before is recorded.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers;
use super::delete::Delete;
use super::held::{self, Held};
use super::restore;
use super::session::{Session, on};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Writes a text, a number or a yes or no under a key, whatever it held before. Taken back by putting back the value that
/// it had, of whatever kind, and its time to live, or by removing the key. Gives `#{ key, bytes }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    /// The key
    key: String,
    /// The value: a text, a number, `true` or `false`
    value: Value,
    /// How long it lives, as "10m"; without it for ever, even where the earlier value expired
    #[serde(default)]
    expires: Option<String>,
    /// Whether `value` is base64, for a value that is no text
    #[serde(default)]
    base64: bool,
}

impl Primitive for Set {
    const NAME: &'static str = "set";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").set("maintenance", "on", #{ expires: "10m" })"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let shown = match &self.value {
            Value::String(text) if !self.base64 && text.len() <= 40 => format!("`{text}`"),
            Value::String(text) => text::show_size(text.len() as u64),
            other => format!("`{other}`"),
        };
        let time = self.expires.as_ref().map(|time| format!(" for {time}")).unwrap_or_default();
        format!("set `{}` of {resource} to {shown}{time}", self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.bytes()?;
        self.millis()?;
        let session = Session::open(cx).await?;
        match held::find(&session, &self.key).await? {
            Held::Absent => {
                let call = Call::new(cx.resource().clone(), Delete::NAME);
                Ok(Inverse::Call(call.with("keys", self.key.as_str())))
            }
            Held::Entry(entry) => restore::call(cx, &[*entry], false),
            Held::Unkept(why) => Ok(Inverse::none(why)),
        }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let session = Session::open(cx).await?;
        let held = held::find(&session, &self.key).await?;
        let Held::Entry(entry) = held else { return Ok(Some(false)) };
        // Whether it is there with the time that it was given: a value that was the same before tells nothing else.
        let is_timed = entry.expires.is_some() == self.expires.is_some();
        Ok(Some(is_timed && entry.payload()? == ("SET", self.bytes()?)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (bytes, millis) = (self.bytes()?, self.millis()?);
        let session = Session::open(&cx).await?;
        let size = bytes.len();
        let mut command = on("SET", &self.key);
        command.arg(bytes);
        if let Some(millis) = millis {
            command.arg("PX").arg(millis);
        }
        let answer = session.change(&self.key, command).await?;
        answers::bytes(&session.named, "SET", answer)?;
        Ok(json!({ "key": self.key, "bytes": size }))
    }
}

impl Set {
    fn bytes(&self) -> Result<Vec<u8>> {
        match &self.value {
            Value::String(text) if self.base64 => STANDARD.decode(text).map_err(|why| {
                Error::usage(format!("the value for `{}` is no base64", self.key)).why(why.to_string())
            }),
            Value::String(text) => Ok(text.clone().into_bytes()),
            Value::Number(_) | Value::Bool(_) if !self.base64 => Ok(self.value.to_string().into_bytes()),
            other => Err(Error::usage(format!("{} cannot be the value of a key", text::headline(&other.to_string(), 60)))
                .fix("give a text, a number, `true` or `false`; write an array or a map as JSON first, with `.to_json()`")),
        }
        .map_err(Error::unchanged)
    }

    fn millis(&self) -> Result<Option<u64>> {
        self.expires.as_deref().map(millis).transpose().map_err(Error::unchanged)
    }
}

/// A time to live in milliseconds; less than one is none.
pub(super) fn millis(text: &str) -> Result<u64> {
    let duration: Duration = text::parse_duration(text)?;
    match u64::try_from(duration.as_millis()) {
        Ok(millis @ 1..=9_000_000_000_000_000) => Ok(millis),
        _ => {
            Err(Error::usage(format!("`{text}` is no time that a key can live"))
                .fix("write for example \"10m\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: Value, base64: bool) -> Result<Vec<u8>> {
        Set { key: "k".into(), value, expires: None, base64 }.bytes()
    }

    #[test]
    fn what_a_key_can_hold_becomes_bytes_and_the_rest_is_refused() {
        assert_eq!(bytes(json!("ü"), false).unwrap(), "ü".as_bytes());
        assert_eq!(bytes(json!(5), false).unwrap(), b"5");
        assert_eq!(bytes(json!(0.1), false).unwrap(), b"0.1");
        assert_eq!(bytes(json!(true), false).unwrap(), b"true");
        assert_eq!(bytes(json!("/w=="), true).unwrap(), [0xff]);
        for (wrong, base64) in [
            (json!(null), false),
            (json!([1]), false),
            (json!({ "a": 1 }), false),
            (json!("?"), true),
            (json!(5), true),
        ] {
            assert!(bytes(wrong, base64).is_err());
        }
        assert!(millis("0ms").is_err() && millis("soon").is_err());
        assert_eq!(millis("1500ms").unwrap(), 1500);
    }
}
