//! What a key held before a change, as an entry that `restore` puts back: any kind of value, and when it expires.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use redis::cmd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers;
use super::read::{Life, expiry};
use super::session::{Session, on};
use crate::base::error::{Error, Result};
use crate::base::text;

/// A value larger than this is not kept for the way back; in bytes.
const LARGEST: u64 = 1024 * 1024;

/// One key as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The key
    pub(super) key: String,
    /// Its text
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Its bytes in base64, where they are no text
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// Its value in the server's own form (DUMP), in base64, where it is a list, a hash or another kind of value
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dump: Option<String>,
    /// When it expires, RFC 3339
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
}

/// What was found of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// There is no such key.
    Absent,
    /// This.
    Entry(Box<Entry>),
    /// More than is kept, or what may not be read; and why.
    Unkept(String),
}

/// Finds out what a key holds. Where that is not allowed, the change is not forbidden: it has no way back then.
pub(super) async fn find(session: &Session, key: &str) -> Result<Held> {
    match read(session, key).await {
        Err(error) if is_forbidden(&error) => {
            let why = error.why.clone().unwrap_or_default();
            Ok(Held::Unkept(format!("what `{}` holds may not be read: {why}", text::headline(key, 80))))
        }
        result => result,
    }
}

/// Whether the server's access list is what stands in the way.
pub(super) fn is_forbidden(error: &Error) -> bool {
    error.details.get("code").is_some_and(|code| code == "NOPERM")
}

async fn read(session: &Session, key: &str) -> Result<Held> {
    let named = session.named.as_str();
    let kind = answers::text(named, "TYPE", session.ask(key, on("TYPE", key)).await?)?;
    let mut entry = Entry { key: key.to_owned(), text: None, base64: None, dump: None, expires: None };
    let (measure, fetch) = match kind.as_str() {
        "none" => return Ok(Held::Absent),
        "string" => (on("STRLEN", key), "GET"),
        _ => {
            let mut usage = cmd("MEMORY");
            usage.arg("USAGE").arg(key);
            (usage, "DUMP")
        }
    };
    let size = match session.ask(key, measure).await? {
        redis::Value::Nil => return Ok(Held::Absent),
        size => answers::count(named, "the size of a key", &size)?,
    };
    if size > LARGEST {
        let (key, size, most) = (text::headline(key, 80), text::show_size(size), text::show_size(LARGEST));
        return Ok(Held::Unkept(format!("`{key}` holds {size}, and no more than {most} are kept")));
    }
    let Some(bytes) = answers::bytes(named, fetch, session.ask(key, on(fetch, key)).await?)? else {
        return Ok(Held::Absent);
    };
    match (fetch, String::from_utf8(bytes)) {
        ("GET", Ok(text)) => entry.text = Some(text),
        ("GET", Err(bytes)) => entry.base64 = Some(STANDARD.encode(bytes.as_bytes())),
        (_, Ok(text)) => entry.dump = Some(STANDARD.encode(text)),
        (_, Err(bytes)) => entry.dump = Some(STANDARD.encode(bytes.as_bytes())),
    }
    entry.expires = match expiry(session, key).await? {
        Life::Missing => return Ok(Held::Absent),
        Life::Forever => None,
        Life::Millis(left) => Some(instant(now(session, key).await?, left)?.to_string()),
    };
    Ok(Held::Entry(Box::new(entry)))
}

/// The clock of the node that has `key`, in milliseconds since 1970.
pub(super) async fn now(session: &Session, key: &str) -> Result<i64> {
    let answer = session.ask(key, cmd("TIME")).await?;
    let read = |answer: &redis::Value| match answer {
        redis::Value::Array(parts) => match parts.as_slice() {
            [redis::Value::BulkString(seconds), redis::Value::BulkString(micros)] => {
                let read = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<i64>().ok();
                Some(read(seconds)? * 1000 + read(micros)? / 1000)
            }
            _ => None,
        },
        _ => None,
    };
    read(&answer).ok_or_else(|| super::errors::strange(&session.named, "TIME", &answer))
}

/// The instant `left` milliseconds after `now`.
pub(super) fn instant(now: i64, left: u64) -> Result<Timestamp> {
    let millis = now.saturating_add(i64::try_from(left).unwrap_or(i64::MAX));
    Timestamp::from_millisecond(millis)
        .map_err(|why| Error::remote("a key expires at no time that there is").why(why.to_string()))
}

impl Entry {
    /// The value as it is sent: the command that it goes with, and its bytes.
    pub(super) fn payload(&self) -> Result<(&'static str, Vec<u8>)> {
        let decode = |text: &str| {
            STANDARD.decode(text).map_err(|why| {
                Error::usage(format!("the value of `{}` is no base64", self.key)).why(why.to_string())
            })
        };
        match (&self.text, &self.base64, &self.dump) {
            (Some(text), None, None) => Ok(("SET", text.clone().into_bytes())),
            (None, Some(text), None) => Ok(("SET", decode(text)?)),
            (None, None, Some(text)) => Ok(("RESTORE", decode(text)?)),
            _ => Err(Error::usage(format!("the entry of `{}` has not one value", self.key))
                .fix("give one of `text`, `base64` and `dump`")),
        }
    }

    /// When it expires, in milliseconds since 1970.
    pub(super) fn until(&self) -> Result<Option<i64>> {
        let read = |text: &String| {
            text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|why| {
                Error::usage(format!("`{text}` is no instant"))
                    .why(why.to_string())
                    .fix("write it in RFC 3339")
            })
        };
        self.expires.as_ref().map(read).transpose()
    }

    /// How much is kept of it, in bytes.
    pub(super) fn size(&self) -> u64 {
        let values = [&self.text, &self.base64, &self.dump];
        values.into_iter().flatten().map(|text| text.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_has_one_value_and_survives_as_json() {
        let entry: Entry = serde_json::from_value(
            json!({ "key": "a", "base64": "/w==", "expires": "2026-01-01T00:00:00Z" }),
        )
        .unwrap();
        assert_eq!(entry.payload().unwrap(), ("SET", vec![0xff]));
        assert_eq!(entry.until().unwrap(), Some(1_767_225_600_000));
        assert_eq!(serde_json::from_value::<Entry>(serde_json::to_value(&entry).unwrap()).unwrap(), entry);
        for wrong in [
            json!({ "key": "a" }),
            json!({ "key": "a", "text": "x", "dump": "" }),
            json!({ "key": "a", "dump": "?" }),
        ] {
            assert!(serde_json::from_value::<Entry>(wrong).unwrap().payload().is_err());
        }
    }
}
