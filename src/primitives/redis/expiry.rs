//! `expire` and `persist`: how long a key lives.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers;
use super::held::{self, Held};
use super::read::{Life, expiry, missing};
use super::restore;
use super::session::{Session, on};
use super::set::millis;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Gives a key a time to live. Taken back by giving it the time that it had; should it be gone by then, its value is put
/// back too. No such key is an error. Gives `#{ changed }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expire {
    /// The key
    key: String,
    /// How long it lives from now on, as "10m", or until when, RFC 3339
    expires: String,
}

impl Primitive for Expire {
    const NAME: &'static str = "expire";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").expire("banner", "10m")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("let `{}` of {resource} expire: {}", self.key, self.expires)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        When::parse(&self.expires)?;
        let session = Session::open(cx).await?;
        match held::find(&session, &self.key).await? {
            Held::Absent => Err(missing(&session.named, &self.key)),
            Held::Entry(entry) => restore::call(cx, &[*entry], true),
            // The value cannot be kept, but its time can.
            Held::Unkept(why) => match expiry(&session, &self.key).await {
                Err(error) if held::is_forbidden(&error) => Ok(Inverse::none(why)),
                life => time_back(cx, &session, &self.key, life?).await,
            },
        }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let session = Session::open(cx).await?;
        let wanted = match When::parse(&self.expires)? {
            When::In(millis) => i64::try_from(millis).unwrap_or(i64::MAX),
            When::At(instant) => instant.as_millisecond() - held::now(&session, &self.key).await?,
        };
        Ok(match expiry(&session, &self.key).await? {
            Life::Forever => Some(false),
            Life::Millis(left) if i64::try_from(left).unwrap_or(i64::MAX) > wanted => Some(false),
            // A shorter time may be the earlier one, and a key that is gone may have had its time.
            Life::Millis(_) | Life::Missing => None,
        })
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let when = When::parse(&self.expires)?;
        let session = Session::open(&cx).await?;
        let command = match when {
            When::In(millis) => on("PEXPIRE", &self.key).arg(millis).take(),
            When::At(instant) => on("PEXPIREAT", &self.key).arg(instant.as_millisecond()).take(),
        };
        let answer = session.change(&self.key, command).await?;
        match answers::count(&session.named, "PEXPIRE", &answer)? {
            0 => Err(missing(&session.named, &self.key)),
            _ => Ok(json!({ "changed": true })),
        }
    }
}

/// Lets a key live for ever. Taken back by giving it the time that it had. No such key is an error. Gives `#{ changed }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Persist {
    /// The key
    key: String,
}

impl Primitive for Persist {
    const NAME: &'static str = "persist";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").persist("banner")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("let `{}` of {resource} live for ever", self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let session = Session::open(cx).await?;
        match expiry(&session, &self.key).await? {
            Life::Forever => Ok(Inverse::Nothing),
            life => time_back(cx, &session, &self.key, life).await,
        }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let session = Session::open(cx).await?;
        Ok(Some(expiry(&session, &self.key).await? == Life::Forever))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let answer = session.change(&self.key, on("PERSIST", &self.key)).await?;
        let changed = answers::count(&session.named, "PERSIST", &answer)? > 0;
        if !changed && expiry(&session, &self.key).await? == Life::Missing {
            return Err(missing(&session.named, &self.key));
        }
        Ok(json!({ "changed": changed }))
    }
}

/// The call that gives a key back the time that it has now.
async fn time_back(cx: &Cx, session: &Session, key: &str, life: Life) -> Result<Inverse> {
    let resource = cx.resource().clone();
    Ok(Inverse::Call(match life {
        Life::Missing => return Err(missing(&session.named, key)),
        Life::Forever => Call::new(resource, Persist::NAME).with("key", key),
        Life::Millis(left) => {
            let until = held::instant(held::now(session, key).await?, left)?;
            Call::new(resource, Expire::NAME).with("key", key).with("expires", until.to_string())
        }
    }))
}

/// When a key is to expire.
#[derive(Debug, PartialEq, Eq)]
enum When {
    /// In so many milliseconds.
    In(u64),
    /// At this instant.
    At(Timestamp),
}

impl When {
    fn parse(text: &str) -> Result<Self> {
        match text.parse::<Timestamp>() {
            Ok(instant) => Ok(Self::At(instant)),
            Err(_) => millis(text).map(Self::In).map_err(|error| {
                error
                    .fix("write how long, as \"10m\", or until when, as \"2026-11-30T18:00:00Z\"")
                    .unchanged()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_duration_or_an_instant() {
        assert_eq!(When::parse("10m").unwrap(), When::In(600_000));
        assert!(matches!(When::parse("2026-11-30T18:00:00.5Z").unwrap(), When::At(_)));
        for wrong in ["", "soon", "0s", "2026-11-30", "-5m"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }
}
