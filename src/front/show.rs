//! `playbook show RUN`: one run as the journal has it: its facts, its tree of steps, how it ended.

use serde_json::json;

use super::runs::{Format, instant, json, outcome, took, when};
use super::style::{Line, Paint, Style};
use super::tree::{Node, Tree, What};
use super::ways;
use super::{draw, gate};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};
use crate::effect::journal::{Journal, RunKind, RunRecord, State};
use crate::run::reversed;

/// As much of the parameters as stands in a line.
const LONGEST: usize = 200;

/// The run that `wanted` names: its id, part of it, or `last`; `journal` is what [`Journal::find`] gave.
pub fn show(journal: Option<&Journal>, wanted: &str, output: Format) -> Result<String> {
    let journal = journal.ok_or_else(nothing)?;
    let record = journal.run(wanted)?;
    let entries = journal.entries(&record.id)?;
    let record = record.counting(&entries);
    let fault = journal.verify(&record.id)?.fault;
    let style = match output {
        Format::Json => return json(&json!({ "run": record, "entries": entries, "fault": fault })),
        Format::Text(style) => style,
    };
    let mut tree = Tree::default();
    for entry in &entries {
        tree.hear(&entry.event);
    }
    let mut afterwards = Vec::new();
    for by in journal.reversals(&record.id)?.iter().rev() {
        journal.entries(&by.id)?.iter().for_each(|entry| tree.hear_later(&entry.event));
        afterwards.extend(back(journal, by)?);
    }
    if let Some(fault) = fault {
        afterwards.push(("record", format!("DOES NOT VERIFY: {fault}; see `playbook verify {}`", record.id)));
    }
    let (head, foot) = (head(&record, afterwards), foot(journal, &record, &tree)?);
    Ok(draw::text(&head, style) + &draw::tree(&tree, style) + &draw::text(&foot, unbounded(style)))
}

/// What is said where no run was ever made.
pub(super) fn nothing() -> Error {
    Error::missing("there is no run yet").fix("run a playbook: `playbook exec PLAYBOOK`")
}

/// What a later run took back of this one; one that was refused, nothing.
fn back(journal: &Journal, by: &RunRecord) -> Result<Option<(&'static str, String)>> {
    let (back, left): (Vec<_>, Vec<_>) =
        reversed::unwound(journal, by)?.into_iter().partition(|(_, is_back)| *is_back);
    let names = |all: &[(String, bool)]| {
        all.iter().map(|(what, _)| format!("“{what}”")).collect::<Vec<_>>().join(", ")
    };
    Ok(match (by.outcome, back.as_slice(), left.as_slice()) {
        (_, [], []) => None,
        (Some(Outcome::Done), ..) => Some(("taken back", format!("{}, by the run {}", when(by), by.id))),
        (_, [], left) => {
            Some(("not taken back", format!("{}, by the run {}: {}", when(by), by.id, names(left))))
        }
        (_, back, left) => {
            let left = if left.is_empty() { String::new() } else { format!("; not {}", names(left)) };
            Some(("in part back", format!("{}, by the run {}: {}{left}", when(by), by.id, names(back))))
        }
    })
}

fn head(record: &RunRecord, afterwards: Vec<(&'static str, String)>) -> Vec<Line> {
    let (paint, words) = outcome(record);
    let code = record.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let first = Line::default()
        .with(Paint::Bold, format!("run {}", record.id))
        .with(Paint::Plain, "  ")
        .with(paint, words)
        .with(Paint::Dim, code);
    let fact = |name: &str, text: String| {
        Line::indented(1).with(Paint::Dim, format!("{name:<13}")).with(Paint::Plain, headline(&text, LONGEST))
    };
    let facts = &record.facts;
    let title = if facts.title.is_empty() { String::new() } else { format!(": {}", facts.title) };
    let length = took(record).map(|took| format!(", took {}", show_duration(took))).unwrap_or_default();
    let mut lines = vec![
        first,
        fact("playbook", format!("{}{title}", facts.playbook)),
        fact("environment", facts.environment.clone()),
        fact("person", facts.person.clone()),
        fact("began", format!("{}{length}", when(record))),
    ];
    if !facts.parameters.is_empty() {
        let parameters: Vec<String> =
            facts.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        lines.push(fact("parameters", parameters.join(", ")));
    }
    lines.extend(facts.break_glass.as_ref().map(|reason| fact("glass broken", reason.clone())));
    lines.extend(afterwards.into_iter().map(|(name, text)| match name {
        "record" => Line::indented(1).with(Paint::Dim, format!("{name:<13}")).with(Paint::Bad, text),
        name => fact(name, text),
    }));
    match (facts.kind, &facts.parent) {
        (RunKind::Rollback, Some(parent)) => lines.push(fact("takes back", parent.clone())),
        (RunKind::Unlock, Some(parent)) => lines.push(fact("from run", parent.clone())),
        _ => {}
    }
    lines.push(Line::default());
    lines
}

/// The error that ended it, and for a run whose process is gone what is not known.
fn foot(journal: &Journal, record: &RunRecord, tree: &Tree) -> Result<Vec<Line>> {
    let mut lines = draw::compared(tree);
    if let Some(error) = tree.end.as_ref().and_then(|end| end.error.as_ref()) {
        let text = error.to_string();
        lines.push(Line::default());
        lines.extend(text.lines().enumerate().map(|(number, line)| match number {
            0 => Line::default().with(Paint::Bad, "✘ ").with(Paint::Bold, line),
            _ => Line::default().with(Paint::Plain, line),
        }));
    }
    if let Some(waits) = &record.waits {
        let until = waits.until.map(|until| format!(" until {}", instant(until))).unwrap_or_default();
        let answered =
            if gate::is_open(tree) { format!("; {}", gate::how(&record.id)) } else { String::new() };
        let words = format!(": {}{until}{answered}; `playbook tick` goes on when it is time", waits.what);
        lines.extend([
            Line::default(),
            Line::default().with(Paint::Live, "… waiting").with(Paint::Plain, words),
        ]);
    }
    if record.state == State::Interrupted {
        let words = format!("its process ({}) is gone and wrote no end", record.facts.process);
        lines.extend([
            Line::default(),
            Line::default().with(Paint::Warn, "■ interrupted").with(Paint::Plain, format!(": {words}")),
        ]);
        lines.extend(tree.walk().filter_map(in_doubt));
    }
    lines.extend(ways::ways(journal, record, tree)?);
    Ok(lines)
}

/// A change that began and has no end.
fn in_doubt(node: &Node) -> Option<Line> {
    let What::Effect { call, effect, plan, .. } = &node.what else { return None };
    (node.is_running() && !effect.is_read()).then(|| {
        Line::indented(1)
            .with(Paint::Warn, "? in doubt")
            .with(Paint::Plain, format!(": {}", headline(plan, LONGEST)))
            .with(Paint::Dim, format!("  {call}"))
    })
}

/// The end of a run is never cut: what is to be done stands there.
const fn unbounded(style: Style) -> Style {
    Style { width: None, ..style }
}
