//! Taking a run back: this one, right after it failed or after a crash in the middle of it, or one of the past.

use std::collections::HashMap;

use super::Ended;
use super::begin::Run;
use super::carried::failed;
use crate::base::call::Call;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::journal::Journal;
use crate::effect::recall::{Frontier, Index, Terms};
use crate::run::meanwhile;
use crate::run::unwind::{self, Item, Other, Remains, Unwinding, Unwound};
use crate::script::engine;
use crate::script::here::{self, Here};

impl Run {
    /// Takes back what this run did.
    pub(super) fn take_back(&self, error: Error) -> (Outcome, Option<Error>) {
        let failed = failed(&error);
        let (Some(record), Some(id)) = (&self.record, self.id.as_deref()) else {
            return (failed, Some(error));
        };
        if let Some(journal) = &self.journal {
            // What cannot be written was not durable either; what is there is taken back all the same.
            let _ = journal.flush();
        }
        let outcome = match self.unwind(record, id, &error.what) {
            Ok(Unwound::All) => Outcome::TakenBack,
            Ok(Unwound::Nothing) => failed,
            Ok(Unwound::Partly) | Err(_) => Outcome::NotTakenBack,
        };
        (outcome, Some(error))
    }

    /// The run was cut off while it was taken back: that goes on, and nothing else.
    pub(super) fn go_on_unwinding(mut self) -> Ended {
        let mut index = std::mem::take(&mut self.index);
        let reason = index.unwinding().unwrap_or_default().to_owned();
        let error = index.failure().cloned().unwrap_or_else(|| Error::new(Kind::Script, reason));
        let undo = index.split_undo();
        if let Err(error) = self.know_again(index) {
            return self.leave(error);
        }
        if let (Some(record), Some(id)) = (&self.record, &self.id) {
            // Taking back goes on although what is told of it is not whole.
            let _ = self.tell_again(record, id);
        }
        self.session.pipeline.recall.begin(undo, Terms::new(Frontier::Loose));
        let (outcome, error) = self.take_back(error);
        self.end(outcome, error)
    }

    /// Tells again what earlier turns of the run with this id took back.
    pub(super) fn tell_again(&self, record: &Journal, id: &str) -> Result<()> {
        record.each(id, &mut |kept| {
            if matches!(kept.event, Event::UnwindBegan { .. } | Event::Unwound { .. }) {
                self.session.pipeline.host.retell(&kept.event);
            }
            Ok(())
        })
    }

    /// Runs the script as far as its record goes, without any effect, so that its rollback blocks know their variables
    /// again; gives the calls that it made, whole.
    pub(super) fn know_again(&self, index: Index) -> Result<HashMap<Position, Call>> {
        let redactor = self.session.pipeline.host.redactor.clone();
        self.session.pipeline.recall.begin(index, Terms { redactor, ..Terms::new(Frontier::Stop) });
        let stop = self.unwinding.child();
        let result = {
            let _here = here::enter(Here::new("", stop, false));
            engine::run(&self.engine, &self.ast, &self.session)
        };
        let calls = self.session.pipeline.recall.finish();
        match result {
            Err(error) if error.kind == Kind::Changed => Err(error),
            _ => Ok(calls),
        }
    }

    fn unwind(&self, record: &Journal, run: &str, reason: &str) -> Result<Unwound> {
        let (items, covered) = self.remains(record, run)?;
        let here = Here::new("undo", self.unwinding.clone(), true);
        let (session, engine) = (&self.session, &self.engine);
        let others = self.others(record, run);
        let unwinding =
            Unwinding { session, engine, journal: record, run, items, covered, comparison: None, others };
        Ok(unwinding.unwind(here, reason))
    }

    /// What other runs changed since this one began. A journal that cannot be read is no reason to leave a failed run as it is.
    pub(super) fn others(&self, record: &Journal, run: &str) -> Vec<Other> {
        let record_of = record.run(run);
        record_of.and_then(|own| meanwhile::others((record, self.families), &own)).unwrap_or_default()
    }

    /// What of a run remains to be taken back, after all that took it back so far.
    pub(super) fn remains(&self, record: &Journal, run: &str) -> Result<(Vec<Item>, Vec<Position>)> {
        let mut remains = Remains::new(self.families);
        unwind::remains(record, run, &mut remains, &mut |_| {})?;
        Ok(remains.finish(&self.session.pipeline.ledger))
    }
}
