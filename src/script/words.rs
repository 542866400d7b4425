//! The words of the forms (`step`, `retry`, `check`, `metric`) stay free as names of properties and options.

use std::cell::RefCell;

use rhai::{Engine, Token};

/// The words, and the keywords that the engine knows them by: it takes a form's own keyword for the form wherever it
/// stands, so the words themselves must not be keywords.
pub const FORMS: &[(&str, &str)] =
    &[("step", "__step"), ("retry", "__retry"), ("check", "__check"), ("metric", "__metric")];

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// What was seen of the source that this thread is reading.
#[derive(Default)]
struct Seen {
    brackets: Vec<bool>,
    previous: Previous,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Previous {
    /// A name that follows is a property or a method.
    Dot,
    /// A name that follows is a key, if the innermost bracket is a map's.
    MapStartOrComma,
    #[default]
    Other,
}

/// The engine's keyword of a form's word.
#[must_use]
pub fn keyword(word: &str) -> Option<&'static str> {
    FORMS.iter().find(|(have, _)| *have == word).map(|(_, keyword)| *keyword)
}

/// The text of an error in the words that people write.
#[must_use]
pub fn as_written(text: &str) -> String {
    FORMS.iter().fold(text.to_owned(), |text, (word, keyword)| text.replace(keyword, word))
}

/// Begins a new source; to be called before each compilation.
pub fn begin() {
    SEEN.with(|seen| *seen.borrow_mut() = Seen::default());
}

/// Teaches the engine that after a dot, and as a key of a map, a form's word is an ordinary name. Without this
/// `#{ retry: 3 }` and `(1..10).step(2)` would not parse.
pub fn register(engine: &mut Engine) {
    #[expect(deprecated, reason = "rhai marks the call as volatile, not as going away")]
    engine.on_parse_token(|token, _, _| SEEN.with(|seen| settle(&mut seen.borrow_mut(), token)));
}

fn settle(seen: &mut Seen, token: Token) -> Token {
    let in_map = seen.brackets.last() == Some(&true);
    let is_name = seen.previous == Previous::Dot || (seen.previous == Previous::MapStartOrComma && in_map);
    match &token {
        Token::MapStart => seen.brackets.push(true),
        Token::LeftBrace | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket => {
            seen.brackets.push(false);
        }
        Token::RightBrace | Token::RightParen | Token::RightBracket => drop(seen.brackets.pop()),
        _ => {}
    }
    seen.previous = match &token {
        Token::Period | Token::Elvis => Previous::Dot,
        Token::MapStart | Token::Comma => Previous::MapStartOrComma,
        _ => Previous::Other,
    };
    match token {
        // A keyword as well: `holds(…, #{ for: "5m" })` is how people say it.
        Token::For if is_name => Token::Identifier(Box::new("for".into())),
        Token::Identifier(word) if !is_name => match keyword(&word) {
            Some(keyword) => Token::Identifier(Box::new(keyword.into())),
            None => Token::Identifier(word),
        },
        token => token,
    }
}
