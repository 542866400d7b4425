//! A source line is shown with a mistake; what may be a secret in it is not.

use std::ops::Range;

use crate::base::redact::MASK;
use crate::base::secret::Reference;
use crate::base::suggest;

/// A key that has one of these in its name is taken to hold a secret.
const WORDS: &[&str] =
    &["pass", "pwd", "secret", "token", "credential", "private", "api_key", "apikey", "auth"];

/// A key that is nearly one of these is taken to be misspelt.
const WHOLE: &[&str] = &["password", "passwd", "secret", "token", "api_key", "credentials"];

/// Whether a key of that name is likely to hold a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word))
        || name.ends_with("_key")
        || suggest::nearest(&name, WHOLE.iter().copied()).is_some()
}

/// `line` without the values of secret keys, the passwords of URLs and its characters in `also`. `caret` is a position
/// in characters, from 0, that keeps its place: what is hidden before it stays as wide as it was.
#[must_use]
pub fn mask(line: &str, caret: usize, also: Option<Range<usize>>) -> String {
    let characters: Vec<char> = line.chars().collect();
    let mut hidden = secret_values(&characters);
    hidden.extend(passwords_of_urls(&characters));
    hidden.extend(also.map(|range| range.start.min(characters.len())..range.end.min(characters.len())));
    hide(&characters, hidden, caret)
}

fn hide(line: &[char], mut ranges: Vec<Range<usize>>, caret: usize) -> String {
    ranges.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut next) = (String::new(), 0);
    for range in ranges {
        if range.end <= next {
            continue;
        }
        let start = range.start.max(next);
        out.extend(&line[next..start]);
        if start < caret {
            out.extend(std::iter::repeat_n('•', range.end - start));
        } else {
            out.push_str(MASK);
        }
        next = range.end;
    }
    out.extend(&line[next..]);
    out
}

/// Where the values of keys with a secret's name stand, in TOML (`password = "…"`) and in connection strings.
fn secret_values(line: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for equals in (0..line.len()).filter(|at| line[*at] == '=') {
        let Some(start) = (equals + 1..line.len()).find(|at| !line[*at].is_whitespace()) else { continue };
        let is_switch = matches!(line[start..], ['t', 'r', 'u', 'e', ..] | ['f', 'a', 'l', 's', 'e', ..]);
        if is_switch || !is_secret_name(&word_before(line, equals)) {
            continue;
        }
        let quoted = line[..equals].iter().filter(|c| matches!(c, '"' | '\'')).count() % 2 == 1;
        let end = match line[start] {
            quote @ ('"' | '\'') => {
                (start + 1..line.len()).find(|at| line[*at] == quote).map_or(line.len(), |at| at + 1)
            }
            _ if quoted => (start..line.len())
                .find(|at| matches!(line[*at], '"' | '\'' | '&' | ' '))
                .unwrap_or(line.len()),
            _ => line.len(),
        };
        let value: String = line[start..end].iter().collect();
        if Reference::find(value.trim_matches(['"', '\''])).is_none() {
            found.push(start..end);
        }
    }
    found
}

/// The key that stands before the `=` at `equals`.
fn word_before(line: &[char], equals: usize) -> String {
    let is_word = |c: &char| c.is_alphanumeric() || "_-".contains(*c);
    let word: Vec<char> =
        line[..equals].iter().rev().skip_while(|c| !is_word(c)).take_while(|c| is_word(c)).copied().collect();
    word.into_iter().rev().collect()
}

/// Where the password of `scheme://user:password@host` stands.
fn passwords_of_urls(line: &[char]) -> Vec<Range<usize>> {
    let begins = |at: usize| line[at..].starts_with(&[':', '/', '/']);
    (0..line.len())
        .filter(|at| begins(*at))
        .filter_map(|at| {
            let start = at + 3;
            let end =
                (start..line.len()).find(|at| matches!(line[*at], '"' | '\'' | ' ')).unwrap_or(line.len());
            let host = (start..end).rfind(|at| line[*at] == '@')?;
            let colon = (start..host).find(|at| line[*at] == ':')?;
            Some(colon + 1..host)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_keys_and_passwords_of_urls_are_hidden() {
        for (line, caret, expected) in [
            ("password = \"hunter2\"", 0, "password = [secret]"),
            ("Pasword = \"hunter2\"", 0, "Pasword = [secret]"),
            ("password = hunter two", 11, "password = [secret]"),
            ("password = \"hunter2", 19, "password = ••••••••"),
            ("password = \"env:PW\"", 0, "password = \"env:PW\""),
            ("url = \"postgres://app:hun:t@r2@db/app\"", 0, "url = \"postgres://app:[secret]@db/app\""),
            ("url = \"host=db password=hunter2 user=x\"", 0, "url = \"host=db password=[secret] user=x\""),
            ("main = { token = \"hunter2\", acess = 1 }", 28, "main = { token = •••••••••, acess = 1 }"),
            ("path = \"data.db\"", 0, "path = \"data.db\""),
            ("a = { secret = true, about = \"x\" }", 0, "a = { secret = true, about = \"x\" }"),
        ] {
            assert_eq!(mask(line, caret, None), expected);
        }
    }
}
