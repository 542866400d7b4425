//! What a script does now, held against what was recorded at the same place.

use std::collections::BTreeSet;

use serde_json::Value;

use super::record::Record;
use super::shelf::Shelf;
use crate::base::call::Call;
use crate::base::event::{Event, Judgement};
use crate::base::text;

/// What the script does now, to be compared with the record.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// A step of this name begins.
    Step(&'a str),
    /// A call of this name with arguments of this digest, and the call itself.
    Effect(&'a str, &'a str, Option<&'a Call>),
    /// A check or metric of this name.
    Judged(Judgement, &'a str),
    /// A try of a `retry` failed.
    Retry,
    /// It waits.
    Wait,
    /// People are asked at the gate of this name.
    Gate(&'a str),
    /// It looks at the clock.
    Clock,
    /// Branches begin.
    Branches,
    /// It says something.
    Log,
}

impl Asked<'_> {
    /// What it is, as a person reads it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Step(name) => format!("the step “{name}”"),
            Self::Effect(call, ..) => format!("the call `{call}`"),
            Self::Judged(judgement, name) => format!("the {} “{name}”", judgement.word()),
            Self::Retry => "a `retry`".to_owned(),
            Self::Wait => "a `wait`".to_owned(),
            Self::Gate(name) => format!("the gate “{name}”"),
            Self::Clock => "a `now()`".to_owned(),
            Self::Branches => "a `parallel`".to_owned(),
            Self::Log => "a `log`".to_owned(),
        }
    }
}

impl Record {
    /// Whether the script does now what was recorded.
    #[must_use]
    pub fn is(&self, asked: &Asked<'_>) -> bool {
        match (self, asked) {
            (Self::Step { name, .. }, Asked::Step(now)) => name == now,
            (Self::Effect(recorded), Asked::Effect(call, digest, _)) => {
                recorded.call() == *call && recorded.digest() == *digest
            }
            (Self::Judged { event, .. }, Asked::Judged(now, called)) => {
                matches!(event, Event::Judged { judgement, name, .. } if judgement == now && name == called)
            }
            (Self::Gate { opened, .. }, Asked::Gate(now)) => {
                matches!(opened, Event::GateOpened { asked, .. } if asked.name == *now)
            }
            (Self::Retry(_), Asked::Retry)
            | (Self::Wait(_), Asked::Wait)
            | (Self::Clock { .. }, Asked::Clock)
            | (Self::Branches, Asked::Branches)
            | (Self::Log(_), Asked::Log) => true,
            _ => false,
        }
    }

    /// What it is, as a person reads it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Step { name, .. } => Asked::Step(name).words(),
            Self::Effect(recorded) => Asked::Effect(&recorded.call(), "", None).words(),
            Self::Judged { event: Event::Judged { judgement, name, .. }, .. } => {
                Asked::Judged(*judgement, name).words()
            }
            Self::Judged { .. } => "a check".to_owned(),
            Self::Retry(_) => Asked::Retry.words(),
            Self::Wait(_) => Asked::Wait.words(),
            Self::Gate { opened: Event::GateOpened { asked, .. }, .. } => Asked::Gate(&asked.name).words(),
            Self::Gate { .. } => "a gate".to_owned(),
            Self::Clock { .. } => Asked::Clock.words(),
            Self::Branches => Asked::Branches.words(),
            Self::Log(_) => Asked::Log.words(),
        }
    }
}

impl Shelf {
    /// Both sides of a difference; of the same call with other arguments, those.
    pub(super) fn sides(&self, record: &Record, asked: &Asked<'_>) -> (String, String) {
        let plain = || (record.words(), asked.words());
        let (Record::Effect(recorded), Asked::Effect(name, _, Some(call))) = (record, asked) else {
            return plain();
        };
        if recorded.call() != *name {
            return plain();
        }
        let redactor = self.terms.as_ref().map(|terms| terms.redactor.clone()).unwrap_or_default();
        let (then, now) = (recorded.arguments(), &call.arguments);
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let show = |value: Option<&Value>| match value {
            Some(value) => text::headline(&redactor.value(value).to_string(), 120),
            None => "not given".to_owned(),
        };
        let differing: Vec<(String, String)> = names
            .into_iter()
            .filter(|name| then.get(*name) != now.get(*name).map(|value| redactor.value(value)).as_ref())
            .map(|name| {
                (format!("{name}: {}", show(then.get(name))), format!("{name}: {}", show(now.get(name))))
            })
            .collect();
        let side = |pick: fn(&(String, String)) -> &String| {
            format!("`{name}` with {}", differing.iter().map(pick).cloned().collect::<Vec<_>>().join(", "))
        };
        (side(|pair| &pair.0), side(|pair| &pair.1))
    }
}
