//! `playbook runs`: the runs of a project, newest first, one line each.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::style::{Line, Paint, Style};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};
use crate::effect::journal::{Filter, Journal, RunKind, RunRecord, State};
use crate::run::reversed;
use crate::sys::clock;

/// For whom the record is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// For people.
    Text(Style),
    /// For machines: one JSON document.
    Json,
}

/// The widest a column gets before its text is cut.
const WIDEST: usize = 40;
/// Two spaces between columns.
const GAP: usize = 2;

/// The runs that `filter` means; `journal` is what [`Journal::find`] gave.
pub fn runs(journal: Option<&Journal>, filter: &Filter, output: Format) -> Result<String> {
    let records = journal.map(|journal| journal.runs(filter)).transpose()?.unwrap_or_default();
    let afterwards = journal.map(|journal| afterwards(journal, &records)).transpose()?.unwrap_or_default();
    match output {
        Format::Json => {
            let each = records.iter().zip(&afterwards).map(|(record, back)| machine(record, back.as_ref()));
            json(&each.collect::<Vec<_>>())
        }
        Format::Text(_) if records.is_empty() => Ok("no runs yet\n".to_owned()),
        Format::Text(style) => Ok(table(&records, &afterwards, style)),
    }
}

/// A value as a JSON document for people's eyes and machines alike.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|why| Error::bug("the record cannot be written as JSON").why(why.to_string()))
}

/// The run that took one back, and whether it took back all.
type Back = (RunRecord, bool);

/// What became of each afterwards. The run that took one back is the newer one, so a list of the newest has it where it has
/// the other.
fn afterwards(journal: &Journal, records: &[RunRecord]) -> Result<Vec<Option<Back>>> {
    let mut by_run: HashMap<&str, Vec<&RunRecord>> = HashMap::new();
    for by in records.iter().filter(|by| by.facts.kind == RunKind::Rollback) {
        by_run.entry(by.facts.parent.as_deref().unwrap_or_default()).or_default().push(by);
    }
    let found = |record: &RunRecord| {
        by_run.get(record.id.as_str()).map_or(Ok(None), |by| reversed::best(journal, by))
    };
    records.iter().map(found).collect()
}

/// The columns that a narrow terminal does without, the first to go first: an id tells when its run began.
const SPARED: [usize; 5] = [WHEN, 7, 4, 3, 6];
const WHEN: usize = 1;
/// The columns whose text may be cut, and how much of it stays.
const CUT: [usize; 3] = [2, 3, 4];
const SHORT: usize = 20;
const SHORTEST: usize = 8;

type Row = [(Paint, String); 8];

fn table(records: &[RunRecord], afterwards: &[Option<Back>], style: Style) -> String {
    let heads = ["run", "when", "playbook", "environment", "person", "outcome", "took", "steps"];
    let mut rows: Vec<Row> = vec![heads.map(|head| (Paint::Dim, head.to_owned()))];
    rows.extend(records.iter().zip(afterwards).map(|(record, back)| row(record, back.as_ref())));
    let widths = fit(&mut rows, style.width.unwrap_or(usize::MAX));
    let draw = |row: &Row| {
        let mut end = 0;
        let line = row.iter().zip(widths).fold(Line::default(), |line, ((paint, text), width)| {
            if width == 0 {
                return line;
            }
            let line = line.padded(end).with(*paint, text);
            end += width;
            line
        });
        line.show(style) + "\n"
    };
    let lines: String = rows.iter().map(draw).collect();
    let whole = Style { width: None, ..style };
    let waiting: String = records.iter().filter_map(waits).map(|line| line.show(whole) + "\n").collect();
    if waiting.is_empty() { lines } else { format!("{lines}\n{waiting}") }
}

/// How wide each column is, with the gap behind it.
fn widths(rows: &[Row]) -> [usize; 8] {
    std::array::from_fn(|column| {
        let texts = rows.iter().filter_map(|row| row.get(column));
        texts.map(|(_, text)| text.chars().count()).max().unwrap_or(0) + GAP
    })
}

/// Shortens texts, then leaves columns out, until no line is longer than `width`; a column left out is 0 wide.
fn fit(rows: &mut [Row], width: usize) -> [usize; 8] {
    let over = |widths: &[usize; 8]| (widths.iter().sum::<usize>() - GAP).saturating_sub(width);
    if over(&widths(rows)) > 0 {
        CUT.into_iter().for_each(|column| shorten(rows, column, SHORT));
    }
    let mut widths = widths(rows);
    for column in SPARED {
        if over(&widths) > 0 {
            widths[column] = 0;
        }
    }
    let (column, over) = (CUT[0], over(&widths));
    if over > 0 {
        let most = (widths[column] - GAP).saturating_sub(over).max(SHORTEST);
        shorten(rows, column, most);
        widths[column] = widths[column].min(most + GAP);
    }
    widths
}

fn shorten(rows: &mut [Row], column: usize, most: usize) {
    for row in rows {
        row[column].1 = headline(&row[column].1, most);
    }
}

/// What a run waits for, and whether that is due.
fn waits(record: &RunRecord) -> Option<Line> {
    let waits = record.waits.as_ref()?;
    let line = Line::default().with(Paint::Bold, &record.id).with(Paint::Plain, format!("  {}", waits.what));
    Some(match waits.until {
        Some(until) if until <= clock::now() => {
            line.with(Paint::Warn, format!("  due since {}: `playbook tick` goes on", instant(until)))
        }
        Some(until) => line.with(Paint::Dim, format!("  until {}", instant(until))),
        None => line,
    })
}

/// The record, and which run took it back.
fn machine(record: &RunRecord, back: Option<&Back>) -> serde_json::Value {
    let mut value = serde_json::json!(record);
    if let Some((by, whole)) = back {
        value[if *whole { "taken_back_by" } else { "partly_taken_back_by" }] = by.id.as_str().into();
    }
    if reversed::is_refused(record) {
        value["refused"] = true.into();
    }
    value
}

fn row(record: &RunRecord, back: Option<&Back>) -> Row {
    let (paint, ended) = match (outcome(record), back) {
        ((_, ended), Some((_, whole))) => (Paint::Warn, format!("{ended}, {}", later(record, *whole))),
        ((paint, ended), None) => (paint, ended.to_owned()),
    };
    [
        (Paint::Bold, record.id.clone()),
        (Paint::Plain, when(record)),
        (Paint::Plain, headline(&playbook(record), WIDEST)),
        (Paint::Plain, headline(&record.facts.environment, WIDEST)),
        (Paint::Plain, headline(&record.facts.person, WIDEST)),
        (paint, ended),
        (Paint::Plain, took(record).map(show_duration).unwrap_or_default()),
        (Paint::Plain, record.steps.to_string()),
    ]
}

fn playbook(record: &RunRecord) -> String {
    match record.facts.kind {
        RunKind::Exec => record.facts.playbook.clone(),
        RunKind::Unlock => record.facts.title.clone(),
        RunKind::Rollback => format!("{} (rollback)", record.facts.playbook),
    }
}

/// When it began, to the second, in UTC like its id.
pub(super) fn when(record: &RunRecord) -> String {
    instant(record.started)
}

/// An instant to the second, in UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What became of a run that a later one took back as a `whole`, or a part of it, behind how it ended.
pub(super) fn later(record: &RunRecord, whole: bool) -> &'static str {
    match (record.outcome == Some(Outcome::NotTakenBack), whole) {
        (true, true) => "the rest taken back later",
        (true, false) => "more taken back later",
        (false, true) => "taken back",
        (false, false) => "partly taken back",
    }
}

/// How it ended or stands, in words.
pub(super) fn outcome(record: &RunRecord) -> (Paint, &'static str) {
    match (record.state, record.outcome) {
        (State::Running, _) => (Paint::Live, "running"),
        (State::Waiting, _) => (Paint::Live, "waiting"),
        (State::Interrupted, _) => (Paint::Warn, "interrupted"),
        (State::Ended, Some(Outcome::Failed)) if reversed::is_refused(record) => (Paint::Warn, "refused"),
        (State::Ended, Some(Outcome::Done)) => (Paint::Good, Outcome::Done.words()),
        (State::Ended, Some(outcome @ (Outcome::TakenBack | Outcome::InDoubt | Outcome::Cancelled))) => {
            (Paint::Warn, outcome.words())
        }
        (State::Ended, Some(outcome)) => (Paint::Bad, outcome.words()),
        (State::Ended, None) => (Paint::Warn, "ended"),
    }
}

/// How long it took, or has taken so far; nobody knows when an interrupted one ended.
pub(super) fn took(record: &RunRecord) -> Option<Duration> {
    let until = match record.state {
        State::Ended => record.ended?,
        State::Running | State::Waiting => clock::now(),
        State::Interrupted => return None,
    };
    Duration::try_from(until.duration_since(record.started)).ok()
}
