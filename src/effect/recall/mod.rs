//! What earlier turns of the same run recorded, so that a script that runs again gets the same values back, and stops
//! where it is no longer the same script.

mod asked;
mod index;
mod order;
mod record;
mod reopen;
mod shelf;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use asked::Asked;
pub use index::{HAND, Index, UNDO};
pub use record::{Record, Recorded};
use shelf::Shelf;
pub use terms::{Accept, Frontier, Terms};

use super::options::OnDoubt;
use crate::base::call::Call;
use crate::base::decision::Choose;
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::Position;

const OFF: u8 = 0;
const GO_ON: u8 = 1;
const STOP: u8 = 2;
const LOOSE: u8 = 3;

/// The recorded turns of a run; empty for a fresh run, which it costs one look at a number.
#[derive(Default)]
pub struct Recall {
    mode: AtomicU8,
    shelf: Mutex<Shelf>,
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Recall {
    /// From now on what is in `index` is recalled.
    pub fn begin(&self, index: Index, terms: Terms) {
        let shelf = Shelf::of(index, &terms);
        let empty = shelf.records.is_empty();
        let mode = match terms.frontier {
            Frontier::Stop => STOP,
            Frontier::GoOn | Frontier::Loose if empty => OFF,
            Frontier::Loose => LOOSE,
            Frontier::GoOn => GO_ON,
        };
        *self.shelf() = shelf;
        self.mode.store(mode, Ordering::Release);
    }

    /// What the call does not say of a doubt: who may be asked, and what happens where nobody can.
    #[must_use]
    pub fn doubts(&self) -> (Option<Choose>, Option<OnDoubt>) {
        let shelf = self.shelf();
        shelf.terms.as_ref().map_or((None, None), |terms| (terms.choose.clone(), terms.on_doubt))
    }

    /// From now on nothing is recalled; gives the calls that were made meanwhile, whole.
    #[must_use]
    pub fn finish(&self) -> HashMap<Position, Call> {
        self.mode.store(OFF, Ordering::Release);
        std::mem::take(&mut *self.shelf()).calls
    }

    /// Whether anything is recalled at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mode.load(Ordering::Acquire) != OFF
    }

    /// How long the recorded turns were at work.
    #[must_use]
    pub fn worked(&self) -> Duration {
        self.shelf().worked
    }

    /// Whether the listeners have heard already what is recalled.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.shelf().terms.as_ref().is_some_and(|terms| terms.quiet)
    }

    /// Whether the script only runs to know again what it knew.
    #[must_use]
    pub fn is_only_looking(&self) -> bool {
        self.mode.load(Ordering::Acquire) == STOP
    }

    fn is_loose(&self) -> bool {
        self.mode.load(Ordering::Acquire) == LOOSE
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recorded at `position`: `None` when the run has come no further. An error when the script is no longer
    /// the one that was recorded, or when it only runs as far as the record goes.
    pub fn take(&self, position: &str, asked: &Asked<'_>) -> Result<Option<Record>> {
        if !self.is_on() {
            return Ok(None);
        }
        let mut shelf = self.shelf();
        if self.is_loose() {
            return Ok(shelf.remove(position).filter(|record| record.is(asked)));
        }
        match shelf.remove(position) {
            Some(record) if record.is(asked) => {
                if matches!(record, Record::Branches) {
                    shelf.branches.insert(position.to_owned());
                }
                self.rest(&shelf);
                Ok(Some(record))
            }
            Some(record) => {
                let (recorded, now) = shelf.sides(&record, asked);
                self.settle(shelf, position, differs(&format!("{recorded} (at {position})"), &now))
            }
            None => match shelf.goes_on_behind(position) {
                Some(place) => {
                    let error = differs(&format!("the end of what happened at {place}"), &asked.words());
                    self.settle(shelf, position, error)
                }
                None if self.is_only_looking() => Err(stop()),
                None => Ok(None),
            },
        }
    }

    /// Whether anything at just this position was recorded and not asked for yet.
    #[must_use]
    pub fn has(&self, position: &str) -> bool {
        self.is_on() && self.shelf().records.contains_key(position)
    }

    /// The step or branch at `position` has ended, without an error: all that was recorded in it must have been asked for.
    pub fn leave(&self, position: &str) -> Result<()> {
        if !self.is_on() || self.is_loose() {
            return Ok(());
        }
        let shelf = self.shelf();
        let Some(rest) = shelf.first_within(position) else { return Ok(()) };
        let now = if position.is_empty() { "the end of the playbook" } else { "the end of the step" };
        let words = shelf.records.get(&rest).map(Record::words).unwrap_or_default();
        let error = differs(&format!("{words} (at {rest})"), now);
        self.settle(shelf, &rest, error).map(drop)
    }

    /// What was recorded within `position` and not asked for is of no use any more: it ended with an error.
    pub fn drop_within(&self, position: &str) {
        if self.is_on() {
            let mut shelf = self.shelf();
            while let Some(rest) = shelf.first_within(position) {
                shelf.remove(&rest);
            }
            self.rest(&shelf);
        }
    }

    /// Keeps a call as the script makes it, whole.
    pub fn keep_call(&self, position: &str, call: &Call) {
        if self.is_only_looking() {
            self.shelf().calls.insert(position.to_owned(), call.clone());
        }
    }

    /// A changed playbook goes on where that is accepted, without what was recorded from there on.
    fn settle(
        &self,
        mut shelf: MutexGuard<'_, Shelf>,
        position: &str,
        error: Error,
    ) -> Result<Option<Record>> {
        let accept = shelf.terms.as_ref().and_then(|terms| terms.accept.clone());
        let accept = accept.filter(|_| !self.is_only_looking());
        if !accept.is_some_and(|accept| accept(&error, position)) {
            return Err(error);
        }
        shelf.cut(position);
        self.rest(&shelf);
        Ok(None)
    }

    /// Once all was asked for, nothing more is looked for.
    fn rest(&self, shelf: &Shelf) {
        if shelf.records.is_empty() && !self.is_only_looking() {
            self.mode.store(OFF, Ordering::Release);
        }
    }
}

fn differs(recorded: &str, now: &str) -> Error {
    Error::new(Kind::Changed, "the part of the playbook that has run was edited")
        .why(format!("recorded: {recorded}\nnow:      {now}"))
        .fix("put the edited lines back: only what comes later may change; or add `--accept-changes`, and the run goes on from here with the playbook as it is now")
        .detail(NOT_BEGUN, true)
}

fn stop() -> Error {
    Error::cancelled("the record of the run ends here").detail(NOT_BEGUN, true)
}
