//! Answers that a test gives in place of a system: the call is permitted, planned and journalled as ever, and not made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pipeline::Pipeline;
use crate::base::call::Call;
use crate::base::error::{Error, Result};
use crate::sys::files;

/// A file of answers larger than this was not written by a test.
const LARGEST: u64 = 64 * 1024 * 1024;

/// One answer, or several that are given one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mock {
    /// A call, `http.api.get`, or a whole resource, `http.api`.
    pub call: String,
    /// Values that must be among the call's arguments.
    #[serde(default)]
    pub with: Vec<Value>,
    /// The whole arguments, where they are known.
    #[serde(default)]
    pub arguments: Option<Value>,
    /// What it gives, one after the other; the last one from then on.
    #[serde(default)]
    pub answers: Vec<Value>,
    /// What it fails with instead.
    #[serde(default)]
    pub fails: Option<String>,
}

/// The answers of one test.
#[derive(Debug, Default)]
pub struct Mocks {
    all: Vec<Mock>,
    /// Where is kept which was given at which place: a run that goes on after a crash gets the same there.
    kept: PathBuf,
    given: Mutex<BTreeMap<String, usize>>,
}

impl Mocks {
    /// The answers in a file, as a test writes them.
    pub fn read(file: &Path) -> Result<Self> {
        let text = files::read_text(file, LARGEST)?;
        let wrong = |why: serde_json::Error| {
            Error::usage(format!("{} holds no answers", file.display())).why(why.to_string())
        };
        let all = serde_json::from_str(&text).map_err(wrong)?;
        let kept = file.with_extension("given");
        let given = if files::exists(&kept) {
            serde_json::from_str(&files::read_text(&kept, LARGEST)?).map_err(wrong)?
        } else {
            BTreeMap::new()
        };
        Ok(Self { all, kept, given: Mutex::new(given) })
    }

    /// The answer to a call, if a test gives one; the latest that fits.
    fn answer(&self, call: &Call, position: &str) -> Option<Result<Value>> {
        let (number, mock) = self.all.iter().enumerate().rev().find(|(_, mock)| mock.fits(call))?;
        if let Some(why) = &mock.fails {
            return Some(Err(Error::remote(format!("`{call}` failed")).why(why)));
        }
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let own = format!("{number}:");
        let next = given.keys().filter(|key| key.starts_with(&own)).count();
        let index = *given.entry(format!("{own}{position}")).or_insert(next);
        let answer = mock.answers.get(index).or_else(|| mock.answers.last()).cloned().unwrap_or_default();
        if mock.answers.len() > 1
            && let Ok(text) = serde_json::to_vec(&*given)
        {
            let _ = files::replace(&self.kept, &text);
        }
        Some(Ok(answer))
    }
}

impl Mock {
    fn fits(&self, call: &Call) -> bool {
        let is_it = self.call == call.name() || self.call == call.resource.to_string();
        let has = |value: &Value| call.arguments.values().any(|have| have == value);
        let is_same = self.arguments.as_ref().is_none_or(|all| *all == Value::Object(call.arguments.clone()));
        is_it && is_same && self.with.iter().all(has)
    }
}

impl Pipeline {
    /// What a test answers in place of the system.
    pub(super) fn mocked(&self, call: &Call, position: &str) -> Option<Result<Value>> {
        self.host.mocks.as_ref()?.answer(call, position)
    }

    /// Whether a test answers in place of the system.
    pub(super) fn is_mocked(&self, call: &Call) -> bool {
        self.host.mocks.as_ref().is_some_and(|mocks| mocks.all.iter().any(|mock| mock.fits(call)))
    }
}
