//! How an effect, a step or a run ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It failed; what it left behind is known.
    Failed,
    /// It began and it is not known how it ended.
    InDoubt,
    /// Somebody stopped it.
    Cancelled,
    /// It failed and everything that had been done was taken back.
    TakenBack,
    /// It failed and something could not be taken back.
    NotTakenBack,
}

impl Outcome {
    /// The words people read.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
            Self::Cancelled => "cancelled",
            Self::TakenBack => "taken back",
            Self::NotTakenBack => "not taken back",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
