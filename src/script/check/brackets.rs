//! Which bracket of a source is never closed: the parser only tells that the end came too early.

/// The offset of the innermost bracket that is still open at the end of `source`, and which it is.
pub(super) fn unclosed(source: &str) -> Option<(usize, char)> {
    let mut open = Vec::new();
    let mut letters = source.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let ahead = letters.peek().map(|(_, next)| *next);
        match letter {
            '/' if ahead == Some('/') => while letters.next_if(|(_, letter)| *letter != '\n').is_some() {},
            '/' if ahead == Some('*') => skip_comment(&mut letters),
            '"' | '\'' => skip_text(&mut letters, letter),
            '`' if open.last().is_some_and(|(_, open)| *open == '`') => drop(open.pop()),
            '`' => {
                open.push((at, '`'));
                skip_to_hole(&mut letters);
            }
            '{' | '(' | '[' => open.push((at, letter)),
            '}' | ')' | ']' => {
                // A closing bracket of another sort leaves its opening one unclosed, and that is the one to show.
                let (_, opening) = open.last().copied()?;
                if opening != opening_of(letter) {
                    return open.pop();
                }
                open.pop();
                if open.last().is_some_and(|(_, open)| *open == '`') {
                    skip_to_hole(&mut letters);
                }
            }
            _ => {}
        }
    }
    open.pop()
}

type Letters<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

const fn opening_of(closing: char) -> char {
    match closing {
        '}' => '{',
        ')' => '(',
        _ => '[',
    }
}

fn skip_comment(letters: &mut Letters<'_>) {
    let (mut depth, mut before) = (1, ' ');
    letters.next();
    for (_, letter) in letters.by_ref() {
        match (before, letter) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
        before = letter;
    }
}

fn skip_text(letters: &mut Letters<'_>, quote: char) {
    while let Some((_, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter if letter == quote => return,
            _ => {}
        }
    }
}

/// Goes on in a back-quoted text up to its end or to the `${` of its next hole, which are left to be read.
fn skip_to_hole(letters: &mut Letters<'_>) {
    while let Some((_, letter)) = letters.next_if(|(_, letter)| *letter != '`') {
        if letter == '$' && letters.peek().is_some_and(|(_, next)| *next == '{') {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracket_that_stays_open_is_found() {
        assert_eq!(unclosed("step \"}\" { a(1); // }\n"), Some((9, '{')));
        assert_eq!(unclosed("f(`a ${b(\"}\")} )`, [1]) /* { /* ( */ */ "), None);
        assert_eq!(unclosed("if x { f(1, 2 }"), Some((8, '(')));
        assert_eq!(unclosed("let c = '{'; `${x"), Some((15, '{')));
    }
}
