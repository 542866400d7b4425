//! The options that every primitive takes: `timeout`, `retry`, `label`, `stays`, `on_doubt`. A primitive never sees them.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::primitive::Entry;

/// The shared options and their manual, in the order of the manual.
pub const SHARED: &[(&str, &str)] = &[
    ("timeout", "How long it may take, as \"30s\"; each primitive has a default"),
    ("retry", "How many times it may be tried again after a failure; only where doing it twice is safe"),
    ("label", "What the report calls it, in place of its plan text"),
    ("stays", "`true` for a change that stays when the run is taken back: one that is itself a way back"),
    (
        "on_doubt",
        "What happens when it began and nobody can tell whether it was done: \"retry\", \"skip\", \"ask\" or \"fail\"",
    ),
];

/// What happens with a call that began, when neither the record nor the system tells whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDoubt {
    /// It is done again.
    Retry,
    /// It counts as done, without a value.
    Skip,
    /// The person at the terminal decides; where there is none, the run stops.
    Ask,
    /// The run stops.
    Fail,
}

impl OnDoubt {
    /// The words of the option, in the order of the manual.
    pub const WORDS: &[(&str, Self)] =
        &[("retry", Self::Retry), ("skip", Self::Skip), ("ask", Self::Ask), ("fail", Self::Fail)];

    /// The policy of that word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|(_, policy)| *policy)
    }
}

/// The shared options of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How many times it may be tried again.
    pub retry: u32,
    /// What the report calls it.
    pub label: Option<String>,
    /// Whether a change stays when the run is taken back.
    pub stays: bool,
    /// What happens when it is in doubt.
    pub on_doubt: Option<OnDoubt>,
}

impl Options {
    /// Takes the shared options out of named arguments.
    pub fn take(arguments: &mut Map<String, Value>) -> Result<Self> {
        let wrong = |name: &str, value: &Value, wanted: &str| {
            Error::usage(format!("the option `{name}` is {value}")).fix(format!("give {wanted}"))
        };
        let mut options = Self::default();
        // `remove` would put the last one in its place, and another call would seem to be made.
        if let Some(value) = arguments.shift_remove("timeout") {
            let wanted = "a duration such as \"30s\"";
            let text = value.as_str().ok_or_else(|| wrong("timeout", &value, wanted))?;
            options.timeout = Some(text::parse_duration(text).map_err(|_| wrong("timeout", &value, wanted))?);
        }
        if let Some(value) = arguments.shift_remove("retry") {
            let times = value.as_u64().and_then(|times| u32::try_from(times).ok());
            options.retry = times
                .filter(|times| *times <= 100)
                .ok_or_else(|| wrong("retry", &value, "a number from 0 to 100"))?;
        }
        if let Some(value) = arguments.shift_remove("label") {
            let label = value.as_str().ok_or_else(|| wrong("label", &value, "a text"))?;
            options.label = Some(label.to_owned());
        }
        if let Some(value) = arguments.shift_remove("stays") {
            options.stays = value.as_bool().ok_or_else(|| wrong("stays", &value, "`true` or `false`"))?;
        }
        if let Some(value) = arguments.shift_remove("on_doubt") {
            let policy = value.as_str().and_then(OnDoubt::find);
            let wanted = "\"retry\", \"skip\", \"ask\" or \"fail\"";
            options.on_doubt = Some(policy.ok_or_else(|| wrong("on_doubt", &value, wanted))?);
        }
        Ok(options)
    }

    /// Why a call of `entry`, which people know as `name`, cannot have these, if so.
    #[must_use]
    pub fn refused(&self, entry: &Entry, name: &str) -> Option<Error> {
        let twice = "doing it twice is not the same as once";
        (self.retry > 0 && !entry.idempotent).then(|| {
            Error::usage(format!("`{name}` cannot be retried by itself: {twice}"))
                .fix("put it into `retry N every \"5s\" { … }` together with what makes a second try safe")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_options_are_taken_out_and_the_rest_stays() {
        let mut arguments =
            serde_json::json!({ "timeout": "5s", "retry": 2, "sql": "x" }).as_object().unwrap().clone();
        let options = Options::take(&mut arguments).unwrap();
        assert_eq!(
            options,
            Options { timeout: Some(Duration::from_secs(5)), retry: 2, ..Options::default() }
        );
        assert_eq!(arguments.keys().collect::<Vec<_>>(), ["sql"]);
        // In the order that they had: a call is known by its arguments as they are written down.
        let mut more =
            serde_json::json!({ "a": 1, "on_doubt": "retry", "b": 2, "c": 3 }).as_object().unwrap().clone();
        Options::take(&mut more).unwrap();
        assert_eq!(more.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        let mut doubt = serde_json::json!({ "on_doubt": "skip" }).as_object().unwrap().clone();
        assert_eq!(Options::take(&mut doubt).unwrap().on_doubt, Some(OnDoubt::Skip));
        let mut wrong = serde_json::json!({ "retry": -1 }).as_object().unwrap().clone();
        assert!(Options::take(&mut wrong).is_err());
    }
}
