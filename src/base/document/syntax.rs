//! Syntax errors of TOML in words that say what to do.

use std::ops::Range;

use toml::de::Error as Wrong;

use super::Document;
use crate::base::error::Error;

/// How the parser says that something stands twice.
const TWICE: &str = "duplicate key";

/// How the parser's message begins, what we say, and what to do about it.
const WORDS: &[(&str, &str, &str)] = &[
    ("string values must be quoted", "a value is not quoted", "put the value in double quotes"),
    ("key with no value", "a key has no value", "write KEY = VALUE"),
    ("unclosed table", "the `[` of a table is not closed", "close it with `]`"),
    ("unclosed array", "the `[` of a list is not closed", "close it with `]`"),
    ("unclosed inline table", "the `{` of a table is not closed", "close it with `}`"),
    ("missing comma", "a comma is missing", "put a comma between the two"),
    ("extra assignment", "a comma is missing", "put a comma between the two"),
    ("invalid basic string", "the string is not closed on its line", "close it with `\"`"),
    ("invalid literal string", "the string is not closed on its line", "close it with `'`"),
    (
        "missing escaped value",
        "`\\` begins no known escape",
        "write `\\\\` for a backslash, or use 'single quotes'",
    ),
];

/// Whether an error leaves the meaning of the rest clear.
pub(super) fn is_harmless(error: &Wrong) -> bool {
    error.message().starts_with(TWICE)
}

/// Notes the syntax errors: one for each line, because the parser stumbles on after the first.
pub(super) fn report(document: &Document<'_>, wrong: Vec<Wrong>) {
    let mut lines: Vec<usize> = Vec::new();
    for error in wrong {
        let span = error.span().unwrap_or_default();
        let line = document.line(&span);
        let is_inside = is_harmless(&error)
            && header_of(document.text, line).is_some_and(|header| lines.contains(&header));
        if lines.contains(&line) || is_inside {
            continue;
        }
        lines.push(line);
        match is_harmless(&error) {
            true => document.refuse(&span, twice(document.text, &span, line)),
            false => document.refuse(&span, translate(error.message())),
        }
    }
}

fn translate(message: &str) -> Error {
    let known = WORDS.iter().find(|(begins, ..)| message.starts_with(begins));
    known.map_or_else(
        || Error::usage(message.replace(", expected ", "; expected ")),
        |(_, what, fix)| Error::usage(*what).fix(*fix),
    )
}

/// What stands at `span`, on `line`, stands somewhere above too.
fn twice(text: &str, span: &Range<usize>, line: usize) -> Error {
    let name = text.get(span.clone()).unwrap_or_default();
    let bare = text.lines().nth(line - 1).unwrap_or_default().trim();
    let is_table = bare.starts_with('[');
    let from = if is_table { 0 } else { header_of(text, line).unwrap_or_default() };
    let mut above =
        text.lines().take(line - 1).enumerate().skip(from).map(|(index, line)| (index + 1, line.trim()));
    let is_same = |line: &str| match is_table {
        true => line == bare,
        false => line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('=')),
    };
    let what =
        if is_table { format!("the table {bare} stands twice") } else { format!("`{name}` stands twice") };
    match above.find(|(_, line)| is_same(line)) {
        Some((first, _)) => {
            Error::usage(what).fix(format!("keep one of the two; the first is on line {first}"))
        }
        None => Error::usage(what).fix("keep one of the two"),
    }
}

/// The line of the `[table]` that a line stands in.
fn header_of(text: &str, line: usize) -> Option<usize> {
    let mut above = text.lines().take(line).enumerate().collect::<Vec<_>>().into_iter().rev();
    above.find(|(_, line)| line.trim_start().starts_with('[')).map(|(index, _)| index + 1)
}
