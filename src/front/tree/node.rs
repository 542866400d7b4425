//! One line of the tree: a step, a call, a check, and whatever else happens in a run.

use std::time::Duration;

use serde_json::Value;

use super::{End, Folded};
use crate::base::decision::Choice;
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::event::Judgement;
use crate::base::gate::{Answer, Asked, GateEnd};
use crate::base::outcome::Outcome;

/// One line of the tree and what is below it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where in the tree: `0/2`.
    pub position: String,
    /// What it is.
    pub what: What,
    /// How it ended; what is over at once has no end of its own.
    pub end: Option<End>,
    /// How taking it back ended, when that was tried.
    pub taken_back: Option<Outcome>,
    /// What was decided on it, where that had to be.
    pub decided: Option<Decided>,
    /// Of a step: whether it has a rollback block.
    pub has_block: bool,
    /// Whether it was recorded by an earlier turn of the run, and is only told again.
    pub recorded: bool,
    /// What happened inside it, in order.
    pub children: Vec<Node>,
    /// What happened inside it and is only counted.
    pub folded: Folded,
}

/// What was decided on a node.
#[derive(Clone, Debug)]
pub struct Decided {
    /// How it goes on.
    pub choice: Choice,
    /// Who decided.
    pub by: String,
}

impl Decided {
    /// In words: `skipped by ada@laptop`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} by {}", self.choice.words(), self.by)
    }
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum What {
    /// A step of the playbook.
    Step {
        /// Its name.
        name: String,
    },
    /// A call of a primitive.
    Effect {
        /// The call's name: `postgres.main.query`.
        call: String,
        /// Its class.
        effect: Effect,
        /// What it does, in words.
        plan: String,
        /// Whether the run is a plan, so that a change is only told.
        planned: bool,
        /// Why it cannot be taken back, when it cannot.
        final_because: Option<String>,
        /// Whether it leaves nothing to take back, as it found things.
        leaves_nothing: bool,
        /// Of a plan: why it would not be begun as things are, when it would not.
        refused: Option<String>,
    },
    /// A check or metric.
    Judged {
        /// Check or metric.
        judgement: Judgement,
        /// Its name.
        name: String,
        /// Whether it held; `None` when that depends on a planned effect.
        passed: Option<bool>,
        /// The comparison as it stands in the script.
        condition: String,
        /// The left side's value.
        actual: Value,
        /// The operator and the right side's value.
        target: String,
    },
    /// A step is tried again.
    Retrying {
        /// The try that failed, from 1.
        attempt: u64,
        /// How many tries there may be.
        of: u64,
        /// How long until the next.
        pause: Duration,
        /// Why it failed.
        error: Error,
    },
    /// People decide.
    Gate {
        /// What is asked of whom.
        asked: Asked,
        /// What was answered so far.
        answers: Vec<Answer>,
        /// How it ended, once it has.
        closed: Option<GateEnd>,
        /// Whether the run is a plan, so that nobody is asked.
        planned: bool,
    },
    /// Time passes on purpose.
    Waiting {
        /// How long, as the playbook asks for it.
        pause: Duration,
        /// Until when.
        until: Option<String>,
        /// How much shorter the environment makes it.
        scale: Option<f64>,
    },
    /// The playbook said something.
    Logged {
        /// What.
        text: String,
    },
    /// A line of output of a program.
    Line {
        /// Where it comes from.
        from: String,
        /// The line.
        text: String,
    },
    /// While planning: what follows depends on an effect that has not happened.
    Horizon {
        /// Where, and what it depends on, in words.
        on: String,
    },
    /// Something was taken back, or could not be.
    Unwound {
        /// What was done to take it back, in words.
        what: String,
    },
}

impl Node {
    /// A node that has not ended.
    pub(super) fn new(position: &str, what: What) -> Self {
        let position = position.to_owned();
        Self {
            position,
            what,
            end: None,
            taken_back: None,
            decided: None,
            has_block: false,
            recorded: false,
            children: Vec::new(),
            folded: Folded::default(),
        }
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(
            self.what,
            What::Step { .. } | What::Effect { planned: false, .. } | What::Gate { planned: false, .. }
        ) && self.end.is_none()
    }

    /// What was decided on it, where it counts as done by that.
    #[must_use]
    pub fn let_pass(&self) -> Option<&Decided> {
        self.decided.as_ref().filter(|decided| decided.choice.is_done())
    }

    /// Whether it is a check that only the run can tell, although how it is now was seen.
    #[must_use]
    pub fn is_seen_now(&self) -> bool {
        matches!(&self.what, What::Judged { passed: None, actual, .. } if !actual.is_null())
    }

    /// Whether it is a step.
    #[must_use]
    pub const fn is_step(&self) -> bool {
        matches!(self.what, What::Step { .. })
    }

    /// Whether it is a step in which there is no other.
    #[must_use]
    pub fn is_leaf_step(&self) -> bool {
        self.is_step() && self.folded.steps == 0 && !self.children.iter().any(Self::is_step)
    }

    /// Whether it is at `position`, or `position` lies inside it.
    #[must_use]
    pub fn is_at_or_holds(&self, position: &str) -> bool {
        self.position == position || self.holds(position)
    }

    /// Whether `position` lies inside it.
    pub(super) fn holds(&self, position: &str) -> bool {
        position.strip_prefix(self.position.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Whether a call is one of that resource.
pub(super) fn is_of(call: &str, resource: &str) -> bool {
    call.strip_prefix(resource).is_some_and(|rest| rest.starts_with('.'))
}
