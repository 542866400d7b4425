//! The record of a run by position, folded from its entries once, before its script runs again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::order::comes_after;
use super::record::{Record, Recorded};
use crate::base::decision::Choice;
use crate::base::error::Error;
use crate::base::event::{Event, Position};
use crate::effect::journal::Kept;

/// What the positions of taking back begin with.
pub const UNDO: &str = "undo";

/// What the positions of lines typed at the prompt begin with. No script asks for them again.
pub const HAND: &str = "hand/";

/// The record of a run by position.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) records: HashMap<Position, Record>,
    /// The same of taking back, whose positions begin with [`UNDO`].
    pub(super) undo: HashMap<Position, Record>,
    /// How long the run has been at work, without the time between its turns.
    worked: Duration,
    before: Option<Timestamp>,
    /// Why the run is being taken back, when it is.
    unwinding: Option<String>,
    pub(super) ended: bool,
    /// The last error of a step or of the run.
    failure: Option<Error>,
}

impl Index {
    /// Takes the next entry.
    pub fn hear(&mut self, kept: Kept) {
        let Kept { at, event, whole, .. } = kept;
        let gap = self.before.map_or(Duration::ZERO, |before| {
            Duration::try_from(at.duration_since(before)).unwrap_or_default()
        });
        self.before = Some(at);
        if !matches!(event, Event::RunResumed { .. }) {
            self.worked += gap;
        }
        if let Event::UnwindBegan { reason, .. } = &event {
            self.unwinding = Some(reason.clone());
        }
        if event.position().is_some_and(|position| position.starts_with(HAND)) {
            return;
        }
        if event.position().is_some_and(|position| position.starts_with(UNDO)) {
            std::mem::swap(&mut self.records, &mut self.undo);
            self.place(event, whole);
            std::mem::swap(&mut self.records, &mut self.undo);
        } else {
            self.place(event, whole);
        }
    }

    fn place(&mut self, event: Event, whole: Option<Value>) {
        match event {
            Event::StepBegan { position, name, .. } => {
                // A step that begins a second time, after an edit, is another one.
                self.records.insert(position, Record::Step { name, since: self.worked, end: None });
            }
            Event::StepEnded { ref position, ref error, .. } => {
                self.failure = error.clone().or_else(|| self.failure.take());
                if let Some(Record::Step { end, .. }) = self.records.get_mut(position) {
                    *end = Some(event);
                }
            }
            Event::EffectBegan { ref position, .. } => {
                let began = event.clone();
                let recorded = Recorded { began, end: None, whole: None, witness: None, decided: None };
                self.records.insert(position.clone(), Record::Effect(Box::new(recorded)));
            }
            Event::Witnessed { position, value } => {
                if let Some(Record::Effect(recorded)) = self.records.get_mut(&position) {
                    recorded.witness = Some(value);
                }
            }
            Event::EffectEnded { ref position, .. } => {
                if let Some(Record::Effect(recorded)) = self.records.get_mut(position) {
                    (recorded.whole, recorded.end) = (whole, Some(event));
                }
            }
            Event::Judged { ref position, .. } => {
                self.records.insert(position.clone(), Record::Judged { event, waved: false });
            }
            Event::Retrying { ref position, .. } => self.retrying(position.clone(), event),
            Event::Waiting { ref position, .. } => {
                self.records.insert(position.clone(), Record::Wait(event));
            }
            Event::GateOpened { ref position, .. } => {
                let (opened, answers) = (event.clone(), Vec::new());
                let gate = Record::Gate { opened, answers, closed: None };
                self.records.insert(position.clone(), gate);
            }
            Event::GateAnswered { ref position, .. } => {
                if let Some(Record::Gate { answers, .. }) = self.records.get_mut(position) {
                    answers.push(event);
                }
            }
            Event::GateClosed { ref position, .. } => {
                if let Some(Record::Gate { closed, .. }) = self.records.get_mut(position) {
                    *closed = Some(Box::new(event));
                }
            }
            Event::Branched { position, .. } => drop(self.records.insert(position, Record::Branches)),
            Event::ClockRead { position, at } => drop(self.records.insert(position, Record::Clock { at })),
            Event::Logged { ref position, .. } if !position.is_empty() => {
                self.records.insert(position.clone(), Record::Log(event));
            }
            Event::Decided { position, choice, value, .. } => self.decided(&position, choice, value),
            Event::RunEnded { error, .. } => {
                (self.unwinding, self.ended) = (None, true);
                self.failure = error;
            }
            Event::RunResumed { reopened: true, .. } => self.reopen(),
            _ => {}
        }
    }

    /// A call's own second try is no entry of the script; a `retry` has a place of its own.
    fn retrying(&mut self, position: Position, event: Event) {
        match self.records.get_mut(&position) {
            Some(Record::Effect(_)) => {}
            Some(Record::Retry(tries)) => tries.push_back(event),
            _ => drop(self.records.insert(position, Record::Retry(VecDeque::from([event])))),
        }
    }

    fn decided(&mut self, position: &str, choice: Choice, given: Value) {
        match choice {
            Choice::Retry if position.is_empty() => self.reopen(),
            Choice::Edited => {
                let is_branches = |frame: &str| matches!(self.records.get(frame), Some(Record::Branches));
                let gone: Vec<Position> = self
                    .records
                    .keys()
                    .filter(|have| comes_after(have, position, &is_branches))
                    .cloned()
                    .collect();
                for one in gone {
                    self.records.remove(&one);
                }
            }
            Choice::NotHappened => drop(self.records.remove(position)),
            choice if choice.is_done() => {
                if self.records.get(position).is_some_and(Record::has_failed) && choice != Choice::Happened {
                    self.reopen_but(Some(position));
                }
                match self.records.get_mut(position) {
                    Some(Record::Effect(recorded)) => recorded.decided = Some(given),
                    Some(Record::Judged { waved, .. }) => *waved = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Whether nothing was recorded at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.before.is_none()
    }

    /// How long the run has been at work.
    #[must_use]
    pub const fn worked(&self) -> Duration {
        self.worked
    }

    /// Why the run was being taken back when it was cut off, if it was.
    #[must_use]
    pub fn unwinding(&self) -> Option<&str> {
        self.unwinding.as_deref()
    }

    /// The last error of a step or of the run.
    #[must_use]
    pub const fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether the run has written an end.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Splits off the record of taking back.
    #[must_use]
    pub fn split_undo(&mut self) -> Self {
        Self { records: std::mem::take(&mut self.undo), worked: self.worked, ..Self::default() }
    }

    /// Of the record of taking back: the entries whose inverse was begun.
    #[must_use]
    pub fn undone(&self) -> HashSet<u64> {
        let number = |position: &Position| position.strip_prefix(UNDO)?.strip_prefix('/')?.parse().ok();
        self.records.keys().filter_map(number).collect()
    }

    pub(super) fn into_records(self) -> HashMap<Position, Record> {
        self.records
    }
}
