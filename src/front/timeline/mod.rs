//! When what happened: the bars of a run over time, folded from its entries one by one, live or from the journal.

pub mod svg;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::event::Event;
use crate::base::gate::GateEnd;
use crate::base::outcome::Outcome;
use crate::base::text::headline;

/// As much of a name as stands before a bar.
const LONGEST: usize = 60;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step.
    Step,
    /// A call outside of any step.
    Call,
    /// A gate at which people decide.
    Gate,
    /// Time in which no process carried the run out, because it waited.
    Wait,
    /// What was done is taken back.
    Undo,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Where in the tree; empty for what has no place there.
    pub position: String,
    /// What it is called.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// How many bars it lies in.
    pub depth: usize,
    /// When it began.
    pub from: Timestamp,
    /// When it ended, once it has.
    pub to: Option<Timestamp>,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
}

impl Bar {
    /// How long it took, or has taken until `now`.
    #[must_use]
    pub fn took(&self, now: Timestamp) -> Duration {
        since(self.from, self.to.unwrap_or(now))
    }
}

/// The bars of a run.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In the order in which they began.
    pub bars: Vec<Bar>,
    /// When the run began.
    pub began: Option<Timestamp>,
    /// When it ended, or when it was heard of last.
    pub until: Option<Timestamp>,
    /// The latest bar at each position.
    places: HashMap<String, usize>,
    /// How many entries of the unwinding that goes on are left.
    unwinding: usize,
}

/// How long it is from one instant to a later one.
#[must_use]
pub fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

impl Timeline {
    /// Takes one event that was noted at `at`.
    pub fn hear(&mut self, at: Timestamp, event: &Event) {
        self.began.get_or_insert(at);
        self.until = Some(at);
        match event {
            Event::StepBegan { position, name, .. } => self.begin(at, position, name, Kind::Step),
            Event::GateOpened { position, asked, .. } => self.begin(at, position, &asked.name, Kind::Gate),
            Event::EffectBegan { position, plan, .. } if !position.contains('/') => {
                self.begin(at, position, plan, Kind::Call);
            }
            Event::StepEnded { position, outcome, .. } | Event::EffectEnded { position, outcome, .. } => {
                self.end(at, position, *outcome);
            }
            Event::GateClosed { position, end, .. } => self.end(at, position, gate(*end)),
            Event::Suspended { what, .. } => self.begin(at, "", what, Kind::Wait),
            Event::RunResumed { .. } => self.end(at, "", Outcome::Done),
            Event::UnwindBegan { entries, .. } => {
                self.unwinding = *entries;
                self.begin(at, "undo", "taking back", Kind::Undo);
            }
            Event::Unwound { outcome, .. } => self.unwound(at, *outcome),
            Event::RunEnded { outcome, .. } => self.close(at, *outcome),
            _ => {}
        }
    }

    /// As many of the bars as there is room for, those that took longest, in their order.
    #[must_use]
    pub fn longest(&self, most: usize, now: Timestamp) -> Vec<&Bar> {
        if self.bars.len() <= most {
            return self.bars.iter().collect();
        }
        let mut ranked: Vec<usize> = (0..self.bars.len()).collect();
        ranked.sort_by_key(|index| std::cmp::Reverse(self.bars[*index].took(now)));
        ranked.truncate(most);
        ranked.sort_unstable();
        ranked.into_iter().map(|index| &self.bars[index]).collect()
    }

    fn begin(&mut self, at: Timestamp, position: &str, name: &str, kind: Kind) {
        // After a crash the journal says of the same thing twice that it began: the bar goes on.
        let again = self.places.get(position).and_then(|index| self.bars.get(*index));
        if again.is_some_and(|bar| bar.to.is_none() && bar.kind == kind) {
            return;
        }
        let depth = self.above(position).map_or(0, |bar| bar.depth + 1);
        self.places.insert(position.to_owned(), self.bars.len());
        self.bars.push(Bar {
            position: position.to_owned(),
            name: headline(name, LONGEST),
            kind,
            depth,
            from: at,
            to: None,
            outcome: None,
        });
    }

    fn end(&mut self, at: Timestamp, position: &str, outcome: Outcome) {
        let Some(bar) = self.places.get(position).and_then(|index| self.bars.get_mut(*index)) else { return };
        if bar.to.is_none() {
            (bar.to, bar.outcome) = (Some(at), Some(outcome));
        }
    }

    fn unwound(&mut self, at: Timestamp, outcome: Outcome) {
        self.unwinding = self.unwinding.saturating_sub(1);
        let Some(bar) = self.places.get("undo").and_then(|index| self.bars.get_mut(*index)) else { return };
        let is_back = matches!(outcome, Outcome::Done | Outcome::TakenBack);
        bar.outcome = if is_back { bar.outcome } else { Some(outcome) };
        if self.unwinding == 0 {
            bar.to = Some(at);
            bar.outcome.get_or_insert(Outcome::Done);
        }
    }

    /// What is still open when the run ends ends with it.
    fn close(&mut self, at: Timestamp, outcome: Outcome) {
        for bar in self.bars.iter_mut().filter(|bar| bar.to.is_none()) {
            bar.to = Some(at);
            bar.outcome.get_or_insert(if bar.kind == Kind::Undo { Outcome::Done } else { outcome });
        }
    }

    /// The bar in which `position` lies.
    fn above(&self, position: &str) -> Option<&Bar> {
        let mut rest = position;
        while let Some((outer, _)) = rest.rsplit_once('/') {
            if let Some(bar) = self.places.get(outer).and_then(|index| self.bars.get(*index)) {
                return Some(bar);
            }
            rest = outer;
        }
        None
    }
}

const fn gate(end: GateEnd) -> Outcome {
    match end {
        GateEnd::Approved => Outcome::Done,
        GateEnd::Declined | GateEnd::TimedOut => Outcome::Failed,
        GateEnd::Stopped => Outcome::Cancelled,
    }
}
