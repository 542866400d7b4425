//! The parser's complaints in our words, each with what to write.

use rhai::{LexError, ParseErrorType};

use crate::base::error::{Error, Kind};

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

/// The complaint without its place.
pub(super) fn told(kind: &ParseErrorType) -> Error {
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
        ParseErrorType::AssignmentToInvalidLHS(_) => {
            Error::usage("`=` gives a value to a variable, and none stands left of it")
                .fix("write `==` to compare, or the name of a variable")
        }
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
