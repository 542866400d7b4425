//! Keeps the tree of a long run small: what a summary does not show is forgotten, and of what it would show too often
//! the rest is only counted.

use std::time::Duration;

use super::{Node, Tree, What};
use crate::base::event::Event;
use crate::base::outcome::Outcome;

/// How many steps, checks and changes that ended well are kept as they are; twice as many of all together.
const MOST: usize = 200;
/// How many entries that were taken back are kept as they are.
const MOST_BACK: usize = 100;
/// How many steps may be the slowest.
pub const SLOWEST: usize = 3;

/// What is only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Steps.
    pub steps: usize,
    /// Checks and metrics.
    pub checks: usize,
    /// Changes.
    pub changes: usize,
    /// How many of the steps did not end well.
    pub failed_steps: usize,
    /// How many of the checks did not hold.
    pub failed_checks: usize,
}

impl Folded {
    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.checks += other.checks;
        self.changes += other.changes;
        self.failed_steps += other.failed_steps;
        self.failed_checks += other.failed_checks;
    }

    /// How many lines it stands for.
    const fn nodes(self) -> usize {
        self.steps + self.checks + self.changes
    }

    /// What a reader of the checklist misses, in words; `None` when that is nothing.
    #[must_use]
    pub fn words(self) -> Option<String> {
        let part = |count: usize, failed: usize, word: &str| {
            let failed = if failed == 0 { String::new() } else { format!(" ({failed} failed)") };
            (count > 0).then(|| format!("{count} more {word}{}{failed}", if count == 1 { "" } else { "s" }))
        };
        let parts =
            [part(self.steps, self.failed_steps, "step"), part(self.checks, self.failed_checks, "check")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Tree {
    /// Makes room after `event` was heard.
    pub fn condense(&mut self, event: &Event) {
        if self.is_planning() {
            return;
        }
        match event {
            Event::EffectEnded { position, outcome, .. } if !self.is_unwinding() => {
                let is_read =
                    |node: &Node| matches!(node.what, What::Effect { effect, .. } if effect.is_read());
                let is_shown = *outcome != Outcome::Failed
                    && self.find(position).is_some_and(|(_, node)| !is_read(node));
                if is_shown {
                    self.count(position, *outcome == Outcome::Done);
                } else {
                    self.forget(position);
                }
            }
            Event::StepEnded { position, outcome, .. } if !self.is_unwinding() => {
                self.count(position, *outcome == Outcome::Done);
            }
            Event::Judged { position, passed, .. } if !self.is_unwinding() => {
                self.count(position, *passed == Some(true));
            }
            Event::EffectEnded { .. } | Event::StepEnded { .. } | Event::Judged { .. } => {
                if let Some(unwind) = self.unwinds.last_mut().filter(|unwind| unwind.pending.len() > 1) {
                    unwind.pending.retain(Node::is_running);
                }
            }
            Event::Unwound { .. } => self.condense_items(),
            _ => {}
        }
    }

    /// Counts one more line, and folds it where there are too many.
    fn count(&mut self, position: &str, well: bool) {
        self.kept += 1;
        if self.kept <= if well { MOST } else { 2 * MOST } {
            return;
        }
        let Some(node) = fold(&mut self.nodes, &mut self.folded, position) else { return };
        self.kept = self.kept.saturating_sub(counted(&node).nodes());
        leaf_steps(&node, &mut self.slowest);
        self.slowest.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        self.slowest.truncate(SLOWEST);
    }

    /// Of what was taken back the first and the last stay, and all that could not be.
    fn condense_items(&mut self) {
        let Some(unwind) = self.unwinds.last_mut() else { return };
        let before = unwind.items.len().saturating_sub(2);
        let is_back = |node: &Node| node.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done);
        if unwind.items.len() > MOST_BACK && unwind.items.get(before).is_some_and(is_back) {
            unwind.items.remove(before);
            unwind.folded += 1;
        }
    }
}

/// Takes the node at `position` out and counts it where it was; `None` where something in it has to be seen.
fn fold(nodes: &mut Vec<Node>, folded: &mut Folded, position: &str) -> Option<Node> {
    match nodes.iter().rposition(|node| node.position == position) {
        Some(index) => {
            if !nodes.get(index).is_some_and(is_countable) {
                return None;
            }
            let node = nodes.remove(index);
            folded.add(counted(&node));
            folded.add(beneath(&node));
            Some(node)
        }
        None => {
            let node = nodes.iter_mut().rev().find(|node| node.holds(position))?;
            fold(&mut node.children, &mut node.folded, position)
        }
    }
}

/// Whether it and all in it is a step, a check or a change that is over.
fn is_countable(node: &Node) -> bool {
    let is_over = match &node.what {
        What::Step { .. } => node.end.is_some(),
        What::Effect { .. } => node.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done),
        What::Judged { .. } => true,
        _ => false,
    };
    is_over && node.children.iter().all(is_countable)
}

/// The lines of a node.
fn counted(node: &Node) -> Folded {
    let mut folded = Folded::default();
    match &node.what {
        What::Step { .. } => {
            folded.steps = 1;
            folded.failed_steps =
                usize::from(node.end.as_ref().is_some_and(|end| end.outcome != Outcome::Done));
        }
        What::Judged { passed, .. } => {
            folded.checks = 1;
            folded.failed_checks = usize::from(*passed == Some(false));
        }
        _ => folded.changes = 1,
    }
    node.children.iter().for_each(|child| folded.add(counted(child)));
    folded
}

/// What was folded in it before.
fn beneath(node: &Node) -> Folded {
    let mut folded = node.folded;
    node.children.iter().for_each(|child| folded.add(beneath(child)));
    folded
}

/// The steps without steps in them, with the time they took.
fn leaf_steps(node: &Node, found: &mut Vec<(String, Duration)>) {
    if let (What::Step { name }, Some(end)) = (&node.what, &node.end)
        && node.is_leaf_step()
    {
        found.push((name.clone(), end.took));
    }
    node.children.iter().for_each(|child| leaf_steps(child, found));
}
