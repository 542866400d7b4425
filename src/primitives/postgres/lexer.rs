//! Splits SQL into its statements, as far as that is needed to name the line of one and to see what it begins with.

use crate::base::error::{Error, Result};
use crate::base::place::Place;

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where its first word begins, in bytes.
    pub(super) begins: usize,
    /// Its words up to the first sign, at most eight, in upper case.
    words: Vec<String>,
}

impl Statement {
    /// Why it cannot be part of a transaction that somebody else begins and ends; `None` when it can.
    fn refused(&self) -> Option<&'static str> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["BEGIN" | "COMMIT" | "END" | "ABORT", ..] | ["START" | "PREPARE", "TRANSACTION", ..] => {
                Some("take it out: playbook begins and ends the transaction")
            }
            // `ROLLBACK TO SAVEPOINT` stays within the transaction.
            ["ROLLBACK", rest @ ..] if !rest.contains(&"TO") => {
                Some("take it out: playbook begins and ends the transaction")
            }
            ["COPY", rest @ ..] if rest.iter().any(|word| matches!(*word, "STDIN" | "STDOUT")) => {
                Some("use INSERT, or dump_to and restore_from: nothing can be streamed here")
            }
            _ => None,
        }
    }
}

/// Whether `sql`, one statement run by itself, leaves nothing behind when it fails: not so where the server commits on
/// the way.
pub(super) fn is_atomic(sql: &str) -> bool {
    split(sql).first().is_none_or(|statement| {
        let first = statement.words.first().map_or("", String::as_str);
        !matches!(first, "CALL" | "DO" | "VACUUM" | "REINDEX" | "CLUSTER")
            && !statement.words.iter().any(|word| word == "CONCURRENTLY")
    })
}

/// Whether every statement of `sql` may run within a transaction, as far as its first words tell.
pub(super) fn fits_in_transaction(sql: &str) -> bool {
    !split(sql).iter().any(|statement| {
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        words.contains(&"CONCURRENTLY")
            || matches!(
                words.as_slice(),
                ["VACUUM", ..]
                    | ["ALTER", "SYSTEM", ..]
                    | ["CREATE" | "DROP", "DATABASE" | "TABLESPACE", ..]
                    | ["REINDEX", "DATABASE" | "SYSTEM", ..]
            )
    })
}

/// The statements of `sql`, all of which can be part of one transaction; or which one cannot, in the file `name`.
pub(super) fn transactional(name: &str, sql: &str) -> Result<Vec<Statement>> {
    let statements = split(sql);
    for statement in &statements {
        if let Some(fix) = statement.refused() {
            let place = Place::of_offset(name, sql, statement.begins);
            return Err(Error::usage(format!(
                "`{}` cannot stand in {name}, at line {}",
                statement.words.join(" "),
                place.line
            ))
            .why(place.draw(1).trim_end())
            .fix(fix)
            .unchanged());
        }
    }
    Ok(statements)
}

/// The statements of `sql`; empty ones are left out, as the server leaves them out.
pub(super) fn split(sql: &str) -> Vec<Statement> {
    let mut lexer =
        Lexer { sql, at: 0, parentheses: 0, bodies: 0, current: None, done: Vec::new(), listing: true };
    while lexer.at < sql.len() {
        lexer.step();
    }
    lexer.end();
    lexer.done
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    parentheses: usize,
    /// How deep in `BEGIN ATOMIC … END` of a function's body.
    bodies: usize,
    current: Option<Statement>,
    done: Vec<Statement>,
    /// Whether the words of the statement are still collected.
    listing: bool,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.sql[self.at..];
        let first = rest.chars().next().unwrap_or(' ');
        let length = match first {
            _ if first.is_whitespace() => first.len_utf8(),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            ';' if self.parentheses == 0 && self.bodies == 0 => {
                self.end();
                1
            }
            _ => self.token(rest, first),
        };
        self.at += length;
    }

    fn end(&mut self) {
        self.done.extend(self.current.take());
        (self.parentheses, self.bodies, self.listing) = (0, 0, true);
    }

    /// A piece of a statement; returns its length.
    fn token(&mut self, rest: &str, first: char) -> usize {
        let begins = self.at;
        self.current.get_or_insert_with(|| Statement { begins, words: Vec::new() });
        match first {
            _ if first.is_alphabetic() || first == '_' => {
                let length =
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let word = rest[..length].to_uppercase();
                if word == "E" && rest[length..].starts_with('\'') {
                    return length + quoted(&rest[length..], '\'', true);
                }
                self.word(word);
                return length;
            }
            '\'' | '"' => return quoted(rest, first, false),
            '$' => return dollar(rest),
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.listing = false;
        first.len_utf8()
    }

    fn word(&mut self, word: String) {
        let Some(statement) = &mut self.current else { return };
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        let is_routine = matches!(
            words.as_slice(),
            ["CREATE", "FUNCTION" | "PROCEDURE", ..]
                | ["CREATE", "OR", "REPLACE", "FUNCTION" | "PROCEDURE", ..]
        );
        match word.as_str() {
            "BEGIN" if is_routine => self.bodies += 1,
            "CASE" if self.bodies > 0 => self.bodies += 1,
            "END" if self.bodies > 0 => self.bodies -= 1,
            _ => {}
        }
        let copies = statement.words.first().is_some_and(|first| first == "COPY");
        if (self.listing && statement.words.len() < 8)
            || (copies && matches!(word.as_str(), "STDIN" | "STDOUT"))
        {
            statement.words.push(word);
        }
    }
}

/// The length of a comment; comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a quoted piece; a doubled quote stands for itself, and so does one after a backslash if `escapes`.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`, or 1 when the dollar begins no quote.
fn dollar(text: &str) -> usize {
    let Some(tag) = text[1..].find('$').map(|end| &text[..end + 2]) else { return 1 };
    let name = &tag[1..tag.len() - 1];
    if name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
    {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(sql: &str) -> Vec<&str> {
        split(sql).iter().map(|one| sql[one.begins..].split_whitespace().next().unwrap()).collect()
    }

    #[test]
    fn a_semicolon_within_something_ends_nothing() {
        for sql in [
            "a ';' ''';' \";\" ; b",
            "a E'\\';' ; b",
            "a $$ ; $$ $x$ ; $$ ; $x$ ; b",
            "a -- ;\n ; b",
            "/* ; /* ; */ ; */ a ; ; b",
            "a (x; y) ; b",
            "create function f() begin atomic select case when 1 then 2 end; select 1; end; b",
            "create or replace procedure f() begin atomic select 1; end; b;",
        ] {
            assert_eq!(starts(sql).len(), 2, "{sql}: {:?}", starts(sql));
            assert_eq!(starts(sql)[1].trim_end_matches(';'), "b");
        }
        assert_eq!(starts("select $1; select a$b$; c"), ["select", "select", "c"]);
        assert_eq!(starts(""), Vec::<&str>::new());
        assert_eq!(starts("select 'never closed; b"), ["select"]);
    }

    #[test]
    fn what_ends_a_transaction_is_found_with_its_line() {
        let error = transactional("m.sql", "create table t (begin int);\n  commit ;").unwrap_err();
        assert!(error.what.contains("COMMIT") && error.what.contains("line 2"), "{error}");
        for sql in
            ["BEGIN", "end", "rollback", "start transaction", "copy t (a) from stdin", "COPY t FROM STDIN"]
        {
            assert!(transactional("m.sql", sql).is_err(), "{sql}");
        }
        assert!(
            is_atomic("update t set a = 1")
                && !is_atomic("create index concurrently i on t (a)")
                && !is_atomic("call p()")
        );
        for sql in [
            "rollback to savepoint a",
            "savepoint a",
            "copy t from '/x'",
            "do $$ begin commit; end $$",
            "select 'begin'",
        ] {
            assert!(transactional("m.sql", sql).is_ok(), "{sql}");
        }
    }
}
