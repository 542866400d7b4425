//! Syntax errors of TOML in words that say what to do.

use toml::de::Error as Wrong;

use super::Document;
use crate::base::error::Error;

/// How the parser's message begins, what we say, and what to do about it.
const WORDS: &[(&str, &str, &str)] = &[
    ("string values must be quoted", "a value is not quoted", "put the value in double quotes"),
    ("duplicate key", "this key or table stands here for the second time", "keep one of the two"),
    ("key with no value", "a key has no value", "write KEY = VALUE"),
    ("unclosed table", "the `[` of a table is not closed", "close it with `]`"),
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

/// Notes the syntax errors: one for each line, because the parser stumbles on after the first.
pub(super) fn report(document: &Document<'_>, wrong: Vec<Wrong>) {
    let mut lines = Vec::new();
    for error in wrong {
        let span = error.span().unwrap_or_default();
        let line = document.line(&span);
        if lines.contains(&line) {
            continue;
        }
        lines.push(line);
        document.refuse(&span, translate(error.message()));
    }
}

fn translate(message: &str) -> Error {
    let known = WORDS.iter().find(|(begins, ..)| message.starts_with(begins));
    known.map_or_else(
        || Error::usage(message.replace(", expected ", "; expected ")),
        |(_, what, fix)| Error::usage(*what).fix(*fix),
    )
}
