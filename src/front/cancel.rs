//! `playbook cancel`: ends a run that goes on in another terminal, as Ctrl-C does there, and tells how it ended.

use std::time::Duration;

use serde_json::json;

use super::runs::{Format, json, outcome, took};
use super::show::nothing;
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::base::text::{self, show_duration};
use crate::effect::journal::{Asked, Filter, Journal, RunRecord, State};
use crate::primitives::FAMILIES;
use crate::run::{reversed, standing};
use crate::sys::{clock, environment};

/// How often it is looked whether the run has ended.
const LOOK: Duration = Duration::from_millis(50);

/// What the command line says of cancelling.
pub struct Wanted {
    /// The run's id, part of it, or `last`.
    pub run: String,
    /// Taking back ends too.
    pub force: bool,
    /// It is not waited until the run has ended.
    pub no_wait: bool,
    /// Only how it ended is told.
    pub quiet: bool,
}

/// Cancels a run; `say` takes what people read meanwhile. `journal` is what [`Journal::find`] gave.
pub fn cancel(
    journal: Option<&Journal>,
    wanted: &Wanted,
    output: Format,
    say: &mut dyn FnMut(&str),
) -> Result<Exit> {
    let journal = journal.ok_or_else(nothing)?;
    let mut record = journal.run(&wanted.run)?;
    goes_on(journal, &record)?;
    let (id, asked) = (record.id.clone(), Asked { by: environment::person(), force: wanted.force });
    journal.ask_to_end(&record, &asked)?;
    if let (Format::Text(_), false) = (output, wanted.quiet) {
        let what = if wanted.force { "leave everything as it stands" } else { "stop" };
        let then = if wanted.no_wait {
            format!("`playbook show {id}` tells how it ends")
        } else {
            "waiting until it has ended".to_owned()
        };
        say(&format!("the run {id} was told to {what}; {then}\n"));
    }
    while !wanted.no_wait && record.state == State::Running {
        clock::rest_until(clock::instant(), LOOK);
        record = journal.run(&id)?;
    }
    let unwound = reversed::unwound(journal, &record)?;
    let (back, left): (Vec<_>, Vec<_>) = unwound.into_iter().partition(|(_, is_back)| *is_back);
    match output {
        Format::Json => {
            say(&json(&json!({ "run": record, "taken_back": back.len(), "not_taken_back": left.len() }))?);
        }
        Format::Text(_) if wanted.no_wait => {}
        Format::Text(_) => {
            let stands = standing::stands((journal, FAMILIES), &record)?;
            say(&told(&record, back.len(), &left, stands));
        }
    }
    Ok(match (record.state, record.exit_code) {
        (State::Interrupted, _) => Exit::NotTakenBack,
        (_, Some(code)) if code == Exit::NotTakenBack.code() => Exit::NotTakenBack,
        (_, Some(code)) if code == Exit::InDoubt.code() => Exit::InDoubt,
        _ => Exit::Done,
    })
}

/// Refuses a run that no process carries out.
fn goes_on(journal: &Journal, record: &RunRecord) -> Result<()> {
    let id = &record.id;
    let error = match record.state {
        State::Running => return Ok(()),
        State::Ended => Error::usage(format!("the run {id} has ended: {}", outcome(record).1)),
        State::Interrupted => Error::usage(format!("the run {id} was cut off: no process carries it out"))
            .fix(format!("go on with `playbook resume {id}`, or take it back with `playbook rollback {id}`")),
        State::Waiting => {
            Error::usage(format!("the run {id} waits, and no process carries it out meanwhile"))
                .fix(format!("take it back with `playbook rollback {id}`; `playbook resume {id}` goes on"))
        }
    };
    if error.fix.is_some() {
        return Err(error);
    }
    let open = journal.runs(&Filter { open: true, ..Filter::default() })?;
    let running: Vec<_> =
        open.iter().filter(|one| one.state == State::Running).map(|one| format!("`{}`", one.id)).collect();
    Err(match running.as_slice() {
        [] => error
            .why("no run goes on in this project")
            .fix(format!("`playbook show {id}` tells how it ended")),
        running => error.fix(format!("name one that goes on: {}", running.join(", "))),
    })
}

/// How the run ended, for people; `stands` tells whether anything that it changed is still so.
fn told(record: &RunRecord, back: usize, left: &[(String, bool)], stands: bool) -> String {
    let id = &record.id;
    let length = took(record).map(|took| format!(" after {}", show_duration(took))).unwrap_or_default();
    let code = record.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let mut lines = vec![format!("run {id}: {}{length}{code}", outcome(record).1)];
    if back > 0 {
        lines.push(format!("  {} taken back", text::count(back, "thing")));
    }
    lines.extend(left.iter().map(|(what, _)| format!("  could NOT be taken back: {what}")));
    if record.state == State::Ended && back == 0 && left.is_empty() {
        lines.push(match stands {
            true => format!(
                "  nothing was taken back; what it has done stands: `playbook rollback {id}` takes it back"
            ),
            false => "  it had changed nothing".to_owned(),
        });
    }
    lines.push(match record.state {
        State::Interrupted => {
            format!("  it was left as it stood: `playbook resume {id}` or `playbook rollback {id}`")
        }
        _ => format!("  `playbook show {id}`"),
    });
    lines.join("\n") + "\n"
}
