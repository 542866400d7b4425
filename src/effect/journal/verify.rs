//! Finds out whether the record of a run is as it was written, and if not, what is wrong first.

use std::fmt;

use serde_json::Value;

use super::chain::{self, ROOT};
use super::home::{Home, Row, RowEnd, RunRow};
use super::record::Facts;
use super::scripts::Scripts;
use crate::base::error::Result;

/// What became of checking one run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// The run's id; `number N` for a run of which nothing is left.
    pub run: String,
    /// How many entries it has.
    pub entries: u64,
    /// How many answers at gates are among them.
    pub answers: u64,
    /// The hash of the last one: note it elsewhere, and nobody can rewrite the run unseen.
    pub head: String,
    /// The first thing that is wrong, if anything is.
    pub fault: Option<Fault>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The entry; `None` when it is the run's own row.
    pub entry: Option<u64>,
    /// What is wrong with it.
    pub what: String,
}

impl Fault {
    pub(super) fn of_run(what: impl Into<String>) -> Self {
        Self { entry: None, what: what.into() }
    }

    fn of_entry(entry: u64, what: impl Into<String>) -> Self {
        Self { entry: Some(entry), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry} {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Checks one run, and what the run after it knows of it.
pub(super) fn one(home: &dyn Home, row: &RunRow) -> Result<Verdict> {
    let entries = home.entries(row.number, 0, None)?;
    let next = home.after(row.number)?.filter(|next| next.number == row.number + 1);
    let fault = match fault(row, &entries, next.as_ref(), true) {
        Some(fault) => Some(fault),
        None => scripts(home, row, &entries)?,
    };
    let head = entries.last().map_or_else(|| row.hash.clone(), |last| last.hash.clone());
    Ok(Verdict {
        run: row.id.clone(),
        entries: entries.len() as u64,
        answers: answers(&entries),
        head,
        fault,
    })
}

/// How many of the entries are answers at gates.
pub(super) fn answers(entries: &[Row]) -> u64 {
    entries.iter().filter(|row| row.body.starts_with("{\"event\":\"gate_answered\"")).count() as u64
}

/// Checks every run, and that none is missing; oldest first.
pub(super) fn all(home: &dyn Home) -> Result<Vec<Verdict>> {
    let (mut verdicts, mut number) = (Vec::new(), 0);
    // Asked first: a run that begins meanwhile is only more than what must be there.
    let last = home.last_number()?;
    while let Some(row) = home.after(number)? {
        verdicts.extend((number + 1..row.number).map(missing));
        number = row.number;
        verdicts.push(one(home, &row)?);
    }
    verdicts.extend((number + 1..=last).map(missing));
    Ok(verdicts)
}

fn missing(number: u64) -> Verdict {
    let fault = Fault::of_run("the run was taken out of the journal");
    Verdict {
        run: format!("number {number}"),
        entries: 0,
        answers: 0,
        head: String::new(),
        fault: Some(fault),
    }
}

/// Checks a run by itself, without what other runs know of it and without its inverses.
pub(super) fn alone(row: &RunRow, entries: &[Row]) -> Option<Fault> {
    fault(row, entries, None, false)
}

fn fault(row: &RunRow, entries: &[Row], next: Option<&RunRow>, inverses: bool) -> Option<Fault> {
    if row.number == 1 && row.previous != ROOT {
        return Some(Fault::of_run("the runs before this one were taken out of the journal"));
    }
    if chain::link(&row.previous, &row.id, 0, &row.started, &row.body) != row.hash {
        return Some(Fault::of_run("the run's row was changed"));
    }
    let mut head = &row.hash;
    for (index, entry) in entries.iter().enumerate() {
        let due = index as u64 + 1;
        if let Some(fault) = misplaced(entry.seq, due).or_else(|| unlinked(row, entries, index, head)) {
            return Some(fault);
        }
        if let Some(what) = inverse(entry).filter(|_| inverses) {
            return Some(Fault::of_entry(due, what));
        }
        head = &entry.hash;
    }
    end(row, entries, head).or_else(|| anchor(row, entries, next))
}

fn misplaced(seq: u64, due: u64) -> Option<Fault> {
    match seq {
        seq if seq > due => Some(Fault::of_entry(due, "is missing")),
        seq if seq < due => Some(Fault::of_entry(seq, "was put in")),
        _ => None,
    }
}

/// Whether the entry does not go on from `head`, and what happened to it.
fn unlinked(row: &RunRow, entries: &[Row], index: usize, head: &str) -> Option<Fault> {
    let fits = |entry: &Row, seq: u64, head: &str| {
        chain::link(head, &row.id, seq, &entry.at, &entry.body) == entry.hash
    };
    let (entry, rest) = entries.get(index..)?.split_first()?;
    if fits(entry, entry.seq, head) {
        return None;
    }
    let what = match rest.iter().find(|later| fits(later, entry.seq, head)) {
        Some(true_one) => format!("was reordered: what belongs here stands as entry {}", true_one.seq),
        None if rest.first().is_some_and(|next| fits(next, next.seq, &entry.hash)) => {
            "was changed".to_owned()
        }
        None => "was changed or put in the place of another".to_owned(),
    };
    Some(Fault::of_entry(entry.seq, what))
}

/// What is wrong with the stored inverse of an entry.
fn inverse(entry: &Row) -> Option<&'static str> {
    let names = |field: &str| entry.body.contains(field);
    let has_aside = entry.inverse.is_some() || entry.whole.is_some();
    if !has_aside && !names(super::INVERSE_HASH) && !names(super::WHOLE_HASH) {
        return None;
    }
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let promised = body.get(super::INVERSE_HASH).and_then(Value::as_str);
    match (promised, &entry.inverse) {
        (Some(promised), Some(stored)) if chain::sha256(stored) != promised => {
            Some("has an inverse that was changed")
        }
        (Some(_), None) => Some("has lost its inverse"),
        (None, Some(_)) => Some("was given an inverse that it did not have"),
        _ => whole(&body, entry),
    }
}

/// What is wrong with the whole value that is kept beside an entry.
fn whole(body: &Value, entry: &Row) -> Option<&'static str> {
    let promised = body.get(super::WHOLE_HASH).and_then(Value::as_str);
    match (promised, &entry.whole) {
        (Some(promised), Some(stored)) if chain::sha256(stored) != promised => {
            Some("has a value that was changed")
        }
        (Some(_), None) => Some("has lost its whole value"),
        (None, Some(_)) => Some("was given a value that it did not have"),
        _ => None,
    }
}

/// What is wrong with the end: entries cut off or added, or a row that tells another end than the last entry.
fn end(row: &RunRow, entries: &[Row], head: &str) -> Option<Fault> {
    let have = entries.len() as u64;
    let last: Value =
        entries.last().and_then(|last| serde_json::from_str(&last.body).ok()).unwrap_or_default();
    let has_end = last.get("event").is_some_and(|word| word == "run_ended");
    let Some(RowEnd { at, outcome, exit_code, entries: ended_with, head: ended_at }) = &row.ended else {
        return has_end.then(|| Fault::of_run("the run's row was changed: it hides that the run has ended"));
    };
    if have < *ended_with {
        let what = format!("is missing: the run ended with {ended_with} entries, and only {have} are there");
        return Some(Fault::of_entry(have + 1, what));
    }
    if have > *ended_with {
        return Some(Fault::of_entry(ended_with + 1, "was added after the run's end"));
    }
    if head != ended_at {
        return Some(Fault::of_run(
            "entries were rewritten: the last hash is not the one that the run ended with",
        ));
    }
    let same = last.get("outcome").is_some_and(|word| word == outcome.as_str())
        && last.get(super::EXIT_CODE).is_some_and(|code| *code == *exit_code)
        && entries.last().is_some_and(|last| last.at == *at);
    (!same).then(|| Fault::of_run("the run's row was changed: it tells another end than its last entry"))
}

/// The run after this one began with a hash that this one had then; when it is gone, the run was cut or rewritten.
fn anchor(row: &RunRow, entries: &[Row], next: Option<&RunRow>) -> Option<Fault> {
    let next = next?;
    let known = next.previous == row.hash || entries.iter().any(|entry| entry.hash == next.previous);
    (!known).then(|| {
        Fault::of_run(format!(
            "entries were cut off or rewritten: the run {} knows one that is not there",
            next.id
        ))
    })
}

fn scripts(home: &dyn Home, row: &RunRow, entries: &[Row]) -> Result<Option<Fault>> {
    let Ok(facts) = serde_json::from_str::<Facts>(&row.body) else {
        return Ok(Some(Fault::of_run("the run's row cannot be read")));
    };
    Scripts::of(&facts).with(entries).fault(|hash| home.script(hash))
}
