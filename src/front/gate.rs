//! A gate in the tree of a run: who is asked until when, and who answered what.

use super::style::{Line, Paint};
use super::tree::{Node, Tree, What};
use crate::base::gate::{Answer, Asked, GateEnd};
use crate::base::text::headline;

/// As much of a comment as stands in a line.
const LONGEST: usize = 160;

/// The line of a gate, behind its mark.
#[must_use]
pub fn line(start: Line, node: &Node) -> Line {
    let What::Gate { asked, answers, closed, .. } = &node.what else { return start };
    let line = start.with(Paint::Bold, &asked.name);
    match closed {
        None => line.with(Paint::Plain, format!(": {}", wanted(asked))),
        Some(GateEnd::Approved) => line.with(Paint::Plain, format!(": approved by {}", names(answers, true))),
        Some(GateEnd::Declined) => line.with(Paint::Bad, format!(": declined by {}", names(answers, false))),
        Some(end) => line.with(Paint::Warn, format!(": {}", end.words())),
    }
}

/// What is needed to pass.
#[must_use]
pub fn wanted(asked: &Asked) -> String {
    let people = asked.people.join(", ");
    let groups = if asked.people == asked.approvers {
        String::new()
    } else {
        format!(" ({})", asked.approvers.join(", "))
    };
    let until = asked.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
    match asked.people.len() {
        1 => format!("asks {people}{groups}{until}"),
        _ => format!("asks {} of {people}{groups}{until}", asked.quorum),
    }
}

fn names(answers: &[Answer], approved: bool) -> String {
    let names: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.approved == approved)
        .map(|answer| answer.person.as_str())
        .collect();
    names.join(", ")
}

/// The lines of the answers below a gate.
pub(super) fn answers(node: &Node, depth: usize) -> Vec<Line> {
    let What::Gate { answers, .. } = &node.what else { return Vec::new() };
    answers.iter().map(|one| answer(one, depth)).collect()
}

/// How a gate that is open is answered.
#[must_use]
pub fn how(run: &str) -> String {
    format!("`playbook approve {run}` answers it")
}

/// Whether people are asked at this moment.
#[must_use]
pub fn is_open(tree: &Tree) -> bool {
    tree.walk().any(|node| matches!(node.what, What::Gate { planned: false, .. }) && node.end.is_none())
}

/// One answer: who, when, with or without a signature, and what they wrote.
#[must_use]
pub fn answer(answer: &Answer, depth: usize) -> Line {
    let (paint, mark) = if answer.approved { (Paint::Good, "✔ ") } else { (Paint::Bad, "✘ ") };
    let line = Line::indented(depth)
        .with(paint, mark)
        .with(Paint::Plain, format!("{} {}", answer.person, answer.word()))
        .with(Paint::Dim, format!("  {}", answer.at))
        .with(Paint::Dim, if answer.signature.is_some() { ", signed" } else { ", not signed" });
    match answer.comment.as_str() {
        "" => line,
        comment => line.with(Paint::Plain, format!(": {}", headline(comment, LONGEST))),
    }
}
