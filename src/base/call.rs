//! One call of a primitive as data: what is journalled, recalled and, for an inverse, made later.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access::ResourceId;

/// A primitive, the resource that it acts on, and its arguments by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The resource acted on.
    pub resource: ResourceId,
    /// The verb: `query`, `put`, `restart`.
    pub verb: String,
    /// The arguments by name, shared options among them.
    pub arguments: Map<String, Value>,
}

impl Call {
    /// A call without arguments yet.
    pub fn new(resource: ResourceId, verb: impl Into<String>) -> Self {
        Self { resource, verb: verb.into(), arguments: Map::new() }
    }

    /// The same call with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    /// What people read: `postgres.main.query`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.resource, self.verb)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// How an effect is taken back; decided before the effect, from what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Inverse {
    /// This call restores what was found.
    Call(Call),
    /// The effect leaves nothing to restore (it will not change anything, or removes itself).
    Nothing,
    /// Told of a plan only: it has no inverse, and the rollback block of a step that it lies in takes it back.
    Block,
    /// Told of a plan only: as things are, the effect would not be begun, and why.
    Refused {
        /// The reason, as a person reads it.
        why: String,
    },
    /// It cannot be taken back, and why.
    None {
        /// The reason, as a person reads it.
        why: String,
    },
}

impl Inverse {
    /// It cannot be taken back, because of `why`.
    pub fn none(why: impl Into<String>) -> Self {
        Self::None { why: why.into() }
    }
}
