//! The rows of the checklist: each step, check, metric, gate and change with its state, what it is and what it should be.

use std::time::Duration;

use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};
use crate::front::style::{Paint, Style};
use crate::front::tree::{Decided, Node, Tree, What};
use crate::front::{draw, gate};

/// As much of a text as stands in a cell.
const LONGEST: usize = 300;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// In how many steps it lies.
    pub depth: usize,
    /// Where in the tree.
    pub position: String,
    /// What it is: `step`, `check`, `metric`, `gate`, `change`, `read`, `retry`, `wait`, `note`, `undo`.
    pub kind: &'static str,
    /// Its colour.
    pub paint: Paint,
    /// Its mark, which says the same as its colour.
    pub mark: &'static str,
    /// Its state in words.
    pub state: &'static str,
    /// What it is called.
    pub name: String,
    /// What was found: the figure, who decided.
    pub actual: String,
    /// What was wanted: the target, who was asked.
    pub target: String,
    /// How long it took.
    pub took: Option<Duration>,
    /// What else is to be said.
    pub notes: Vec<String>,
}

/// The checklist of a run.
#[must_use]
pub fn checklist(tree: &Tree) -> Vec<Row> {
    let mut rows = Vec::new();
    tree.nodes.iter().for_each(|node| collect(node, (0, false), &mut rows));
    rows
}

/// What was taken back, and what could not be.
#[must_use]
pub fn taken_back(tree: &Tree) -> Vec<Row> {
    tree.unwound_items().filter_map(|item| row(item, 0)).collect()
}

fn collect(node: &Node, (depth, covered): (usize, bool), rows: &mut Vec<Row>) {
    rows.extend(row_of(node, depth, covered));
    let below = depth + usize::from(node.is_step());
    let covered = covered || node.has_block;
    node.children.iter().for_each(|child| collect(child, (below, covered), rows));
}

/// The row of a node; what only looked and went well, and what was only said by a program, has none.
#[must_use]
pub fn row(node: &Node, depth: usize) -> Option<Row> {
    row_of(node, depth, false)
}

/// The same, of a node that lies in a step with a rollback block where it is `covered`.
fn row_of(node: &Node, depth: usize, covered: bool) -> Option<Row> {
    let (paint, mark) = draw::mark(node);
    let outcome = node.end.as_ref().map(|end| end.outcome);
    let base = Row {
        depth,
        position: node.position.clone(),
        kind: "note",
        paint,
        mark,
        state: node
            .let_pass()
            .map_or_else(|| outcome.map_or("", Outcome::words), |decided| decided.choice.words()),
        name: String::new(),
        actual: String::new(),
        target: String::new(),
        took: node
            .end
            .as_ref()
            .map(|end| end.took)
            .filter(|took| node.let_pass().is_none() || !took.is_zero()),
        notes: notes(node, covered),
    };
    let state = if node.is_running() { "running" } else { base.state };
    Some(match &node.what {
        What::Step { name } => Row { kind: "step", name: name.clone(), state, ..base },
        What::Effect { effect, .. } if effect.is_read() && outcome == Some(Outcome::Done) => return None,
        What::Effect { plan, effect, .. } => {
            let kind = if effect.is_read() { "read" } else { "change" };
            Row { kind, name: headline(plan, LONGEST), state, ..base }
        }
        What::Judged { .. } => judged(node, base),
        What::Gate { asked, closed, answers, .. } => {
            let of = |yes: bool| answers.iter().filter(move |one| one.approved == yes);
            let names = |yes| of(yes).map(|one| one.person.as_str()).collect::<Vec<_>>().join(", ");
            let actual = match (names(true), names(false)) {
                (_, no) if !no.is_empty() => format!("declined by {no}"),
                (yes, _) if !yes.is_empty() => format!("approved by {yes}"),
                _ => "nobody has decided".to_owned(),
            };
            let state = closed.map_or("open", |end| end.words());
            Row { kind: "gate", name: asked.name.clone(), actual, target: gate::wanted(asked), state, ..base }
        }
        What::Retrying { attempt, of, error, .. } => {
            let name = format!("try {attempt} of {of} failed: {}", headline(&error.what, LONGEST));
            Row { kind: "retry", state: "tried again", name, ..base }
        }
        What::Waiting { pause, .. } => {
            Row { kind: "wait", name: format!("wait {}", show_duration(*pause)), ..base }
        }
        What::Logged { text } => Row { name: headline(text, LONGEST), ..base },
        What::Horizon { on } => Row { name: format!("the plan ends {on}"), ..base },
        What::Unwound { what } => {
            let is_back = matches!(outcome, Some(Outcome::Done | Outcome::TakenBack));
            let state = if is_back { "taken back" } else { "NOT taken back" };
            Row { kind: "undo", name: headline(what, LONGEST), state, ..base }
        }
        What::Line { .. } => return None,
    })
}

fn judged(node: &Node, base: Row) -> Row {
    let What::Judged { judgement, name, passed, condition, actual, target } = &node.what else { return base };
    let (actual, target) = match (passed, target.as_str()) {
        (None, target) if node.is_seen_now() && !target.is_empty() => {
            (format!("now {}", draw::value(actual)), target.to_owned())
        }
        (None, _) => (String::new(), condition.clone()),
        (Some(passed), "") => (if *passed { "yes" } else { "no" }.to_owned(), condition.clone()),
        (Some(_), target) => (draw::value(actual), target.to_owned()),
    };
    let state = match passed {
        Some(false) if node.let_pass().is_some() => base.state,
        Some(true) => "passed",
        Some(false) => "failed",
        None => "cannot be told",
    };
    let target = headline(&target, LONGEST);
    Row { kind: judgement.word(), name: name.clone(), actual, target, state, ..base }
}

/// Why something failed, whether it was taken back, who answered a gate.
fn notes(node: &Node, covered: bool) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(node.let_pass().map(Decided::words));
    if let Some(error) = node.end.as_ref().and_then(|end| end.error.as_ref()).filter(|_| !node.is_step()) {
        notes.push(headline(&error.what, LONGEST));
        notes.extend(error.why.as_ref().map(|why| format!("why: {}", headline(why, LONGEST))));
        notes.extend(error.fix.as_ref().map(|fix| format!("fix: {}", headline(fix, LONGEST))));
    }
    match &node.what {
        What::Gate { answers, .. } => {
            notes.extend(answers.iter().map(|one| gate::answer(one, 0).show(Style::default())));
        }
        What::Effect { final_because: Some(why), effect, .. } if !effect.is_read() => {
            notes.push(match covered {
                true => "the rollback block of its step takes it back".to_owned(),
                false => format!("cannot be taken back: {}", headline(why, LONGEST)),
            });
        }
        _ => {}
    }
    match node.taken_back {
        Some(Outcome::Done | Outcome::TakenBack) => notes.push("↩ taken back".to_owned()),
        Some(_) => notes.push("✘ not taken back".to_owned()),
        None => {}
    }
    notes
}
