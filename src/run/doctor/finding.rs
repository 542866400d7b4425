//! What was found of one thing: a resource, or a part of the machine and the project.

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind};
use crate::effect::health::Health;
use crate::sys::clock;

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be used.
    Ok,
    /// It answers, and something is wrong with it.
    Trouble,
    /// It answers, and does not allow what the environment grants.
    NotPermitted,
    /// What is named does not exist: a file, a program, a secret's value.
    Missing,
    /// It gave no answer in time.
    NoAnswer,
    /// It cannot be reached.
    Unreachable,
    /// Its settings are wrong.
    Misconfigured,
    /// Nobody looked.
    NotSeen,
}

impl State {
    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Trouble => "trouble",
            Self::NotPermitted => "not permitted",
            Self::Missing => "missing",
            Self::NoAnswer => "no answer",
            Self::Unreachable => "unreachable",
            Self::Misconfigured => "misconfigured",
            Self::NotSeen => "not seen",
        }
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The resource, or the part: `journal`.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Whether it answered.
    pub reached: bool,
    /// Whether it allows what the environment grants; `None` where only a change could tell.
    pub permitted: Option<bool>,
    /// What the environment grants on it.
    pub access: Option<Effect>,
    /// What answered, in which version.
    pub version: Option<String>,
    /// What else is worth knowing.
    pub facts: Vec<String>,
    /// What is wrong, each with what to do.
    pub troubles: Vec<Error>,
    /// How long the look took.
    pub took_ms: Value,
    /// How far its clock is ahead of ours.
    #[serde(skip)]
    pub ahead: Option<SignedDuration>,
}

impl Finding {
    /// Something that stands well.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Ok,
            reached: true,
            permitted: None,
            access: None,
            version: None,
            facts: Vec::new(),
            troubles: Vec::new(),
            took_ms: Value::Null,
            ahead: None,
        }
    }

    /// A resource that answered.
    pub(super) fn of(id: &ResourceId, health: Health) -> Self {
        let state = match (health.permitted, health.troubles.is_empty()) {
            (Some(false), _) => State::NotPermitted,
            (_, false) => State::Trouble,
            (_, true) => State::Ok,
        };
        Self {
            state,
            permitted: health.permitted,
            version: health.version,
            facts: health.facts,
            troubles: health.troubles,
            ahead: health.clock.map(|theirs| theirs.duration_since(clock::now())),
            ..Self::new(id.to_string())
        }
    }

    /// A resource that nobody looks at, and why.
    pub(super) fn unseen(id: &ResourceId, why: &str) -> Self {
        Self {
            state: State::NotSeen,
            reached: false,
            facts: vec![why.to_owned()],
            ..Self::new(id.to_string())
        }
    }

    /// A resource that could not be reached.
    pub(super) fn failed(id: &ResourceId, error: Error) -> Self {
        let state = match error.kind {
            Kind::Missing => State::Missing,
            Kind::Timeout | Kind::Cancelled => State::NoAnswer,
            Kind::Usage => State::Misconfigured,
            _ => State::Unreachable,
        };
        Self { state, reached: false, ..Self::new(id.to_string()) }.because(error)
    }

    /// The same with what is wrong with it.
    pub(super) fn because(mut self, error: Error) -> Self {
        if self.state == State::Ok {
            self.state = State::Trouble;
        }
        self.troubles.push(error);
        self
    }

    /// The same with something worth knowing.
    pub(super) fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    /// Whether a run would suffer from it.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !matches!(self.state, State::Ok | State::NotSeen)
    }
}
