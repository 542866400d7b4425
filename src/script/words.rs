//! The words of the forms (`step`, `retry`, `check`, `metric`) stay free as names of properties and options.

use std::cell::RefCell;

use rhai::{Engine, Token};

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
        Token::LeftBrace | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket | Token::Unit => {
            if token != Token::Unit {
                seen.brackets.push(false);
            }
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
        Token::Custom(word) if is_name => Token::Identifier(word),
        token => token,
    }
}
