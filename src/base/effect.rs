//! The class of change that a primitive makes; unlisted is never safe.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// What a primitive does to its resource, ordered by what it can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Leaves the system as it was; may run while planning.
    Read,
    /// Changes the system in a way that can be taken back.
    Write,
    /// Loses something that cannot be had again from the system itself.
    Destroy,
}

impl Effect {
    /// The word used in `uses`, in `playbook.toml` and in every listing.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destroy => "destroy",
        }
    }

    /// Whether the primitive leaves the system as it was.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Read)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Effect {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "destroy" => Ok(Self::Destroy),
            other => {
                Err(Error::usage(format!("`{other}` is no access")).fix("write `read`, `write` or `destroy`"))
            }
        }
    }
}
