//! While planning, `switch` must not decide on a planned result. Rhai takes the default branch for a value that it cannot
//! hash, and nothing of ours is asked; so a plan's source is compiled with a question put around what it switches on.

use rhai::{Dynamic, Engine};

use super::{stand_in, traces};

/// The function that asks.
const ASK: &str = "__decided";

/// Teaches the engine to ask: a planned result is the horizon, anything else is itself.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn(ASK, |value: Dynamic| match stand_in::within(&value) {
        Some(planned) => Err(traces::raise(planned.error(), rhai::Position::NONE)),
        None => Ok(value),
    });
}

/// The source with the question around what each `switch` decides on. Lines stay; columns behind it on its line move.
#[must_use]
pub fn asked(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 64);
    let mut scan = Scan::default();
    // The depth of brackets at each `switch` whose body has not begun.
    let mut open: Vec<usize> = Vec::new();
    let mut word = String::new();
    for letter in source.chars() {
        let is_code = scan.step(letter);
        if is_code && letter == '{' && !scan.is_map && open.last() == Some(&(scan.depth - 1)) {
            out.push(')');
            open.pop();
        }
        out.push(letter);
        if is_code && (letter.is_alphanumeric() || letter == '_' || letter == '.') {
            word.push(letter);
            continue;
        }
        if is_code && std::mem::take(&mut word) == "switch" {
            let depth = scan.depth - usize::from("([{".contains(letter));
            let at = out.len() - letter.len_utf8();
            out.insert_str(at, &format!(" {ASK}("));
            open.push(depth);
        }
    }
    out
}

/// Follows brackets, texts and comments.
#[derive(Default)]
struct Scan {
    depth: usize,
    quote: Option<char>,
    escaped: bool,
    comment: Option<bool>,
    previous: char,
    is_map: bool,
}

impl Scan {
    /// Takes the next letter; whether it is code.
    fn step(&mut self, letter: char) -> bool {
        let previous = std::mem::replace(&mut self.previous, letter);
        if let Some(is_block) = self.comment {
            let ends = if is_block { previous == '*' && letter == '/' } else { letter == '\n' };
            if ends {
                self.comment = None;
            }
            return ends && !is_block;
        }
        if let Some(quote) = self.quote {
            let escaped = std::mem::take(&mut self.escaped);
            match letter {
                '\\' => self.escaped = !escaped,
                letter if letter == quote && !escaped => self.quote = None,
                _ => {}
            }
            return false;
        }
        match letter {
            '"' | '`' | '\'' => self.quote = Some(letter),
            '/' if previous == '/' => self.comment = Some(false),
            '*' if previous == '/' => self.comment = Some(true),
            '(' | '[' | '{' => {
                self.is_map = letter == '{' && previous == '#';
                self.depth += 1;
            }
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.quote.is_none() && self.comment.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_on_is_asked_about_and_nothing_else_changes() {
        assert_eq!(asked("switch made.key { \"a\" => 1 }"), "switch __decided( made.key ){ \"a\" => 1 }");
        assert_eq!(asked("switch f(#{ a: 1 }) { _ => 2 }"), "switch __decided( f(#{ a: 1 }) ){ _ => 2 }");
        assert_eq!(
            asked("switch (x) { 1 => switch y { _ => {} } }"),
            "switch __decided( (x) ){ 1 => switch __decided( y ){ _ => {} } }"
        );
        for same in [
            "let switches = 1; x.switch; \"switch x {\"",
            "// switch x {\nlet y = #{};",
            "/* switch { */ 'a'",
        ] {
            assert_eq!(asked(same), same);
        }
    }
}
