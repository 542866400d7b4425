//! What a call says of itself just before the moment from which it counts as done, so that a doubt about it can be
//! settled for sure: which transaction is about to be committed, which receipt is about to be given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::cx::Cx;
use crate::base::error::Result;
use crate::base::event::Event;

/// The field of a witness that holds the value which the call was about to give.
pub const VALUE: &str = "value";

/// What was witnessed of one call.
#[derive(Clone, Debug, Default)]
struct Told {
    value: Option<Value>,
    found: Option<bool>,
    foreseen: Option<String>,
    gave: Option<Value>,
    /// Whether the call was begun before, and whether this try is another one.
    tries: (bool, bool),
}

/// What was witnessed of one call; clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Told>>);

impl Witness {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another try of the call begins with nothing.
    pub(super) fn clear(&self) {
        let mut told = self.told();
        *told = Told { tries: (true, told.tries.0), ..Told::default() };
    }

    /// What the record has of a call whose end it lacks: its own words, and whether it found something to change.
    pub(super) fn recall(&self, value: Option<Value>, found: Option<bool>) {
        *self.told() = Told { value, found, tries: (true, false), ..Told::default() };
    }

    /// What a call of the past gave.
    pub(super) fn gave(&self, value: Value) {
        self.told().gave = Some(value);
    }

    /// What the call found out that it would do.
    pub(super) fn foreseen(&self) -> Option<String> {
        self.told().foreseen.clone()
    }
}

impl Cx {
    /// Keeps what the call says of itself before it counts as done: a map, whose field [`VALUE`] is the value that the
    /// script would get. It is on the disk when this returns.
    pub fn witness(&self, value: Value) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let position = self.position.clone();
        let event = Event::Witnessed { position, value: self.redactor().value(&value) };
        run.note(&event)?;
        run.flush()?;
        self.host().tell(&event);
        self.witness.told().value = Some(value);
        Ok(())
    }

    /// Adds to the words of the call's plan what it found out that it would do: counts, sizes. For the question for the
    /// inverse, which is asked while planning too.
    pub fn foresee(&self, what: impl Into<String>) {
        self.witness.told().foreseen = Some(what.into());
    }

    /// What the call has said of itself; of one whose end is not known, before its process died.
    #[must_use]
    pub fn witnessed(&self) -> Option<Value> {
        self.witness.told().value.clone()
    }

    /// Of a call that was done, which is asked whether all is still as it left it: the value that it gave, without secrets.
    #[must_use]
    pub fn gave(&self) -> Option<Value> {
        self.witness.told().gave.clone()
    }

    /// Of a call whose end is not known: whether there was something to change when it began, as its recorded inverse
    /// tells. `None` when that is not known.
    #[must_use]
    pub fn found(&self) -> Option<bool> {
        self.witness.told().found
    }

    /// Whether the call was tried before, in this turn of the run or in an earlier one.
    #[must_use]
    pub fn is_another_try(&self) -> bool {
        self.witness.told().tries.1
    }

    /// Whether it is asked if this very call was done, and not whether a call that was done is still as it left things.
    #[must_use]
    pub const fn is_settling(&self) -> bool {
        self.settling
    }
}
