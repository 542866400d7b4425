//! The parser's one complaint, in words that say where the slip is and what to write.

use rhai::{LexError, ParseError, ParseErrorType, Position};

use super::brackets;
use crate::base::error::{Error, Kind};
use crate::base::place::Place;
use crate::script::words;

/// What a reserved word of other languages is here.
const INSTEAD: &[(&str, &str)] = &[
    ("var", "write `let` to declare a variable"),
    ("match", "write `switch value { 1 => …, _ => … }`"),
    ("case", "write `switch value { 1 => …, _ => … }`"),
    ("async", "effects wait by themselves; `parallel([…])` runs several at once"),
    ("await", "effects wait by themselves; `parallel([…])` runs several at once"),
    ("null", "write `()` for nothing"),
    ("nil", "write `()` for nothing"),
    ("eval", "a playbook cannot make code while it runs: declare a function"),
    ("++", "write `+= 1`"),
    ("--", "write `-= 1`"),
    ("===", "write `==`"),
    ("!==", "write `!=`"),
    ("->", "write `=>` in a `switch`; a function declares no type"),
    ("?", "write `if condition { one } else { other }`"),
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
    if matches!(&*error.0, ParseErrorType::MissingToken(token, _) if token == ";") {
        if let Some(word) = foreign(&found) {
            return Error::usage(format!("`{word}` is no word of the language"))
                .fix(format!("write `fn` in place of `{word}`"))
                .at(first_word(found, word));
        }
        let place = end_before(name, text, &found);
        return Error::usage("there is no `;` after this statement").fix("put `;` there").at(place);
    }
    let mut told = told(&error.0);
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

fn told(kind: &ParseErrorType) -> Error {
    let instead = |word: &str| INSTEAD.iter().find(|(have, _)| *have == word).map(|(_, instead)| *instead);
    match kind {
        ParseErrorType::ExprTooDeep => Error::new(Kind::Limit, "an expression nests too deeply")
            .fix("give its parts names with `let`; the bound is `expression_depth` in [env.NAME.limits] of playbook.toml"),
        ParseErrorType::Reserved(word) => Error::usage(format!("`{word}` is a reserved word"))
            .fix(instead(word).unwrap_or("choose another name")),
        ParseErrorType::UnknownOperator(sign) => Error::usage(format!("`{sign}` is no operator"))
            .fix(instead(sign).unwrap_or("write it with the operators of the language")),
        ParseErrorType::VariableExpected => Error::usage("a name is expected here, and this cannot be one")
            .fix("begin a name with a letter or `_`, and take no word of the language"),
        ParseErrorType::BadInput(error) => lexical(error, instead),
        ParseErrorType::MissingToken(token, why) => {
            Error::usage(format!("`{token}` is missing here")).why(why).fix(format!("put `{token}` there"))
        }
        ParseErrorType::WrongFnDefinition => Error::usage("a function is declared inside a block")
            .fix("move it out, to the level of the file; a closure `|x| …` may stand here"),
        ParseErrorType::LoopBreak => Error::usage("there is no loop here to break").fix("write `return` to leave a function"),
        ParseErrorType::AssignmentToConstant(name) => Error::usage(format!("the constant `{name}` is given another value"))
            .fix("declare it with `let`"),
        ParseErrorType::FnDuplicatedDefinition(name, count) => {
            Error::usage(format!("there are two functions `{name}` with {count} values")).fix("rename one of them")
        }
        ParseErrorType::DuplicatedProperty(name) => {
            Error::usage(format!("the map has `{name}` twice")).fix("keep one of the two")
        }
        ParseErrorType::PropertyExpected => Error::usage("the name of a property or method is expected after the dot")
            .fix("write it, or take the dot away"),
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_lowercase().collect::<String>()).unwrap_or_default();
            Error::usage(format!("syntax: {first}{}", letters.as_str()))
        }
    }
}

fn lexical(error: &LexError, instead: impl Fn(&str) -> Option<&'static str>) -> Error {
    match error {
        LexError::UnterminatedString => Error::usage("this text does not end")
            .fix("put the closing quote; a text of several lines stands in backquotes"),
        LexError::UnexpectedInput(token) => {
            Error::usage(format!("`{token}` does not belong here")).fix(match token.as_str() {
                "}" | ")" | "]" => "take it away, or add the bracket that it closes",
                token => instead(token).unwrap_or("complete what stands before it, or take it away"),
            })
        }
        LexError::ImproperSymbol(sign, _) if sign == "=" => {
            Error::usage("`=` gives a value, and here one is compared").fix("write `==`")
        }
        LexError::ImproperSymbol(sign, why) => Error::usage(format!("`{sign}` is no symbol of the language"))
            .why(why)
            .fix(instead(sign).unwrap_or("take it away")),
        LexError::MalformedChar(text) => {
            Error::usage(format!("'{text}' is no single letter")).fix("write a text in double quotes")
        }
        LexError::MalformedEscapeSequence(text) => Error::usage(format!("`{text}` is no escape sequence"))
            .fix("write `\\\\` for a backslash, or the text in backquotes"),
        other => Error::usage(format!("syntax: {other}")),
    }
}
