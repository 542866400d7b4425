//! The checklist as the run filled it in: steps and what was judged in them, ticked, with what they took.

use std::time::Duration;

use crate::base::outcome::Outcome;
use crate::base::text::{self, show_duration};
use crate::front::style::{Line, Paint};
use crate::front::tree::{End, Folded, Node, SLOWEST, Tree, What};
use crate::front::{draw, gate};

/// Steps and what was judged in them, ticked; times stand below each other.
pub(super) fn ticked(tree: &Tree) -> Vec<Line> {
    let mut rows = Vec::new();
    for node in &tree.nodes {
        collect(node, 0, &mut rows);
    }
    rows.extend(more(tree.folded, 0));
    let column =
        rows.iter().filter(|(_, end)| end.is_some()).map(|(line, _)| line.len()).max().unwrap_or(0).min(72);
    let mut lines: Vec<Line> = rows
        .into_iter()
        .map(|(line, end)| match end {
            None => line,
            Some(End { outcome, took, .. }) => {
                let line = line.padded(column).with(Paint::Dim, format!("  {:>7}", show_duration(took)));
                if outcome == Outcome::Done { line } else { line.with(Paint::Bad, format!("  {outcome}")) }
            }
        })
        .collect();
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

fn collect(node: &Node, depth: usize, rows: &mut Vec<(Line, Option<End>)>) {
    match &node.what {
        What::Step { name } => {
            let (paint, mark) = draw::mark(node);
            let line =
                Line::indented(depth).with(paint, mark).with(Paint::Plain, " ").with(Paint::Bold, name);
            rows.push((line, node.end.clone()));
        }
        What::Gate { .. } => {
            rows.push((draw::line(node, depth, draw::mark(node)), None));
            rows.extend(gate::answers(node, depth + 1).into_iter().map(|line| (line, None)));
        }
        What::Judged { .. } | What::Horizon { .. } => {
            rows.push((draw::line(node, depth, draw::mark(node)), None))
        }
        _ => {}
    }
    let below = depth + usize::from(node.is_step());
    for child in &node.children {
        collect(child, below, rows);
    }
    rows.extend(more(node.folded, below));
}

/// The line of what is only counted.
fn more(folded: Folded, depth: usize) -> Option<(Line, Option<End>)> {
    folded.words().map(|words| (Line::indented(depth).with(Paint::Dim, format!("… {words}")), None))
}

/// How many checks and metrics held.
pub(in crate::front) fn judgements(tree: &Tree) -> Option<Line> {
    let passed_by =
        tree.walk().filter(|node| matches!(node.what, What::Judged { .. }) && node.let_pass().is_some());
    let waved = passed_by.count();
    let judged: Vec<Option<bool>> = tree
        .walk()
        .filter_map(|node| if let What::Judged { passed, .. } = &node.what { Some(*passed) } else { None })
        .collect();
    let count = |which: Option<bool>| judged.iter().filter(|passed| **passed == which).count();
    let folded = || tree.walk().map(|node| node.folded).chain([tree.folded]);
    let more: usize = folded().map(|folded| folded.checks).sum();
    let more_bad: usize = folded().map(|folded| folded.failed_checks).sum();
    let (good, open) = (count(Some(true)) + more - more_bad, count(None));
    let bad = (count(Some(false)) + more_bad).saturating_sub(waved);
    let cut_off = tree.end.as_ref().is_some_and(|end| end.error.is_some());
    let passed = match judged.len() + more {
        0 => return None,
        all if good == all && cut_off => format!("{} passed before it failed", text::count(all, "check")),
        1 if good == 1 => "the check passed".to_owned(),
        all if good == all => format!("all {all} checks passed"),
        all => format!("{good} of {all} checks passed"),
    };
    let mut line = Line::default().with(Paint::Plain, passed);
    if bad > 0 {
        line = line.with(Paint::Plain, ", ").with(Paint::Bad, format!("{bad} failed"));
    }
    if waved > 0 {
        line = line.with(Paint::Plain, ", ").with(Paint::Warn, format!("{waved} let pass by a person"));
    }
    if open > 0 {
        line = line.with(Paint::Dim, format!(", {open} cannot be told before the changes"));
    }
    Some(line)
}

/// The three steps that took longest: where the next minute can be won.
pub(super) fn slowest(tree: &Tree) -> Option<Line> {
    let steps = by_length(tree);
    if steps.len() < 2 {
        return None;
    }
    let names: Vec<String> =
        steps.iter().take(SLOWEST).map(|(name, took)| format!("{name} {}", show_duration(*took))).collect();
    Some(Line::default().with(Paint::Dim, format!("slowest: {}", names.join(" · "))))
}

/// The innermost steps and what they took, the slowest first.
pub(in crate::front) fn by_length(tree: &Tree) -> Vec<(&str, Duration)> {
    let mut steps: Vec<(&str, Duration)> = tree
        .walk()
        .filter(|node| node.is_leaf_step())
        .filter_map(|node| match (&node.what, &node.end) {
            (What::Step { name }, Some(end)) => Some((name.as_str(), end.took)),
            _ => None,
        })
        .chain(tree.slowest.iter().map(|(name, took)| (name.as_str(), *took)))
        .collect();
    steps.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    steps
}
