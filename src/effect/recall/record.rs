//! One thing that an earlier turn of a run recorded, and how it is told apart from what the script does now.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::call::Inverse;
use crate::base::event::Event;
use crate::base::outcome::Outcome;

/// What was recorded at one position.
#[derive(Clone, Debug)]
pub enum Record {
    /// A step.
    Step {
        /// Its name.
        name: String,
        /// How long the run had been at work when it began.
        since: Duration,
        /// Its end, when it came to one.
        end: Option<Event>,
    },
    /// A call of a primitive.
    Effect(Box<Recorded>),
    /// A check or metric.
    Judged {
        /// As it was recorded.
        event: Event,
        /// A person decided that it goes on although it did not hold.
        waved: bool,
    },
    /// The tries of a `retry` that failed, in their order.
    Retry(VecDeque<Event>),
    /// A pause.
    Wait(Event),
    /// People decide.
    Gate {
        /// What was asked.
        opened: Event,
        /// What was answered.
        answers: Vec<Event>,
        /// How it ended, when it came to an end.
        closed: Option<Box<Event>>,
    },
    /// A look at the clock.
    Clock {
        /// What it said.
        at: String,
    },
    /// Branches that run at the same time.
    Branches,
    /// A word of the playbook.
    Log(Event),
}

/// A recorded call.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its beginning.
    pub began: Event,
    /// Its end, when it came to one.
    pub end: Option<Event>,
    /// Its whole value, secrets as references, where the end lacks one.
    pub whole: Option<Value>,
    /// What it said of itself before it was to count as done.
    pub witness: Option<Value>,
    /// What a person, a policy or a probe put in the place of its value.
    pub decided: Option<Value>,
}

impl Record {
    /// Whether it only looked, so that to look again does no harm.
    #[must_use]
    pub fn only_looked(&self) -> bool {
        match self {
            Self::Effect(recorded) => {
                matches!(recorded.began, Event::EffectBegan { effect, .. } if effect.is_read())
                    && !recorded.has_failed()
            }
            Self::Judged { event, .. } => matches!(event, Event::Judged { passed: Some(true), .. }),
            Self::Clock { .. } | Self::Log(_) => true,
            Self::Step { .. } | Self::Retry(_) | Self::Branches | Self::Wait(_) | Self::Gate { .. } => false,
        }
    }

    /// Whether it is something that did not end well, or did not end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        match self {
            Self::Effect(recorded) => recorded.has_failed(),
            Self::Judged { event, waved } => {
                !waved && matches!(event, Event::Judged { passed: Some(false), .. })
            }
            _ => false,
        }
    }
}

impl Recorded {
    /// The arguments as people read them, without secrets.
    #[must_use]
    pub fn arguments(&self) -> Map<String, Value> {
        match &self.began {
            Event::EffectBegan { call, .. } => call.arguments.clone(),
            _ => Map::new(),
        }
    }

    /// The call's name.
    #[must_use]
    pub fn call(&self) -> String {
        match &self.began {
            Event::EffectBegan { call, .. } => call.name(),
            _ => String::new(),
        }
    }

    pub(super) fn digest(&self) -> &str {
        match &self.began {
            Event::EffectBegan { digest, .. } => digest,
            _ => "",
        }
    }

    fn has_failed(&self) -> bool {
        self.decided.is_none() && self.outcome() != Some(Outcome::Done)
    }

    /// Whether there was something to change when it began: else there is nothing to take back either.
    #[must_use]
    pub fn found(&self) -> Option<bool> {
        match &self.began {
            Event::EffectBegan { inverse, .. } => Some(*inverse != Inverse::Nothing),
            _ => None,
        }
    }

    /// How it ended, when it came to an end.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.end {
            Some(Event::EffectEnded { outcome, .. }) => Some(*outcome),
            _ => None,
        }
    }
}
