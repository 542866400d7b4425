//! The report as one JSON document, for machines.

use serde_json::{Value, json};

use super::rows::{self, Row};
use super::{Report, signoff};
use crate::base::event::Event;
use crate::front::summary::checklist;
use crate::front::timeline::{Kind, since};
use crate::run::reversed;

/// The whole document.
pub(super) fn value(report: &Report) -> Value {
    let (.., words) = report.outcome();
    let slowest = checklist::by_length(&report.tree);
    json!({
        "title": report.title(),
        "state": words,
        "run": report.record,
        "checklist": report.checklist().iter().map(row).collect::<Vec<_>>(),
        "error": report.tree.end.as_ref().and_then(|end| end.error.as_ref()),
        "taken_back": rows::taken_back(&report.tree).iter().map(row).collect::<Vec<_>>(),
        "taken_back_by": report.reversals.iter().filter(|by| !reversed::is_refused(&by.record)).map(|by| &by.record.id).collect::<Vec<_>>(),
        "reversals": report.reversals.iter().map(|by| json!({
            "run": by.record.id, "state": by.words(), "refused": reversed::is_refused(&by.record),
            "taken_back": rows::taken_back(&by.tree).iter().map(row).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "times": times(report),
        "slowest": slowest.iter().take(3).map(|(name, took)| json!({ "name": name, "took": millis(*took) })).collect::<Vec<_>>(),
        "plan": plan(report),
        "sign_off": signatures(report),
        "verified": report.verdict,
        "made": report.made,
    })
}

fn row(row: &Row) -> Value {
    let mut value = json!({ "kind": row.kind, "position": row.position, "depth": row.depth, "name": row.name, "state": row.state });
    for (name, text) in [("actual", &row.actual), ("target", &row.target)] {
        if !text.is_empty() {
            value[name] = json!(text);
        }
    }
    if let Some(took) = row.took {
        value["took"] = json!(millis(took));
    }
    if !row.notes.is_empty() {
        value["notes"] = json!(row.notes);
    }
    value
}

fn times(report: &Report) -> Vec<Value> {
    let began = report.timeline.began.unwrap_or(report.made);
    let word = |kind| match kind {
        Kind::Step => "step",
        Kind::Call => "call",
        Kind::Gate => "gate",
        Kind::Wait => "wait",
        Kind::Undo => "undo",
    };
    let bars = report.timeline.bars.iter();
    bars.map(|bar| {
        json!({
            "kind": word(bar.kind),
            "position": bar.position,
            "name": bar.name,
            "began": bar.from,
            "after": millis(since(began, bar.from)),
            "took": millis(bar.took(report.made)),
            "outcome": bar.outcome,
        })
    })
    .collect()
}

fn plan(report: &Report) -> Option<Value> {
    let Some(Event::PlanCompared {
        plan,
        planned,
        as_planned,
        unplanned,
        differences,
        accuracy,
        usual,
        runs,
    }) = &report.compared
    else {
        return None;
    };
    Some(json!({
        "hash": plan, "planned": planned, "as_planned": as_planned, "unplanned": unplanned,
        "differences": differences, "accuracy": accuracy, "usual": usual, "runs": runs,
    }))
}

fn signatures(report: &Report) -> Vec<Value> {
    let filled = signoff::signatures(report).into_iter().filter(|line| !line.name.is_empty());
    filled
        .map(|line| {
            json!({ "role": line.role, "name": line.name, "decision": line.decision, "at": line.at, "proof": line.proof })
        })
        .collect()
}

/// Milliseconds with fractions to the microsecond.
fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
