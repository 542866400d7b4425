//! What of a record has not been asked for yet, and what of it lies where.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::order;
use super::{Index, Record, Terms};
use crate::base::call::Call;
use crate::base::event::Position;
use crate::effect::ledger::frames;

/// The shelf that records are taken from.
#[derive(Default)]
pub(super) struct Shelf {
    /// What has not been asked for yet.
    pub(super) records: HashMap<Position, Record>,
    /// How many of those there are within each step and branch.
    pub(super) left: HashMap<Position, usize>,
    /// The places of `parallel`, whose branches are in no order.
    pub(super) branches: HashSet<Position>,
    pub(super) terms: Option<Terms>,
    pub(super) worked: Duration,
    /// The calls that the script made, whole.
    pub(super) calls: HashMap<Position, Call>,
}

impl Shelf {
    /// All that is in `index`, under these terms.
    pub(super) fn of(index: Index, terms: &Terms) -> Self {
        let worked = index.worked();
        let records = index.into_records();
        let mut left: HashMap<Position, usize> = HashMap::new();
        for frame in records.keys().flat_map(|position| frames(position)) {
            match left.get_mut(frame) {
                Some(count) => *count += 1,
                None => drop(left.insert(frame.to_owned(), 1)),
            }
        }
        Self { records, left, worked, terms: Some(terms.clone()), ..Self::default() }
    }

    pub(super) fn remove(&mut self, position: &str) -> Option<Record> {
        let record = self.records.remove(position)?;
        for frame in frames(position) {
            if let Some(count) = self.left.get_mut(frame) {
                *count -= 1;
                if *count == 0 {
                    self.left.remove(frame);
                }
            }
        }
        Some(record)
    }

    pub(super) fn left(&self, frame: &str) -> usize {
        self.left.get(frame).copied().unwrap_or(0)
    }

    /// The step that `position` lies in, or beside, in which something else was recorded to follow.
    pub(super) fn goes_on_behind(&self, position: &str) -> Option<Position> {
        let mut inner = position;
        for frame in frames(position) {
            let own = self.left(inner) + usize::from(self.records.contains_key(inner));
            if self.left(frame) > own && !self.branches.contains(frame) {
                return Some(inner.to_owned());
            }
            inner = frame;
        }
        None
    }

    pub(super) fn first_within(&self, position: &str) -> Option<Position> {
        if self.left(position) == 0 {
            return None;
        }
        self.records
            .keys()
            .filter(|have| frames(have).any(|frame| frame == position))
            .min_by_key(|have| order::order(have))
            .cloned()
    }

    /// Forgets `position` and what comes after it in the same branch.
    pub(super) fn cut(&mut self, position: &str) {
        let is_branches = |frame: &str| self.branches.contains(frame);
        let after = |have: &&Position| order::comes_after(have, position, &is_branches);
        let gone: Vec<Position> = self.records.keys().filter(after).cloned().collect();
        for one in gone {
            self.remove(&one);
        }
    }
}
