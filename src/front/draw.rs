//! One node of the tree as one line: the same in the live view, in plain output, in the summary and in `playbook show`.

use std::time::Duration;

use serde_json::Value;

use super::gate;
use super::style::{Line, Paint, Style};
use super::tree::{End, Node, Tree, What};
use crate::base::clock::times;
use crate::base::decision::Choice;
use crate::base::effect::Effect;
use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};

/// As much of a value or a reason as stands in a line.
const LONGEST: usize = 160;

/// Of a wait that is longer it is shown when it ends.
const LONG: Duration = Duration::from_secs(60);

/// The whole tree with everything that was done, one line each, as `playbook show` prints it.
#[must_use]
pub fn tree(tree: &Tree, style: Style) -> String {
    let mut lines: Vec<Line> = tree.nodes.iter().flat_map(|node| block(node, 0)).collect();
    for unwind in &tree.unwinds {
        lines.push(unwind_heading(&unwind.reason));
        lines.extend(unwind.items.iter().flat_map(|item| block(item, 1)));
        lines.extend(unwind.pending.iter().flat_map(|node| block(node, 2)));
    }
    text(&lines, style)
}

/// Lines as written, each with its end.
#[must_use]
pub fn text(lines: &[Line], style: Style) -> String {
    lines.iter().map(|line| line.show(style) + "\n").collect()
}

/// How a run went against the saved plan that it was held to.
#[must_use]
pub fn compared(tree: &Tree) -> Vec<Line> {
    let lines = tree.compared.iter().enumerate();
    lines.map(|(index, text)| Line::indented(usize::from(index > 0)).with(Paint::Dim, text)).collect()
}

/// A node and all below it.
#[must_use]
pub fn block(node: &Node, depth: usize) -> Vec<Line> {
    let mut lines = vec![line(node, depth, mark(node))];
    lines.extend(gate::answers(node, depth + 1));
    for child in &node.children {
        if !says_the_same(node, child) {
            lines.extend(block(child, depth + 1));
        }
    }
    lines
}

/// What taking back begins with.
#[must_use]
pub fn unwind_heading(reason: &str) -> Line {
    let line = Line::default().with(Paint::Warn, "↩ ").with(Paint::Bold, "taking back what was done");
    if reason.is_empty() { line } else { line.with(Paint::Dim, format!(": {}", headline(reason, LONGEST))) }
}

/// Whether the one call that takes something back is told by the line of what is taken back.
fn says_the_same(node: &Node, child: &Node) -> bool {
    matches!(node.what, What::Unwound { .. })
        && matches!(child.what, What::Effect { effect: Effect::Write | Effect::Destroy, .. })
        && child.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done)
        && node.children.len() == 1
}

/// The mark before a line, in its colour.
#[must_use]
pub fn mark(node: &Node) -> (Paint, &'static str) {
    let outcome = node.end.as_ref().map(|end| end.outcome);
    match (&node.what, outcome) {
        _ if node.let_pass().is_some_and(|decided| decided.choice != Choice::Happened) => (Paint::Warn, "○"),
        (What::Judged { passed: Some(true), .. }, _) => (Paint::Good, "✔"),
        (What::Judged { passed: Some(false), .. }, _) => (Paint::Bad, "✘"),
        (What::Judged { passed: None, .. }, _) => (Paint::Dim, "◌"),
        (What::Retrying { .. }, _) => (Paint::Warn, "↻"),
        (What::Gate { planned: true, .. }, _) => (Paint::Warn, "◈"),
        (What::Waiting { .. }, _) => (Paint::Dim, "…"),
        (What::Horizon { .. }, _) => (Paint::Warn, "┄"),
        (What::Logged { .. } | What::Line { .. }, _) => (Paint::Dim, ""),
        (What::Effect { planned: true, effect: Effect::Read, .. }, None) => (Paint::Dim, "·"),
        (What::Effect { planned: true, .. }, None) => (Paint::Warn, "◇"),
        (What::Step { .. } | What::Effect { .. } | What::Gate { .. }, None) => (Paint::Live, "▸"),
        (What::Effect { effect: Effect::Read, .. }, Some(Outcome::Done)) => (Paint::Dim, "·"),
        (What::Effect { .. }, Some(Outcome::Done)) => (Paint::Dim, "•"),
        (What::Unwound { .. }, Some(Outcome::Done | Outcome::TakenBack)) => (Paint::Good, "↩"),
        (_, Some(Outcome::Done)) => (Paint::Good, "✔"),
        (_, Some(Outcome::InDoubt)) => (Paint::Warn, "?"),
        (_, Some(Outcome::Cancelled)) => (Paint::Warn, "■"),
        (_, Some(Outcome::TakenBack)) => (Paint::Warn, "↩"),
        (_, Some(Outcome::Failed | Outcome::NotTakenBack)) => (Paint::Bad, "✘"),
        (What::Unwound { .. }, None) => (Paint::Live, "▸"),
    }
}

/// A node as one line, `depth` levels in, beginning with `mark`.
#[must_use]
pub fn line(node: &Node, depth: usize, mark: (Paint, &str)) -> Line {
    let line = described(node, depth, mark);
    if node.recorded && !node.is_running() { line.dimmed().with(Paint::Dim, "  recorded") } else { line }
}

fn described(node: &Node, depth: usize, mark: (Paint, &str)) -> Line {
    let start = Line::indented(depth);
    let start = if mark.1.is_empty() { start } else { start.with(mark.0, mark.1).with(Paint::Plain, " ") };
    match &node.what {
        What::Step { name } => ending(start.with(Paint::Bold, name), node),
        What::Effect { plan, .. } => ending(start.with(Paint::Dim, headline(plan, LONGEST)), node),
        What::Unwound { what } => {
            let line = ending(start.with(Paint::Plain, headline(what, LONGEST)), node);
            match node.children.as_slice() {
                [Node { what: What::Effect { plan, .. }, .. }] if says_the_same(node, &node.children[0]) => {
                    line.with(Paint::Dim, format!("  by {}", headline(plan, LONGEST)))
                }
                _ => line,
            }
        }
        What::Judged { .. } => judged(start, node),
        What::Gate { .. } => ending(gate::line(start, node), node),
        What::Retrying { attempt, of, pause, error } => start
            .with(Paint::Warn, format!("try {attempt} of {of} failed"))
            .with(Paint::Plain, format!(": {}", headline(&error.what, LONGEST)))
            .with(Paint::Dim, format!("  again in {}", show_duration(*pause))),
        What::Waiting { pause, until, scale } => waiting(start, *pause, until.as_deref(), *scale),
        What::Logged { text } => start.with(Paint::Plain, text),
        What::Line { from, text } => output(from, text, depth),
        What::Horizon { on } => start.with(Paint::Warn, format!("the plan ends {on}")),
    }
}

/// A wait; of a long one also its end, and of one that the environment makes shorter how long it is there.
fn waiting(start: Line, pause: Duration, until: Option<&str>, scale: Option<f64>) -> Line {
    let line = start.with(Paint::Dim, format!("wait {}", show_duration(pause)));
    match (scale, until) {
        (Some(scale), _) => {
            let here = show_duration(times(pause, scale));
            line.with(Paint::Warn, format!("  here {here}: time is short in this environment"))
        }
        (None, Some(until)) if pause >= LONG => line.with(Paint::Dim, format!("  until {until}")),
        (None, _) => line,
    }
}

/// A line of output of a program, behind where it comes from.
#[must_use]
pub fn output(from: &str, text: &str, depth: usize) -> Line {
    Line::indented(depth).with(Paint::Dim, format!("{from} │ ")).with(Paint::Plain, text.trim_end())
}

/// How it ended, behind what it is: the time it took, the word for a bad end, and the headline of why.
fn ending(line: Line, node: &Node) -> Line {
    let Some(End { outcome, took, error }) = &node.end else { return line };
    // What was let pass without being done took no time that means anything.
    let line = match node.let_pass() {
        Some(_) if took.is_zero() => line,
        _ => line.with(Paint::Dim, format!("  {}", show_duration(*took))),
    };
    let line = match outcome {
        Outcome::Done | Outcome::TakenBack => line,
        other => {
            line.with(if *other == Outcome::Failed { Paint::Bad } else { Paint::Warn }, format!("  {other}"))
        }
    };
    let line = match error {
        // A step's own error is told where it happened: below it, and as a whole at the end.
        Some(error) if !node.is_step() => {
            line.with(Paint::Plain, format!(": {}", headline(&error.what, LONGEST)))
        }
        _ => line,
    };
    let line = let_pass(line, node);
    match node.taken_back {
        Some(Outcome::Done | Outcome::TakenBack) => line.with(Paint::Warn, "  ↩ taken back"),
        Some(_) => line.with(Paint::Bad, "  not taken back"),
        None => line,
    }
}

/// Who let it pass, and how.
fn let_pass(line: Line, node: &Node) -> Line {
    match node.let_pass() {
        Some(decided) => line.with(Paint::Warn, format!("  {}", decided.words())),
        None => line,
    }
}

fn judged(start: Line, node: &Node) -> Line {
    let What::Judged { name, passed, condition, actual, target, .. } = &node.what else { return start };
    let line = start.with(if *passed == Some(false) { Paint::Bold } else { Paint::Plain }, name);
    let (actual, target) = (value(actual), headline(target, LONGEST));
    let line = match passed {
        None if node.is_seen_now() => {
            let target = if target.is_empty() { headline(condition, LONGEST) } else { target };
            line.with(Paint::Dim, format!(": now {actual} ({target}), to be seen after the changes"))
        }
        None => line.with(Paint::Dim, format!(": after the changes ({})", headline(condition, LONGEST))),
        Some(true) if target.is_empty() => line,
        Some(true) => line.with(Paint::Plain, format!(": {actual}")).with(Paint::Dim, format!(" ({target})")),
        Some(false) if target.is_empty() => {
            line.with(Paint::Bad, ": no").with(Paint::Dim, format!(" ({})", headline(condition, LONGEST)))
        }
        Some(false) => {
            line.with(Paint::Bad, format!(": {actual}")).with(Paint::Plain, format!(" (wanted {target})"))
        }
    };
    let_pass(line, node)
}

/// A value as people read it in a line: text without quotes, figures without a tail of digits.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => headline(text, LONGEST),
        Value::Number(number) if number.is_f64() => {
            let shown = format!("{:.3}", number.as_f64().unwrap_or_default());
            shown.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Value::Null => "nothing".to_owned(),
        other => headline(&other.to_string(), LONGEST),
    }
}

/// The line of what runs, with the time since it began in place of its end.
#[must_use]
pub fn running(node: &Node, depth: usize, spinner: &str, elapsed: Option<Duration>) -> Line {
    let line = line(node, depth, (Paint::Live, spinner));
    match elapsed {
        Some(elapsed) => line.with(Paint::Live, format!("  {}", clock(elapsed))),
        None => line,
    }
}

/// A running clock that shows milliseconds only flickers.
fn clock(elapsed: Duration) -> String {
    match elapsed.as_millis() / 100 {
        tenths @ 0..600 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ => show_duration(elapsed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_like_a_checklist() {
        for (given, shown) in [
            (json!(1.25), "1.25"),
            (json!(3.0), "3"),
            (json!("a\n b"), "a b"),
            (json!([1, 2]), "[1,2]"),
            (json!(0.1 + 0.2), "0.3"),
        ] {
            assert_eq!(value(&given), shown);
        }
    }
}
