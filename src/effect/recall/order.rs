//! Positions as the script goes through them: which lies behind which, and which is the last of a step.

use std::collections::HashMap;

use crate::base::event::Position;
use crate::effect::ledger::frames;

/// The position of that ordinal in a step or branch.
pub(super) fn below(frame: &str, ordinal: u64) -> Position {
    if frame.is_empty() { ordinal.to_string() } else { format!("{frame}/{ordinal}") }
}

/// The last ordinal within the run, each step and each branch.
pub(super) fn ends<'a>(positions: impl Iterator<Item = &'a Position>) -> HashMap<String, u64> {
    let mut ends: HashMap<String, u64> = HashMap::new();
    for position in positions {
        let mut inner = position.as_str();
        for frame in frames(position) {
            let own = inner.get(frame.len()..).unwrap_or_default().trim_start_matches('/');
            if let Ok(ordinal) = own.parse() {
                let end = ends.entry(frame.to_owned()).or_insert(ordinal);
                *end = ordinal.max(*end);
            }
            inner = frame;
        }
    }
    ends
}

/// Whether `one` lies at or behind `other` in the order of the script; `is_branches` knows the places of `parallel`.
pub(super) fn comes_after(one: &str, other: &str, is_branches: &dyn Fn(&str) -> bool) -> bool {
    let (mut frame, mut rest) = (String::new(), (one.split('/'), other.split('/')));
    loop {
        let (Some(a), Some(b)) = (rest.0.next(), rest.1.next()) else {
            // One lies in the other: what is inside a changed step goes with it.
            return one.len() >= other.len();
        };
        if a != b {
            return !is_branches(&frame) && order(a) > order(b);
        }
        frame = if frame.is_empty() { a.to_owned() } else { format!("{frame}/{a}") };
    }
}

/// A position as numbers, which order as the script goes.
pub(super) fn order(position: &str) -> Vec<u64> {
    position.split('/').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}
