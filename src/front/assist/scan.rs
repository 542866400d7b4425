//! Follows a source letter by letter: texts, comments and brackets, and what of them is still open at its end.

use std::ops::Range;

/// What a stretch of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A text, its quotes included.
    Text,
    /// A comment.
    Comment,
    /// A name or a word of the language.
    Word,
    /// A number.
    Number,
    /// Anything else.
    Other,
}

/// A bracket that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// `(`, `[`, `{`, or `#` for the one of a map.
    pub kind: char,
    /// Where it stands, in bytes.
    pub at: usize,
}

/// A source as far as it was followed.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Every stretch, in order and without gaps.
    pub parts: Vec<(Sort, Range<usize>)>,
    /// The brackets that are open at the end.
    pub open: Vec<Bracket>,
    /// Where the text begins that is not closed.
    pub text: Option<usize>,
    /// Whether a comment is not closed.
    pub comment: bool,
}

impl Scan {
    /// Follows `source` to its end.
    #[must_use]
    pub fn of(source: &str) -> Self {
        let mut scan = Self::default();
        let mut at = 0;
        while let Some(first) = source[at..].chars().next() {
            let rest = &source[at..];
            let (sort, length) = match first {
                '"' | '`' => scan.quoted(rest, first, at),
                '\'' => scan.quoted(rest, first, at),
                '/' if rest.starts_with("//") => (Sort::Comment, rest.find('\n').unwrap_or(rest.len())),
                '/' if rest.starts_with("/*") => {
                    let end = rest.find("*/");
                    scan.comment = end.is_none();
                    (Sort::Comment, end.map_or(rest.len(), |end| end + 2))
                }
                letter if letter.is_alphabetic() || letter == '_' => (Sort::Word, word(rest)),
                letter if letter.is_ascii_digit() => (Sort::Number, number(rest)),
                letter => {
                    scan.bracket(letter, at, source);
                    (Sort::Other, letter.len_utf8())
                }
            };
            let end = at + length.max(first.len_utf8());
            scan.parts.push((sort, at..end));
            at = end;
        }
        scan
    }

    /// Whether more has to follow before this can be carried out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.open.is_empty() || self.text.is_some() || self.comment
    }

    fn quoted(&mut self, rest: &str, quote: char, at: usize) -> (Sort, usize) {
        let mut escaped = false;
        for (index, letter) in rest.char_indices().skip(1) {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quote != '`' => escaped = true,
                letter if letter == quote => return (Sort::Text, index + 1),
                _ => {}
            }
        }
        self.text = Some(at);
        (Sort::Text, rest.len())
    }

    fn bracket(&mut self, letter: char, at: usize, source: &str) {
        match letter {
            '{' if source[..at].ends_with('#') => self.open.push(Bracket { kind: '#', at }),
            '(' | '[' | '{' => self.open.push(Bracket { kind: letter, at }),
            ')' | ']' | '}' => drop(self.open.pop()),
            _ => {}
        }
    }
}

/// How long the word is that `text` begins with, in bytes.
#[must_use]
pub fn word(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())
}

fn number(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_known() {
        for closed in
            ["1 + 1", "f(\"(\")", "step \"a\" { x }", "`a\n${b}`", "// (", "/* ( */ 1", "#{ a: [1] }"]
        {
            assert!(!Scan::of(closed).is_open(), "{closed}");
        }
        for open in ["f(", "step \"a\" {", "\"abc", "`a\n", "/* x", "#{ a: ["] {
            assert!(Scan::of(open).is_open(), "{open}");
        }
    }

    #[test]
    fn every_letter_lies_in_one_part() {
        let source = "let ä = db.query(\"x\", #{ a: 1.5 }); // é";
        let scan = Scan::of(source);
        let whole: String = scan.parts.iter().map(|(_, range)| &source[range.clone()]).collect();
        assert_eq!(whole, source);
    }
}
