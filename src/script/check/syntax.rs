//! The parser's one complaint, in words that say where the slip is and what to write.

use rhai::{ParseError, ParseErrorType, Position};

use super::{brackets, slips, wording};
use crate::base::error::Error;
use crate::base::place::Place;
use crate::base::suggest;
use crate::script::words;

/// Words that a statement begins with, next to those of our forms.
const BEGINNINGS: &[&str] = &[
    "let", "const", "fn", "if", "for", "while", "loop", "switch", "return", "throw", "import", "export",
    "try", "rollback",
];

/// The complaint about the file `name`, whose text is `text`, as an error of ours.
pub(super) fn explain(error: &ParseError, name: &str, text: &str) -> Error {
    let at = |position: Position| {
        Place::new(name, position.line().unwrap_or(0), position.position().unwrap_or(0)).within(text)
    };
    let found = at(error.1);
    if let Some((offset, bracket)) = unclosed(&error.0, &found, text) {
        let closing = match bracket {
            '{' => "}",
            '(' => ")",
            '[' => "]",
            _ => "`",
        };
        return Error::usage(format!("this `{bracket}` is never closed"))
            .fix(format!("put `{closing}` where it should end"))
            .at(Place::of_offset(name, text, offset));
    }
    if let Some(told) = slips::of_form(&error.0, &found, (name, text)) {
        return told;
    }
    if matches!(&*error.0, ParseErrorType::MissingToken(token, _) if token == ";") {
        if let Some(word) = foreign(&found) {
            return Error::usage(format!("`{word}` is no word of the language"))
                .fix(format!("write `fn` in place of `{word}`"))
                .at(first_word(found, word));
        }
        if let Some((slip, meant)) = misspelt(&found) {
            return Error::usage(format!("`{}` is no word of the language", slip.0))
                .fix(format!("did you mean `{meant}`?"))
                .at(Place { column: slip.1, width: slip.0.chars().count(), ..found.clone() });
        }
        let place = end_before(name, text, &found);
        return Error::usage("there is no `;` after this statement").fix("put `;` there").at(place);
    }
    let mut told = wording::told(&error.0);
    told.what = words::as_written(&told.what);
    told.why = told.why.as_deref().map(words::as_written);
    told.at(found)
}

/// The bracket to blame where the parser came to the end of the text or of a statement.
fn unclosed(kind: &ParseErrorType, found: &Place, text: &str) -> Option<(usize, char)> {
    let wants = match kind {
        ParseErrorType::MissingToken(token, _) => matches!(token.as_str(), "}" | ")" | "]" | ","),
        ParseErrorType::UnexpectedEOF => true,
        _ => false,
    };
    let line = text.split_inclusive('\n').nth(found.line.wrapping_sub(1)).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(found.line.saturating_sub(1)).map(str::len).sum();
    let within = line.char_indices().nth(found.column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let (before, rest) = text.split_at_checked(before + within)?;
    let is_end = rest.trim().is_empty() || rest.starts_with(';');
    (wants && is_end).then(|| brackets::unclosed(before)).flatten()
}

/// A function of another language: `function f() {}`, `def f()`.
fn foreign(found: &Place) -> Option<&'static str> {
    let line = found.source.as_deref()?.trim_start();
    ["function", "def", "func"]
        .into_iter()
        .find(|word| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
}

/// A word at the beginning of a statement that is nearly one of ours, with its column, and which one.
fn misspelt(found: &Place) -> Option<((String, usize), &'static str)> {
    let line: Vec<char> = found.source.as_deref()?.chars().collect();
    let end =
        line[..found.column.checked_sub(1)?.min(line.len())].iter().rposition(|c| !c.is_whitespace())? + 1;
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    let begin = line[..end].iter().rposition(|c| !is_part(c)).map_or(0, |before| before + 1);
    let before = line[..begin].iter().rev().find(|c| !c.is_whitespace());
    if before.is_some_and(|c| !matches!(c, '{' | '}' | ';')) {
        return None;
    }
    let word: String = line[begin..end].iter().collect();
    let meant = suggest::nearest(
        &word,
        BEGINNINGS.iter().copied().chain(words::FORMS.iter().map(|(word, _)| *word)),
    )?;
    Some(((word, begin + 1), meant))
}

/// The place of the first word of the line of `found`.
fn first_word(found: Place, word: &str) -> Place {
    let indent =
        found.source.as_deref().map_or(0, |line| line.chars().take_while(|c| c.is_whitespace()).count());
    Place { column: indent + 1, width: word.len(), ..found }
}

/// The end of the last code before a place: the parser names the word that came where a `;` should be.
fn end_before(name: &str, text: &str, found: &Place) -> Place {
    let line = |number: usize| text.lines().nth(number.wrapping_sub(1)).unwrap_or_default();
    let before: String = line(found.line).chars().take(found.column.saturating_sub(1)).collect();
    let mut number = found.line;
    let mut code = before.trim_end().to_owned();
    while code.trim().is_empty() && number > 1 {
        number -= 1;
        code = without_comment(line(number)).trim_end().to_owned();
    }
    if code.trim().is_empty() {
        return found.clone();
    }
    Place::new(name, number, code.chars().count() + 1).within(text)
}

/// A line without its comment, where it has one outside a text.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(open), letter) if open == letter => quote = None,
            (None, '"' | '`' | '\'') => quote = Some(letter),
            (None, '/') if letters.peek().is_some_and(|(_, next)| *next == '/') => return &line[..at],
            _ => {}
        }
    }
    line
}
