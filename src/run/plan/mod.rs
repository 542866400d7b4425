//! A saved plan: what it read and would change, kept in a file with its hash, and how a run is held to it.

mod accuracy;
mod claims;
mod held;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use accuracy::Watch;

use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::sys::files;

/// More than this is no plan.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A plan as it was when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The playbook's file, as the project names it.
    pub playbook: String,
    /// The environment's name.
    pub environment: String,
    /// Who made it.
    pub person: String,
    /// When, RFC 3339.
    pub made: String,
    /// The parameters, without secrets.
    pub parameters: Map<String, Value>,
    /// SHA-256 of the playbook and of each module.
    pub scripts: BTreeMap<String, String>,
    /// SHA-256 of what `playbook.toml` says of each resource that the header uses.
    pub resources: BTreeMap<String, String>,
    /// What was read, by its position.
    pub reads: BTreeMap<String, Read>,
    /// What would be changed, by its position.
    pub changes: BTreeMap<String, Change>,
    /// Where the plan ends because what follows depends on a change, and on what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<String>,
}

/// Something that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The call's name: `postgres.main.value`.
    pub call: String,
    /// SHA-256 of its arguments.
    pub digest: String,
    /// What it does, in words.
    pub what: String,
    /// What it gave, without secrets; a large value is its hash.
    pub value: Value,
    /// Parts of the value that were different when it was read again at once: they are not held to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsteady: Vec<String>,
}

/// Something that would be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The call's name: `flags.main.disable`.
    pub call: String,
    /// SHA-256 of its arguments; empty when they depend on another change, or were others when it was planned again at
    /// once: they are not held to.
    pub digest: String,
    /// SHA-256 of what it takes from a file or folder of the project. None where it takes nothing, and where a program that
    /// runs before it may make what it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What it does, in words.
    pub what: String,
    /// Its class.
    pub effect: Effect,
}

impl Change {
    /// Whether what it takes from files is what it was when it was planned.
    #[must_use]
    pub fn has(&self, content: Option<&str>) -> bool {
        self.content.as_deref().is_none_or(|planned| Some(planned) == content)
    }

    /// Whether a call of that name with those arguments is what was planned.
    #[must_use]
    pub fn is_it(&self, call: &str, digest: &str) -> bool {
        self.call == call && (self.digest.is_empty() || self.digest == digest)
    }
}

/// The file: the plan and its hash.
#[derive(Serialize, Deserialize)]
struct Saved {
    hash: String,
    plan: Plan,
}

impl Plan {
    /// SHA-256 of everything in it, hexadecimal.
    pub fn hash(&self) -> Result<String> {
        self.text().map(|text| sha256(&text))
    }

    /// Everything in it as one line of JSON.
    fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|why| unwritable(&why))
    }

    /// The same as it will be read again: the last digit of a broken number may be another one then.
    fn settled(&self) -> Result<Self> {
        let mut plan = self.clone();
        for _ in 0..8 {
            let text = serde_json::to_string(&plan).map_err(|why| unwritable(&why))?;
            let again: Self = serde_json::from_str(&text).map_err(|why| unwritable(&why))?;
            if again.hash()? == plan.hash()? {
                break;
            }
            plan = again;
        }
        Ok(plan)
    }

    /// Writes it to a file; returns its hash.
    pub fn write(&self, file: &Path) -> Result<String> {
        let plan = self.settled()?;
        let hash = plan.hash()?;
        let saved = Saved { hash: hash.clone(), plan };
        let text = serde_json::to_string_pretty(&saved).map_err(|why| unwritable(&why))?;
        files::replace(file, format!("{text}\n").as_bytes())?;
        Ok(hash)
    }

    /// Refuses to put a plan in the place of a file that is none.
    pub fn may_write(file: &Path) -> Result<()> {
        let is_plan = || match files::read_text(file, LARGEST) {
            Ok(text) => serde_json::from_str::<Saved>(&text).is_ok(),
            Err(_) => false,
        };
        if !files::exists(file) || is_plan() {
            return Ok(());
        }
        Err(Error::usage(format!("{} is there already, and is no saved plan", file.display()))
            .fix("name another file; a saved plan may be replaced by another"))
    }

    /// Reads it from a file; one that was changed since it was written is refused.
    pub fn read(file: &Path) -> Result<(Self, String)> {
        if !files::exists(file) {
            return Err(Error::missing(format!("there is no plan {}", file.display()))
                .fix("make one: `playbook plan PLAYBOOK --save FILE`"));
        }
        let text = files::read_text(file, LARGEST)?;
        let saved: Saved = serde_json::from_str(&text).map_err(|why| {
            let why = why.to_string();
            // Where in the file something is missing helps nobody who did not write it.
            let why = why.split(" at line ").next().unwrap_or_default();
            Error::usage(format!("{} is no saved plan", file.display()))
                .why(why.replace("missing field", "it has no"))
                .fix("make one: `playbook plan PLAYBOOK --save FILE`")
        })?;
        if saved.plan.hash()? == saved.hash {
            return Ok((saved.plan, saved.hash));
        }
        Err(Error::new(Kind::Tampered, format!("the plan {} was changed since it was saved", file.display()))
            .why("its content does not have the hash that stands in it")
            .fix("make a new one: `playbook plan PLAYBOOK --save FILE`"))
    }
}

/// SHA-256 of a text, hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    text::hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn unwritable(why: &serde_json::Error) -> Error {
    Error::bug("a plan cannot be written as JSON").why(why.to_string())
}
