//! The rows of a run as the page takes them: short names, and nothing that is empty.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::front::report::rows::Row;
use crate::front::style::{Paint, class, clean};

/// A row as the page takes it.
#[derive(Serialize)]
struct Sent<'a> {
    i: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<usize>,
    /// What it is.
    k: &'a str,
    /// The class of its colour.
    c: &'a str,
    m: &'a str,
    /// Its state in words.
    s: &'a str,
    n: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    a: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    t: String,
    /// When it began, in milliseconds; of what goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<i64>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<f64>,
    /// How long it usually takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    x: Vec<String>,
}

/// A row with its number and the one in which it lies, when it began, and how long it usually takes.
pub(super) fn row(
    (id, parent): (usize, Option<usize>),
    row: &Row,
    (begun, usual): (Timestamp, Option<Duration>),
) -> String {
    let sent = Sent {
        i: id,
        p: parent,
        k: row.kind,
        c: class(row.paint),
        m: row.mark,
        s: row.state,
        n: clean(&row.name),
        a: clean(&row.actual),
        t: clean(&row.target),
        b: row.took.is_none().then(|| begun.as_millisecond()),
        e: row.took.map(millis),
        u: usual.map(millis),
        x: row.notes.iter().map(|note| clean(note)).collect(),
    };
    serde_json::to_string(&sent).unwrap_or_default()
}

/// The row under which things are taken back.
pub(super) fn heading(name: &str) -> Row {
    Row {
        depth: 0,
        position: String::new(),
        kind: "undo",
        paint: Paint::Warn,
        mark: "↩",
        state: "",
        name: name.trim_end_matches(": ").to_owned(),
        actual: String::new(),
        target: String::new(),
        took: None,
        notes: Vec::new(),
    }
}

/// Milliseconds to a tenth.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}
