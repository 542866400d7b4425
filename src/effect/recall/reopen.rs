//! A run that ended without success goes on: where it broke, and what of its record no longer counts then.

use super::index::Index;
use super::order::{below, ends};
use super::record::Record;
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;

impl Index {
    /// The run ended without success and goes on: where it broke it tries again, and what it read since its last change
    /// there it reads again. A step that failed has not ended.
    pub fn reopen(&mut self) {
        self.reopen_but(None);
    }

    /// Where the run broke: what failed at the end of a step or branch, or of the run itself, and what it is. Of several
    /// branches, one that was not only stopped by another.
    #[must_use]
    pub fn broken(&self) -> Option<(Position, &Record)> {
        let at_end = |(frame, last): (String, u64)| {
            let position = below(&frame, last);
            let record = self.records.get(&position).filter(|record| record.has_failed())?;
            Some((position, record))
        };
        let was_stopped = |record: &Record| match record {
            Record::Effect(recorded) => recorded.outcome() == Some(Outcome::Cancelled),
            _ => false,
        };
        self.open_frames().into_iter().filter_map(at_end).min_by_key(|(_, record)| was_stopped(record))
    }

    /// The run itself, and each step and branch that it was in at last, with the last ordinal in it.
    fn open_frames(&self) -> Vec<(String, u64)> {
        let ends = ends(self.records.keys());
        let (mut found, mut open) = (Vec::new(), vec![String::new()]);
        while let Some(frame) = open.pop() {
            let Some(last) = ends.get(&frame) else { continue };
            let first = if matches!(self.records.get(&frame), Some(Record::Branches)) { 0 } else { *last };
            let inner = (first..=*last).map(|ordinal| below(&frame, ordinal));
            open.extend(inner.filter(|inner| !self.is_over(inner)));
            found.push((frame, *last));
        }
        found
    }

    pub(super) fn reopen_but(&mut self, keep: Option<&str>) {
        self.ended = false;
        self.undo.retain(|_, record| !record.has_failed());
        for (frame, last) in self.open_frames() {
            self.forget_tail(&frame, last, keep);
        }
        for record in self.records.values_mut() {
            if let Record::Step { end, .. } = record
                && matches!(end, Some(Event::StepEnded { outcome, .. }) if *outcome != Outcome::Done)
            {
                *end = None;
            }
        }
    }

    fn is_over(&self, frame: &str) -> bool {
        matches!(self.records.get(frame), Some(Record::Step { end: Some(Event::StepEnded { outcome, .. }), .. }) if *outcome == Outcome::Done)
    }

    /// Forgets the failure at the end of a step or branch, and what only looked right before it.
    fn forget_tail(&mut self, frame: &str, last: u64, keep: Option<&str>) {
        let mut is_end = true;
        for ordinal in (0..=last).rev() {
            let position = below(frame, ordinal);
            if keep == Some(position.as_str()) {
                return;
            }
            let Some(record) = self.records.get_mut(&position) else { return };
            match record {
                // What was begun stays, to be settled; what failed is tried again.
                Record::Effect(recorded) if is_end && recorded.outcome() == Some(Outcome::InDoubt) => {
                    recorded.end = None;
                    return;
                }
                Record::Effect(recorded) if is_end && recorded.end.is_none() => return,
                record if record.only_looked() || (is_end && record.has_failed()) => {
                    self.records.remove(&position);
                }
                _ => return,
            }
            is_end = false;
        }
    }
}
