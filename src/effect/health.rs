//! What a family finds when it looks whether one of its resources can be used: reached, permitted, at which version.

use jiff::Timestamp;
use serde_json::Value;

use super::cx::Cx;
use super::primitive::Work;
use crate::base::error::{Error, Kind, REFUSED, Result};

/// The codes with which AWS says "you may not" under whatever status.
const REFUSALS: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// How many facts are told of what a read gave.
const MOST_FACTS: usize = 4;

/// How `playbook doctor` looks at a resource of a family.
#[derive(Clone, Copy, Debug)]
pub enum Examine {
    /// By this function. It only reads; its error means that the resource cannot be reached.
    By(fn(Cx) -> Work<'static, Health>),
    /// By one of the family's own reads, with these arguments (as JSON, or a plain text): that it gives something proves
    /// all there is to prove.
    Reading(&'static str, &'static [(&'static str, &'static str)]),
    /// Not at all, and why.
    Never(&'static str),
}

/// What a look at a resource found. That there is one means that the other side answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// What answered, and in which version: `PostgreSQL 16.4`.
    pub version: Option<String>,
    /// Whether the other side allows what the environment grants; `None` where only a change could tell.
    pub permitted: Option<bool>,
    /// What else is worth knowing, a few words each: `a replica`, `12 flags`.
    pub facts: Vec<String>,
    /// What is wrong although it was reached.
    pub troubles: Vec<Error>,
    /// The clock of the other side, where it tells it.
    pub clock: Option<Timestamp>,
}

impl Health {
    /// The other side answered, and no more is known yet.
    #[must_use]
    pub fn reached() -> Self {
        Self::default()
    }

    /// The same with what answered, in which version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into()).filter(|version| !version.trim().is_empty());
        self
    }

    /// The same with one more thing worth knowing.
    #[must_use]
    pub fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    /// The same where what the environment grants is known to be allowed.
    #[must_use]
    pub const fn permitted(mut self) -> Self {
        self.permitted = Some(true);
        self
    }

    /// The same where the other side does not allow what the environment grants.
    #[must_use]
    pub fn refused(mut self, why: Error) -> Self {
        self.permitted = Some(false);
        self.troubles.push(why);
        self
    }

    /// The same with something that is wrong although it was reached.
    #[must_use]
    pub fn trouble(mut self, what: Error) -> Self {
        self.troubles.push(what);
        self
    }

    /// The same with the other side's clock.
    #[must_use]
    pub const fn clock(mut self, now: Timestamp) -> Self {
        self.clock = Some(now);
        self
    }

    /// The same judged by an HTTP answer's `date`, RFC 9110.
    #[must_use]
    pub fn date(self, date: Option<&str>) -> Self {
        let read = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
        match date.and_then(read) {
            Some(now) => self.clock(now),
            None => self,
        }
    }

    /// What a read gave: its `version`, and the first few of its figures and words as facts.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let fields = value.as_object().into_iter().flatten();
        let told = fields.filter_map(|(name, value)| match value {
            Value::String(text) if !text.is_empty() && name != "version" => Some(format!("{name} {text}")),
            Value::Number(number) => Some(format!("{name} {number}")),
            Value::Bool(yes) => Some(format!("{name}: {}", if *yes { "yes" } else { "no" })),
            _ => None,
        });
        let version = value.get("version").and_then(Value::as_str).unwrap_or_default();
        Self { facts: told.take(MOST_FACTS).collect(), ..Self::reached().version(version) }
    }

    /// Sorts the error of a look: one that says "you may not" means that it was reached. It is known by its kind, by a
    /// detail `status` of 401 or 403 or [`REFUSED`], by SQL's classes of states, or by the words of Redis and AWS.
    pub fn or_refused(error: Error) -> Result<Self> {
        let text = |name: &str| error.details.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = error.details.get("status").and_then(Value::as_u64);
        let refused = error.kind == Kind::Denied
            || error.details.contains_key(REFUSED)
            || matches!(status, Some(401 | 403))
            || text("sqlstate").starts_with("28")
            || text("sqlstate") == "42501"
            || matches!(text("code"), "NOAUTH" | "WRONGPASS" | "NOPERM")
            || REFUSALS.contains(&text("code"));
        if refused { Ok(Self::reached().refused(error)) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_was_reached_and_silence_was_not() {
        let refused = Health::or_refused(Error::remote("no").detail("status", 403)).unwrap();
        assert_eq!((refused.permitted, refused.troubles.len()), (Some(false), 1));
        let by_code = Error::remote("no").detail("status", 400).detail("code", "AccessDeniedException");
        assert_eq!(Health::or_refused(by_code).unwrap().permitted, Some(false));
        assert!(Health::or_refused(Error::remote("nothing listens")).is_err());
        assert!(Health::or_refused(Error::remote("gone").detail("status", 404)).is_err());
    }

    #[test]
    fn what_a_read_gave_is_told_in_short() {
        let health =
            Health::read(&serde_json::json!({ "version": "1.2", "sealed": false, "list": [1], "up": 3 }));
        assert_eq!((health.version.as_deref(), health.facts.len()), (Some("1.2"), 2));
        assert_eq!(Health::read(&Value::Bool(true)), Health::reached());
    }

    #[test]
    fn the_date_of_an_answer_is_a_clock() {
        let health = Health::reached().date(Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(health.clock, Some("1994-11-06T08:49:37Z".parse().unwrap()));
        assert_eq!(Health::reached().date(Some("yesterday")).clock, None);
    }
}
