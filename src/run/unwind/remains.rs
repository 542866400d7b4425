//! What of a run is still to be taken back, read out of its journal: inverses and rollback blocks, oldest first.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::base::call::{Call, Inverse};
use crate::base::decision::Choice;
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::family::{self, Families};
use crate::effect::journal::Kept;
use crate::effect::ledger::Ledger;
use crate::effect::recall::UNDO;

/// One thing to be taken back.
#[derive(Clone, Debug)]
pub struct Item {
    /// The entry that tells it.
    pub seq: u64,
    /// When that was written; of a step that had not ended, the beginning of time.
    pub at: Timestamp,
    /// The effect or step.
    pub position: Position,
    /// What it was, in words.
    pub what: String,
    /// How it is taken back.
    pub way: Way,
    /// It was taken back before, but after a block that had failed and is to run now: what that puts back as a whole may hold it
    /// as the run had left it.
    pub again: bool,
}

/// How something is taken back.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large kind")]
pub enum Way {
    /// By an inverse; the whole of it lies in the journal.
    Inverse {
        /// The call that was made, without secrets.
        call: Call,
        /// The inverse without its arguments.
        inverse: Inverse,
        /// How the call ended; `None` when that is not known.
        outcome: Option<Outcome>,
        /// What the call gave, without secrets.
        gave: Value,
        /// Whether it is meant to stay, as the call said.
        stays: bool,
    },
    /// By the rollback block of a step.
    Block,
}

/// Gathers what remains while the entries of a run go by.
#[derive(Debug)]
pub struct Remains {
    families: Families,
    items: Vec<Option<Item>>,
    at: HashMap<Position, Vec<usize>>,
    /// Steps whose rollback block has run.
    covered: Vec<Position>,
    /// A block has failed since it was begun to take things back.
    failed: bool,
}

impl Remains {
    /// Nothing yet.
    #[must_use]
    pub fn new(families: Families) -> Self {
        Self { families, items: Vec::new(), at: HashMap::new(), covered: Vec::new(), failed: false }
    }

    /// Takes the next entry of the run, or of an earlier run that took it back.
    pub fn hear(&mut self, kept: &Kept) {
        match &kept.event {
            Event::EffectBegan { position, .. }
            | Event::EffectEnded { position, .. }
            | Event::StepEnded { position, .. }
            | Event::Decided { position, .. }
                if position.starts_with(UNDO) => {}
            Event::EffectBegan { position, call, effect, plan, inverse, stays, .. } if !effect.is_read() => {
                // A further try of the same call: what the first one found is how it is taken back.
                let is_again = !kept.has_inverse;
                match self.last_at(position).filter(|_| is_again) {
                    Some(Item { way: Way::Inverse { outcome, inverse: first, .. }, .. })
                        if matches!(inverse, Inverse::Call(_)) || *first == *inverse =>
                    {
                        *outcome = None;
                    }
                    _ => {
                        let (call, inverse, stays) = (call.clone(), inverse.clone(), *stays);
                        let way = Way::Inverse { call, inverse, outcome: None, gave: Value::Null, stays };
                        self.push(kept, position, plan.clone(), way);
                    }
                }
            }
            Event::EffectEnded { position, outcome: how, error, value, .. } => {
                let families = self.families;
                let unchanged = error.as_ref().is_some_and(|error| error.unchanged);
                if let Some(Item { way: Way::Inverse { outcome, call, gave, .. }, .. }) =
                    self.last_at(position)
                {
                    *outcome = Some(*how);
                    gave.clone_from(value);
                    if is_nothing(families, call, (*how, unchanged, value)) {
                        self.remove(position);
                    }
                }
            }
            Event::Decided { position, choice: Choice::NotHappened, .. } => self.remove(position),
            Event::StepEnded { position, name, .. } => {
                self.remove(position);
                self.push(kept, position, format!("rollback of “{name}”"), Way::Block);
            }
            Event::UnwindBegan { .. } => self.failed = false,
            Event::Unwound { position, outcome: Outcome::Done, .. } => {
                let failed = self.failed;
                match self.last_at(position) {
                    Some(item) if failed && matches!(item.way, Way::Inverse { .. }) => {
                        item.again = true;
                        return;
                    }
                    Some(Item { way: Way::Block, .. }) => self.covered.push(position.clone()),
                    _ => {}
                }
                self.remove(position);
            }
            Event::Unwound { position, .. } => {
                self.failed |= matches!(self.last_at(position), Some(Item { way: Way::Block, .. }));
            }
            _ => {}
        }
    }

    /// What remains, in the order of its time and the last first to be taken back, and the steps whose block has run already.
    /// Of a step that never ended the block is the newest of all that happened in it; what is to be undone last counts as the
    /// oldest.
    #[must_use]
    pub fn finish(self, ledger: &Ledger) -> (Vec<Item>, Vec<Position>) {
        let mut items: Vec<Item> = self.items.into_iter().flatten().collect();
        items.retain(|item| !matches!(item.way, Way::Block) || ledger.has_block(&item.position));
        let is_known = |position: &Position| {
            let is_it = |item: &Item| matches!(item.way, Way::Block) && item.position == *position;
            items.iter().any(is_it) || self.covered.contains(position)
        };
        let mut open: Vec<Position> =
            ledger.blocks().into_iter().filter(|position| !is_known(position)).collect();
        open.sort_by_key(|position| std::cmp::Reverse((position.matches('/').count(), position.clone())));
        items.extend(open.into_iter().map(|position| Item {
            seq: 0,
            at: Timestamp::MIN,
            what: "rollback of a step that had not ended".to_owned(),
            position,
            way: Way::Block,
            again: false,
        }));
        let families = self.families;
        let (mut sorted, others): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| is_undone_last(families, item));
        sorted.extend(others);
        (sorted, self.covered)
    }

    fn push(&mut self, kept: &Kept, position: &Position, what: String, way: Way) {
        self.at.entry(position.clone()).or_default().push(self.items.len());
        self.items.push(Some(Item {
            seq: kept.seq,
            at: kept.at,
            position: position.clone(),
            what,
            way,
            again: false,
        }));
    }

    fn last_at(&mut self, position: &str) -> Option<&mut Item> {
        let index = *self.at.get(position)?.last()?;
        self.items.get_mut(index)?.as_mut()
    }

    fn remove(&mut self, position: &str) {
        if let Some(indexes) = self.at.get_mut(position) {
            if let Some(item) = indexes.pop().and_then(|index| self.items.get_mut(index)) {
                *item = None;
            }
            if indexes.is_empty() {
                self.at.remove(position);
            }
        }
    }
}

fn is_undone_last(families: Families, item: &Item) -> bool {
    let Way::Inverse { call, inverse, .. } = &item.way else { return false };
    let entry = |call: &Call| family::entry_of(families, call);
    let is_last = entry(call)
        .and_then(|entry| entry.bind(&call.arguments).ok())
        .is_some_and(|bound| bound.undone_last());
    is_last || matches!(inverse, Inverse::Call(inverse) if entry(inverse).is_some_and(|entry| entry.last))
}

/// Whether a call that ended has changed nothing, as its error or its value tells, or as such a call never does when it fails.
fn is_nothing(families: Families, call: &Call, (how, unchanged, value): (Outcome, bool, &Value)) -> bool {
    let Some(entry) = family::entry_of(families, call) else { return how == Outcome::Failed && unchanged };
    match how {
        Outcome::Failed => unchanged || entry.atomic,
        Outcome::Done => entry.bind(&call.arguments).is_ok_and(|bound| bound.left_nothing(value)),
        _ => false,
    }
}
