//! Slips in the forms of the language that the parser can only tell by what came instead: a step without a name, a
//! rollback without a step, a check without its comma.

use rhai::ParseErrorType;

use super::brackets;
use crate::base::error::Error;
use crate::base::place::Place;
use crate::script::words;

/// How each form is written.
const WRITTEN: &[(&str, &str)] = &[
    ("step", "step \"NAME\" { … }"),
    ("retry", "retry 5 every \"2s\" { … }"),
    ("check", "check \"NAME\", CONDITION;"),
    ("metric", "metric \"NAME\", ACTUAL < TARGET;"),
];

/// Words of other languages, and what is written here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("not", "write `!`"),
    ("then", "leave it out: the block follows the condition"),
    ("elif", "write `else if`"),
    ("elsif", "write `else if`"),
    ("elseif", "write `else if`"),
    ("finally", "there is none: what has to happen in any case stands behind the `try`"),
    ("except", "write `catch (error) { … }`"),
];

/// How a form is written.
pub(super) fn written(word: &str) -> Option<&'static str> {
    WRITTEN.iter().find(|(have, _)| *have == word).map(|(_, written)| *written)
}

/// The complaint as one about a form, where it is one; `found` is where the parser stood.
pub(super) fn of_form(kind: &ParseErrorType, found: &Place, (name, text): (&str, &str)) -> Option<Error> {
    let ParseErrorType::MissingToken(token, why) = kind else { return None };
    let before = up_to(text, found)?;
    if let Some(error) = elsewhere(before, (name, text)) {
        return Some(error);
    }
    match token.as_str() {
        ";" => return lone_rollback(before, (name, text)),
        ")" => return in_brackets(before, (name, text)),
        _ => {}
    }
    let bare = |word: &str, error: Error| {
        let at = bare(word, before, text)?;
        Some(error.at(Place { width: word.len(), ..Place::of_offset(name, text, at) }))
    };
    let step = Error::usage("this step has no name");
    let retry = Error::usage("this `retry` does not say how often");
    let told = match token.as_str() {
        "{" => bare("step", step.fix("say what it does: `step \"Back up the database\" { … }`")),
        "every" => bare("retry", retry.fix("write `retry 5 every \"2s\" { … }`")),
        _ => None,
    };
    if told.is_some() {
        return told;
    }
    let (word, written) = WRITTEN.iter().find(|(word, _)| {
        words::keyword(word).is_some_and(|keyword| why.contains(&format!("'{keyword}'")))
    })?;
    Some(
        Error::usage(format!("`{token}` is missing in this `{word}`"))
            .fix(format!("write `{written}`"))
            .at(found.clone()),
    )
}

/// A word of another language, which the parser has just read or stands before.
fn elsewhere(before: &str, (name, text): (&str, &str)) -> Option<Error> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let rest = &text[before.len()..];
    let ahead = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
    let read = before.trim_end();
    let from = read
        .rfind(|letter| !is_part(letter))
        .map_or(0, |at| at + read[at..].chars().next().map_or(1, char::len_utf8));
    let told = |word: &str, at: usize| {
        // Whoever calls a variable so has another slip.
        let is_variable = ["let", "const"].iter().any(|kind| text.contains(&format!("{kind} {word}")));
        let (_, instead) = ELSEWHERE.iter().find(|(have, _)| *have == word && !is_variable)?;
        let place = Place { width: word.len(), ..Place::of_offset(name, text, at) };
        Some(Error::usage(format!("`{word}` is no word of the language")).fix(*instead).at(place))
    };
    told(ahead, before.len()).or_else(|| told(&read[from..], from))
}

/// A form that is written like a call: `check("rows", rows == 3)`.
fn in_brackets(before: &str, (name, text): (&str, &str)) -> Option<Error> {
    let (open, bracket) = brackets::unclosed(before)?;
    let head = before[..open].trim_end();
    let (word, written) = WRITTEN.iter().find(|(word, _)| {
        let rest = head.strip_suffix(word);
        rest.is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
    })?;
    (bracket == '(').then(|| {
        Error::usage(format!("`{word}` is written without brackets"))
            .fix(format!("write `{written}`"))
            .at(Place { width: word.len(), ..Place::of_offset(name, text, head.len() - word.len()) })
    })
}

/// The text before a place.
fn up_to<'t>(text: &'t str, found: &Place) -> Option<&'t str> {
    let lines: usize = text.split_inclusive('\n').take(found.line.checked_sub(1)?).map(str::len).sum();
    let line = text.get(lines..)?.split('\n').next()?;
    let within = line.char_indices().nth(found.column.checked_sub(1)?).map_or(line.len(), |(at, _)| at);
    text.get(..lines + within)
}

/// Where the last `word` before a place is followed by its block at once.
fn bare(word: &str, before: &str, text: &str) -> Option<usize> {
    let at = before.rfind(word)?;
    let is_word = !before[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    let is_bare = text[at + word.len()..].trim_start().starts_with('{');
    (is_word && is_bare).then_some(at)
}

/// A `rollback` where a statement begins.
fn lone_rollback(before: &str, (name, text): (&str, &str)) -> Option<Error> {
    let at = before.trim_end().strip_suffix("rollback").map(str::len)?;
    let is_block = text[before.trim_end().len()..].trim_start().starts_with('{');
    let is_begin = before[..at].ends_with([' ', '\t', '\n', ';', '{', '}']) || at == 0;
    (is_block && is_begin).then(|| {
        Error::usage("this `rollback` belongs to no step")
            .fix("write it right behind the block of its step: `step \"NAME\" { … } rollback { … }`")
            .at(Place { width: "rollback".len(), ..Place::of_offset(name, text, at) })
    })
}
