//! `playbook locks` and `unlock`: who holds what, and taking it away for a reason.

use std::time::Duration;

use serde_json::json;

use super::draw;
use super::runs::{Format, json};
use super::style::{Line, Paint, Style};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::journal::{Holding, Journal, Lease, expectation};
use crate::sys::{clock, environment};

/// How long `--wait` means to wait; its value may be left out.
pub fn patience(given: Option<&str>) -> Result<Option<Duration>> {
    match given {
        None => Ok(None),
        Some("forever") => Ok(Some(Duration::MAX)),
        Some(text) => text::parse_duration(text).map(Some),
    }
}

/// The locks that are held; `journal` is what [`Journal::find`] gave.
pub fn locks(journal: Option<&Journal>, output: Format) -> Result<String> {
    let held = journal.map(Journal::leases).transpose()?.unwrap_or_default();
    match output {
        Format::Json => {
            let each = |(lease, holding): &(Lease, Holding)| json!({ "lock": lease, "holding": holding });
            json(&held.iter().map(each).collect::<Vec<_>>())
        }
        Format::Text(_) if held.is_empty() => Ok("no lock is held\n".to_owned()),
        Format::Text(style) => {
            let lines: Vec<Line> = held.iter().flat_map(|(lease, holding)| block(lease, *holding)).collect();
            Ok(draw::text(&lines, Style { width: None, ..style }))
        }
    }
}

fn block(lease: &Lease, holding: Holding) -> Vec<Line> {
    let (paint, words) = match holding {
        Holding::Alive => (Paint::Live, "held"),
        Holding::Waiting => (Paint::Live, "kept: its run waits"),
        Holding::Dead => (Paint::Warn, "kept: its run was cut off"),
        Holding::Free => (Paint::Dim, "left: the next run takes it over"),
    };
    let first = Line::default()
        .with(Paint::Bold, &lease.name)
        .with(Paint::Plain, format!("  {}  ", lease.environment))
        .with(paint, words)
        .with(Paint::Plain, format!("  run {} of {}", lease.run, lease.person));
    let mut facts = vec![format!("since {}", lease.taken.strftime("%F %T UTC"))];
    facts.extend(lease.step.as_ref().map(|step| format!("in the step “{step}”")));
    if holding == Holding::Waiting {
        facts.push("`playbook runs` shows what for".to_owned());
    } else {
        facts.push(lease.holder.clone());
    }
    match (holding, lease.expected) {
        (Holding::Waiting, _) => {}
        (Holding::Alive, Some(expected)) => facts.push(expectation(expected, clock::now())),
        (Holding::Alive, None) => {}
        _ => facts.push(format!("last sign of life {}", lease.heartbeat.strftime("%F %T UTC"))),
    }
    let mut lines = vec![first, Line::indented(1).with(Paint::Dim, facts.join(", "))];
    if holding == Holding::Dead {
        let (run, fix) = (&lease.run, Line::indented(1).with(Paint::Plain, "go on with "));
        lines.push(
            fix.with(Paint::Bold, format!("playbook resume {run}"))
                .with(Paint::Plain, ", or take it back with ")
                .with(Paint::Bold, format!("playbook rollback {run}")),
        );
    }
    lines
}

/// Takes a lock away for `reason`; without one it only says who holds it and what to do. `journal` is what
/// [`Journal::find`] gave.
pub fn unlock(
    journal: Option<&Journal>,
    wanted: (&str, Option<&str>),
    reason: Option<&str>,
    output: Format,
) -> Result<String> {
    let none = || Error::missing(format!("the lock `{}` is not held", wanted.0)).fix("see `playbook locks`");
    let journal = journal.ok_or_else(none)?;
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else {
        return Err(journal.why_held(&journal.lease(wanted)?)?);
    };
    let lease = journal.unlock(wanted, &environment::person(), reason)?;
    match output {
        Format::Json => json(&lease),
        Format::Text(_) => Ok(format!(
            "the lock `{}` of `{}` was taken from run {} of {}, and the reason recorded\n",
            lease.name, lease.environment, lease.run, lease.person
        )),
    }
}
