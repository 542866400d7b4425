//! The tree that people read of a run: steps, what they did, what was checked, what was taken back.

mod condense;
mod fold;
mod node;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use crate::base::error::{Error, NOT_BEGUN};
use crate::base::outcome::Outcome;
pub use condense::{Folded, SLOWEST};
#[cfg(feature = "serve")]
pub(in crate::front) use fold::leaf;
pub use node::{Decided, Node, What};

/// A run as far as it has been heard; from a live run or from the journal, it is the same.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// What run it is, once that was heard.
    pub head: Option<Head>,
    /// What happened outside of any step, and the outermost steps, in order.
    pub nodes: Vec<Node>,
    /// Each time that something was taken back.
    pub unwinds: Vec<Unwind>,
    /// How it went against the saved plan that it was held to, in words.
    pub compared: Vec<String>,
    /// What it waits for, once its process has ended meanwhile.
    pub waiting: Option<String>,
    /// How the run ended, once it has.
    pub end: Option<End>,
    /// What of the outermost level is only counted.
    pub folded: Folded,
    /// The slowest of the steps that are only counted.
    pub slowest: Vec<(String, Duration)>,
    /// How many notices could not be sent.
    pub not_sent: usize,
    /// The run that this one takes back, or is the plan of taking back.
    pub takes_back: Option<String>,
    /// Whether what is heard now was recorded by an earlier turn of the run, and is only told again.
    pub retelling: bool,
    /// How many lines that may be folded are kept.
    kept: usize,
    /// The positions of what began and has not ended.
    running: HashSet<String>,
    /// While planning: what a change has said of itself before it was planned, and the resource that it came from.
    early: Vec<(String, Node)>,
}

/// What run it is.
#[derive(Clone, Debug)]
pub struct Head {
    /// The run's id.
    pub run: String,
    /// The playbook's file.
    pub playbook: String,
    /// The playbook's title.
    pub title: String,
    /// The environment's name.
    pub environment: String,
    /// Who began it.
    pub person: String,
    /// Whether nothing is changed.
    pub planning: bool,
}

/// How a step, an effect or the run ended.
#[derive(Clone, Debug)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// Why it failed.
    pub error: Option<Error>,
}

/// One time that what was done was taken back.
#[derive(Clone, Debug)]
pub struct Unwind {
    /// Why.
    pub reason: String,
    /// How many entries there are to take back.
    pub entries: usize,
    /// What was taken back, or could not be, in that order; below each what was done for it.
    pub items: Vec<Node>,
    /// How many more were taken back, and are only counted.
    pub folded: usize,
    /// What is being done for the entry that is not over yet.
    pub pending: Vec<Node>,
}

impl Unwind {
    /// Whether every entry has been tried.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.tried() >= self.entries
    }

    /// How many entries were tried.
    #[must_use]
    pub const fn tried(&self) -> usize {
        self.items.len() + self.folded
    }
}

impl Tree {
    /// The node at `position` and how many steps it lies in; the latest, where a position came more than once.
    #[must_use]
    pub fn find(&self, position: &str) -> Option<(usize, &Node)> {
        let pending = self.unwinds.last().map(|unwind| unwind.pending.as_slice()).unwrap_or_default();
        find(pending, position, 0).or_else(|| find(&self.nodes, position, 0))
    }

    /// Whose output a line from `from` (a resource) is: the latest running call of it, or else whatever runs.
    #[must_use]
    pub fn speaker(&self, from: &str) -> Option<&Node> {
        let path = speaker(&self.nodes, from)?;
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.nodes.get(*first)?, |node, index| node.children.get(*index))
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_planning(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.planning)
    }

    /// Whether a turn of it was refused before it went on at all, so that the run stays as it was.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let error = self.end.as_ref().and_then(|end| end.error.as_ref());
        !self.is_planning() && error.is_some_and(|error| error.details.contains_key(NOT_BEGUN))
    }

    /// While planning: whether a line from `from` tells of a change that is about to be planned, as nothing is read there.
    #[must_use]
    pub fn is_early(&self, from: &str) -> bool {
        let reads = |node: &Node| match &node.what {
            What::Effect { call, effect, .. } => {
                effect.is_read() && node.end.is_none() && node::is_of(call, from)
            }
            _ => false,
        };
        self.is_planning() && !self.walk().any(reads)
    }

    /// Whether something is being taken back right now.
    #[must_use]
    pub fn is_unwinding(&self) -> bool {
        self.end.is_none() && self.unwinds.last().is_some_and(|unwind| !unwind.is_over())
    }

    /// Every node, each before those below it.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut stack: Vec<&Node> = self.nodes.iter().rev().collect();
        std::iter::from_fn(move || {
            let node = stack.pop()?;
            stack.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// What was taken back or could not be, over all unwindings.
    pub fn unwound_items(&self) -> impl Iterator<Item = &Node> {
        self.unwinds.iter().flat_map(|unwind| &unwind.items)
    }
}

fn find<'a>(nodes: &'a [Node], position: &str, depth: usize) -> Option<(usize, &'a Node)> {
    nodes.iter().rev().find_map(|node| match node.position == position {
        true => Some((depth, node)),
        false if node.holds(position) => find(&node.children, position, depth + 1),
        false => None,
    })
}

/// The way to the running call of the resource `from`, the latest, or else to the innermost step that runs.
fn speaker(nodes: &[Node], from: &str) -> Option<Vec<usize>> {
    let of_it = |node: &Node| matches!(&node.what, What::Effect { call, .. } if node::is_of(call, from));
    running_path(nodes, &of_it).or_else(|| running_path(nodes, &Node::is_step))
}

fn running_path(nodes: &[Node], right: &dyn Fn(&Node) -> bool) -> Option<Vec<usize>> {
    nodes.iter().enumerate().rev().filter(|(_, node)| node.is_running()).find_map(|(index, node)| {
        let below = running_path(&node.children, right).or_else(|| right(node).then(Vec::new))?;
        Some([vec![index], below].concat())
    })
}
