//! What is decided where a run cannot go on by itself: the choices, the question, the answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Error;

/// How it goes on where that had to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// An effect in doubt was found done.
    Happened,
    /// An effect in doubt was found not done: it is as if it had never begun.
    NotHappened,
    /// It is tried again.
    Retry,
    /// It is left out, and has no value.
    Skip,
    /// It counts as done with a value that a person gave.
    Value,
    /// A person did it by hand.
    ByHand,
    /// The playbook was edited where it had run, and goes on from here as it is now.
    Edited,
    /// What was done is taken back.
    Rollback,
    /// The run stays as it stands, to be gone on with later.
    Stop,
    /// What was asked for is not done.
    Leave,
}

impl Choice {
    /// The words people read.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Happened => "found done",
            Self::NotHappened => "found not done",
            Self::Retry => "tried again",
            Self::Skip => "skipped",
            Self::Value => "given a value",
            Self::ByHand => "done by hand",
            Self::Edited => "goes on as it was edited",
            Self::Rollback => "to be taken back",
            Self::Stop => "left as it stands",
            Self::Leave => "not done",
        }
    }

    /// Whether what was decided on counts as done from then on.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Happened | Self::Skip | Self::Value | Self::ByHand)
    }
}

/// Asks the person at the terminal how it goes on.
pub type Choose = Arc<dyn Fn(&Question) -> Answer + Send + Sync>;

/// What a person is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// What happened.
    pub error: Error,
    /// What is decided on, in words; empty for the run as a whole.
    pub what: String,
    /// What may be chosen.
    pub choices: Vec<Choice>,
}

/// What the person said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it goes on; one of the choices.
    pub choice: Choice,
    /// The value that was given, for [`Choice::Value`].
    pub value: Value,
    /// What the person wrote about it.
    pub note: Option<String>,
}
