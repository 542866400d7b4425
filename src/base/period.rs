//! A length of time as a text such as `"90s"`, known to be one from when an argument is bound.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::{Error, Result};
use super::text;

/// Keeps the words it was given in, which plans and records show; [`text::parse_duration`] gives its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period(Cow<'static, str>);

impl Period {
    /// One that this program names itself.
    #[must_use]
    pub const fn of(words: &'static str) -> Self {
        Self(Cow::Borrowed(words))
    }

    /// Refuses to wait `within` this for what has to hold for as long or longer; `argument` is what says how long it holds.
    pub fn leaves_time_for(&self, holds_for: &Self, argument: &str) -> Result<()> {
        if text::parse_duration(holds_for)? < text::parse_duration(self)? {
            return Ok(());
        }
        Err(Error::usage(format!("it cannot hold for {holds_for} within {self}"))
            .fix(format!("give `within` more time than `{argument}`")))
    }
}

impl Deref for Period {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Period> for Value {
    fn from(period: Period) -> Self {
        Self::String(period.0.into_owned())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = String::deserialize(deserializer)?;
        match text::parse_duration(&words) {
            Ok(_) => Ok(Self(Cow::Owned(words))),
            Err(error) => Err(serde::de::Error::custom(&error.what)),
        }
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_duration_is_refused_when_it_is_read() {
        let read = serde_json::from_str::<Period>;
        assert_eq!(read("\"90s\"").unwrap().to_string(), "90s");
        let why = read("\"3 parsecs\"").unwrap_err().to_string();
        assert!(why.contains("3 parsecs"), "{why}");
    }
}
