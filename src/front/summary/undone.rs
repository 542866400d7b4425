//! What of a failed run was taken back, what could not be, and what was left as it is.

use crate::base::effect::Effect;
use crate::base::error::Kind;
use crate::base::outcome::Outcome;
use crate::front::draw;
use crate::front::style::{Line, Paint};
use crate::front::tree::{Node, Tree, What};
use crate::run::unwind::NO_INVERSE;

/// What was taken back and what could not be.
pub(super) fn taken_back(tree: &Tree) -> Vec<Line> {
    if tree.unwinds.is_empty() {
        return left(tree);
    }
    let (back, left): (Vec<&Node>, Vec<&Node>) = tree.unwound_items().partition(|item| is_back(item));
    let (spared, left): (Vec<&Node>, Vec<&Node>) = left.into_iter().partition(|item| is_spared(item));
    let untried: usize =
        tree.unwinds.iter().map(|unwind| unwind.entries.saturating_sub(unwind.tried())).sum();
    let folded: usize = tree.unwinds.iter().map(|unwind| unwind.folded).sum();
    let may_help = left.iter().any(|item| {
        let error = item.end.as_ref().and_then(|end| end.error.as_ref());
        error.is_none_or(|error| error.what != NO_INVERSE)
    });
    let way = (may_help || untried > 0 && tree.end.is_none()).then(|| way_on(tree)).flatten();
    let mut lines = Vec::new();
    for (heading, items, folded) in [
        ("taken back:", back, folded),
        ("NOT taken back, because it was changed since:", spared, 0),
        ("could NOT be taken back, and is still there:", left, 0),
    ] {
        if !items.is_empty() {
            lines.push(Line::default().with(Paint::Bold, heading));
        }
        for item in items {
            lines.push(draw::line(item, 1, draw::mark(item)));
            let Some(error) = item.end.as_ref().and_then(|end| end.error.as_ref()) else { continue };
            for (word, text) in [("why", &error.why), ("fix", &error.fix)] {
                lines.extend(
                    text.as_ref().map(|text| Line::indented(2).with(Paint::Plain, format!("{word}: {text}"))),
                );
            }
        }
        lines.extend(more(folded));
    }
    // What a rollback block has covered is not taken back one by one, so this tells something only of a crash.
    if untried > 0 && tree.end.is_none() {
        lines.push(Line::default().with(Paint::Bad, format!("{untried} more were not tried")));
    }
    lines.extend(way);
    lines.push(Line::default());
    lines
}

/// Whether it was left on purpose: somebody else had changed it since.
fn is_spared(item: &Node) -> bool {
    let error = item.end.as_ref().and_then(|end| end.error.as_ref());
    error.is_some_and(|error| error.kind == Kind::Changed)
}

/// How what is still there is taken back after all.
fn way_on(tree: &Tree) -> Option<Line> {
    let run = &tree.head.as_ref()?.run;
    let text = match tree.end {
        Some(_) => {
            let of = tree.takes_back.as_ref().unwrap_or(run);
            format!("try the rest again: `playbook rollback {of}`")
        }
        None => format!("go on with taking it back: `playbook resume {run}`"),
    };
    Some(Line::indented(1).with(Paint::Dim, text))
}

/// The changes that a run left which did not end well and was not taken back.
fn left(tree: &Tree) -> Vec<Line> {
    if tree.is_planning()
        || tree.is_refused()
        || tree.waiting.is_some()
        || tree.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done)
    {
        return Vec::new();
    }
    let is_change = |node: &&Node| {
        let ended = node.end.as_ref().map(|end| end.outcome);
        matches!(node.what, What::Effect { effect, .. } if effect != Effect::Read)
            && ended != Some(Outcome::Failed)
    };
    let changes: Vec<&Node> = tree.walk().filter(is_change).collect();
    let within: usize = tree.walk().map(|node| node.folded.changes).sum();
    let folded = within + tree.folded.changes;
    if changes.is_empty() {
        return Vec::new();
    }
    let leaves_nothing = |node: &&Node| matches!(node.what, What::Effect { leaves_nothing: true, .. });
    let is_nothing = folded == 0 && changes.iter().all(leaves_nothing);
    let heading = if is_nothing { "left as it is, with nothing to take back:" } else { "left as it is:" };
    let mut lines = vec![Line::default().with(Paint::Bold, heading)];
    lines.extend(changes.into_iter().map(|node| draw::line(node, 1, draw::mark(node))));
    lines.extend(more(folded));
    if let Some(head) = &tree.head {
        let run = &head.run;
        let back = format!(", or take it back with `playbook rollback {run}`");
        let back = if is_nothing { "" } else { back.as_str() };
        lines.push(Line::indented(1).with(Paint::Dim, format!("go on with `playbook resume {run}`{back}")));
    }
    lines.push(Line::default());
    lines
}

/// What is only counted.
fn more(count: usize) -> Option<Line> {
    let text = format!("… and {count} more, which `playbook show` lists");
    (count > 0).then(|| Line::indented(1).with(Paint::Dim, text))
}

/// Whether an entry was taken back.
pub(super) fn is_back(item: &Node) -> bool {
    item.end.as_ref().is_some_and(|end| matches!(end.outcome, Outcome::Done | Outcome::TakenBack))
}
