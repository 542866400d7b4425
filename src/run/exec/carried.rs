//! A run that has begun: the playbook on its own thread, in as many turns as a person wants, then its end.

use std::time::Duration;

use super::Ended;
use super::Intention;
use super::begin::Run;
use super::deadline::Deadline;
use super::operator::Next;
use crate::base::error::{Error, FROM_ELSEWHERE, IN_DOUBT, Kind, NOT_BEGUN, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::effect::environment::OnFailure;
use crate::effect::journal::RunJournal;
use crate::effect::recall::{Index, Terms};
use crate::run::past;
use crate::script::engine;
use crate::script::here::{self, Here};
use crate::sys::clock;

/// How long it may take to look what was left half done in one store.
const TIDYING: Duration = Duration::from_secs(10);

impl Run {
    /// On the script's own thread: the playbook, then its end.
    pub(super) fn carry_out(self) -> Ended {
        match &self.intention {
            Intention::RollBack(_) | Intention::PlanRollBack(_) => self.roll_back(),
            Intention::Resume(_) if self.index.unwinding().is_some() => self.go_on_unwinding(),
            _ => self.go(),
        }
    }

    /// The script, from the top: what is recorded is recalled.
    fn go(mut self) -> Ended {
        let mut index = std::mem::take(&mut self.index);
        if index.has_ended() {
            index.reopen();
        }
        // A person has decided to go on: this turn has the whole time again.
        let (mut spent, mut quiet) = (Duration::ZERO, false);
        loop {
            if !index.is_empty() {
                let terms = Terms { quiet, ..self.terms() };
                self.session.pipeline.recall.begin(std::mem::take(&mut index), terms);
            }
            let result = self.turn(&mut spent);
            let error = match result {
                Ok(()) => return self.end(Outcome::Done, None),
                Err(error) if error.kind == Kind::Horizon => {
                    let horizon = Event::Horizon { at: error.at.clone(), on: error.what.clone() };
                    self.session.pipeline.host.tell(&horizon);
                    return self.end(Outcome::Done, None);
                }
                Err(error) => error,
            };
            if error.kind == Kind::Suspended {
                return self.suspend(error);
            }
            if error.details.contains_key(NOT_BEGUN) {
                return self.leave(error);
            }
            match self.ask(&error) {
                Next::Again(again) => {
                    (index, quiet) = (*again, true);
                    // The record tells how long it has taken so far.
                    self.begin = clock::instant();
                }
                Next::Stop => {
                    let outcome = failed(&error);
                    return self.end(outcome, Some(error));
                }
                Next::Policy => {
                    let (outcome, error) = self.fail(error);
                    return self.end(outcome, error);
                }
                Next::Rollback => {
                    let (outcome, error) = self.take_back(error);
                    return self.end(outcome, error);
                }
            }
        }
    }

    /// One turn of the script under its deadline.
    pub(super) fn turn(&self, spent: &mut Duration) -> Result<()> {
        let left = self.timeout.saturating_sub(*spent);
        let (stop, idle) = (self.stop.clone(), self.session.idle.clone());
        let deadline = Deadline::set(&self.session.runtime, (stop, idle), (left, self.timeout));
        let result = {
            let _here = here::enter(Here::new("", self.stop.clone(), false));
            engine::run(&self.engine, &self.ast, &self.session)
        };
        *spent += deadline.spent();
        result
    }

    /// The run failed and nobody decides: takes back what it did, or leaves it, as the policy says.
    fn fail(&self, error: Error) -> (Outcome, Option<Error>) {
        let failed = failed(&error);
        if self.journal.is_none() || self.session.pipeline.ledger.is_untouched() {
            return (failed, Some(error));
        }
        let wanted = match &self.ask {
            Some(ask) if error.kind == Kind::Cancelled && !self.is_cancelled_elsewhere() => {
                ask("Take back what was done?")
            }
            _ => self.on_failure == OnFailure::Rollback,
        };
        if wanted { self.take_back(error) } else { (failed, Some(error)) }
    }

    /// Whether somebody ended it from another terminal.
    pub(super) fn is_cancelled_elsewhere(&self) -> bool {
        self.stop.reason().is_some_and(|reason| reason.details.contains_key(FROM_ELSEWHERE))
    }

    /// The record of this run as it stands.
    pub(super) fn so_far(&self) -> Result<Index> {
        let (Some(record), Some(journal)) = (&self.record, &self.journal) else {
            return Ok(Index::default());
        };
        journal.flush()?;
        past::index(record, journal.id())
    }

    /// The run stays as it stood before this turn.
    pub(super) fn leave(self, error: Error) -> Ended {
        let ended = Event::RunEnded {
            outcome: failed(&error),
            took: self.begin.elapsed(),
            error: Some(error.clone()),
        };
        self.session.pipeline.host.tell(&ended);
        self.let_go();
        Ended { run: self.id, outcome: failed(&error), error: Some(error), left: true }
    }

    /// Leaves the run as it stands, to be gone on with by another process.
    fn suspend(self, error: Error) -> Ended {
        let until = error.details.get("until").and_then(|until| until.as_str()).map(str::to_owned);
        let what = error.details.get("what").and_then(|what| what.as_str()).unwrap_or_default().to_owned();
        let recorded = self.session.record(&Event::Suspended { until, what });
        let flushed = recorded.and_then(|()| self.journal.as_ref().map_or(Ok(()), RunJournal::flush));
        let error = flushed.err().unwrap_or(error);
        self.let_go();
        Ended { run: self.id, outcome: Outcome::Cancelled, error: Some(error), left: true }
    }

    /// Records how the run went against the plan that it was held to.
    fn compare(&self) {
        let Some(plan) = &self.plan else { return };
        let before = self.record.as_ref().map(|journal| journal.accuracy(&self.playbook));
        // A journal that cannot be read or written shows itself at the run's end.
        let before = before.and_then(Result::ok).unwrap_or_default();
        let _ = self.session.record(&plan.compared(before));
    }

    /// What the process left half done that died before this one came is nobody's any more.
    fn tidy(&self) {
        if self.journal.is_some() && matches!(self.intention, Intention::Resume(_) | Intention::RollBack(_)) {
            let tidy = self.session.pipeline.tidy(TIDYING, &self.unwinding);
            self.session.runtime.block_on(tidy);
        }
    }

    /// Rollback blocks keep the session that keeps them: without this neither would ever close the journal.
    pub(super) fn let_go(&self) {
        self.session.pipeline.ledger.clear();
    }

    pub(super) fn end(self, outcome: Outcome, error: Option<Error>) -> Ended {
        if outcome == Outcome::Done {
            self.compare();
        }
        self.tidy();
        let took = self.session.worked() + self.begin.elapsed();
        let ended = Event::RunEnded { outcome, took, error: error.clone() };
        let journalled = self.journal.as_ref().map_or(Ok(()), |journal| journal.end(&ended));
        self.session.pipeline.host.tell(&ended);
        let error = error.or_else(|| journalled.err());
        self.let_go();
        Ended { run: self.id, outcome, error, left: false }
    }
}

/// How a run that ends with this error has ended, when nothing is taken back.
pub(super) fn failed(error: &Error) -> Outcome {
    match error.kind {
        Kind::InDoubt => Outcome::InDoubt,
        _ if error.details.contains_key(IN_DOUBT) => Outcome::InDoubt,
        Kind::Cancelled => Outcome::Cancelled,
        _ => Outcome::Failed,
    }
}
