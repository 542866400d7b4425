//! The tree that people read of a run: steps, what they did, what was checked, what was taken back.

mod fold;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::event::Judgement;
use crate::base::outcome::Outcome;

/// A run as far as it has been heard; from a live run or from the journal, it is the same.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// What run it is, once that was heard.
    pub head: Option<Head>,
    /// What happened outside of any step, and the outermost steps, in order.
    pub nodes: Vec<Node>,
    /// Each time that something was taken back.
    pub unwinds: Vec<Unwind>,
    /// How the run ended, once it has.
    pub end: Option<End>,
    /// The positions of what began and has not ended.
    running: HashSet<String>,
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

/// One line of the tree and what is below it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where in the tree: `0/2`.
    pub position: String,
    /// What it is.
    pub what: What,
    /// How it ended; what is over at once has no end of its own.
    pub end: Option<End>,
    /// How taking it back ended, when that was tried.
    pub taken_back: Option<Outcome>,
    /// What happened inside it, in order.
    pub children: Vec<Node>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum What {
    /// A step of the playbook.
    Step {
        /// Its name.
        name: String,
    },
    /// A call of a primitive.
    Effect {
        /// The call's name: `postgres.main.query`.
        call: String,
        /// Its class.
        effect: Effect,
        /// What it does, in words.
        plan: String,
        /// Whether the run is a plan, so that a change is only told.
        planned: bool,
        /// Why it cannot be taken back, when it cannot.
        final_because: Option<String>,
    },
    /// A check or metric.
    Judged {
        /// Check or metric.
        judgement: Judgement,
        /// Its name.
        name: String,
        /// Whether it held; `None` when that depends on a planned effect.
        passed: Option<bool>,
        /// The comparison as it stands in the script.
        condition: String,
        /// The left side's value.
        actual: Value,
        /// The operator and the right side's value.
        target: String,
    },
    /// A step is tried again.
    Retrying {
        /// The try that failed, from 1.
        attempt: u64,
        /// How many tries there may be.
        of: u64,
        /// How long until the next.
        pause: Duration,
        /// Why it failed.
        error: Error,
    },
    /// Time passes on purpose.
    Waiting {
        /// How long.
        pause: Duration,
    },
    /// The playbook said something.
    Logged {
        /// What.
        text: String,
    },
    /// A line of output of a program.
    Line {
        /// Where it comes from.
        from: String,
        /// The line.
        text: String,
    },
    /// While planning: what follows depends on an effect that has not happened.
    Horizon {
        /// Where, and what it depends on, in words.
        on: String,
    },
    /// Something was taken back, or could not be.
    Unwound {
        /// What was done to take it back, in words.
        what: String,
    },
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
    /// What is being done for the entry that is not over yet.
    pub pending: Vec<Node>,
}

impl Unwind {
    /// Whether every entry has been tried.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.items.len() >= self.entries
    }
}

impl Node {
    fn new(position: &str, what: What) -> Self {
        Self { position: position.to_owned(), what, end: None, taken_back: None, children: Vec::new() }
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.what, What::Step { .. } | What::Effect { planned: false, .. }) && self.end.is_none()
    }

    /// Whether it is a step.
    #[must_use]
    pub const fn is_step(&self) -> bool {
        matches!(self.what, What::Step { .. })
    }

    /// Whether it is at `position`, or `position` lies inside it.
    #[must_use]
    pub fn is_at_or_holds(&self, position: &str) -> bool {
        self.position == position || self.holds(position)
    }

    fn holds(&self, position: &str) -> bool {
        position.strip_prefix(self.position.as_str()).is_some_and(|rest| rest.starts_with('/'))
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
    let of_it = |node: &Node| matches!(&node.what, What::Effect { call, .. } if call.strip_prefix(from).is_some_and(|rest| rest.starts_with('.')));
    running_path(nodes, &of_it).or_else(|| running_path(nodes, &Node::is_step))
}

fn running_path(nodes: &[Node], right: &dyn Fn(&Node) -> bool) -> Option<Vec<usize>> {
    nodes.iter().enumerate().rev().filter(|(_, node)| node.is_running()).find_map(|(index, node)| {
        let below = running_path(&node.children, right).or_else(|| right(node).then(Vec::new))?;
        Some([vec![index], below].concat())
    })
}
