//! Patterns of keys: what they are to the server, and whether one spares anything.

use crate::base::error::{Error, Result};

/// Says what is wrong with a pattern, if anything.
pub(super) fn check(pattern: &str) -> Result<()> {
    match pattern.is_empty() {
        true => Err(Error::usage("an empty pattern matches nothing")
            .fix("write for example \"user:*\"")
            .unchanged()),
        false => Ok(()),
    }
}

/// Whether a pattern names no part of a key: not one letter or digit stands in it as itself, as in `*`, `?*`, `[a-z]*`
/// and `*:*`. Such a pattern spares nothing, or nothing that its author thought of.
pub(super) fn spares_nothing(pattern: &str) -> bool {
    let mut letters = pattern.chars();
    let mut is_class = false;
    while let Some(letter) = letters.next() {
        let own = match letter {
            '\\' => letters.next(),
            '[' => {
                is_class = true;
                None
            }
            ']' => {
                is_class = false;
                None
            }
            _ => Some(letter),
        };
        if !is_class && own.is_some_and(char::is_alphanumeric) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_letter_of_its_own_spares_nothing() {
        for all in
            ["*", "**", "?*", "*:*", "[a-z]*", "[^x]*", "*[0-9]", "\\**", "[\\]a]*", "[abc", "_*", "{*}"]
        {
            assert!(spares_nothing(all), "{all}");
        }
        for some in ["user:*", "*:v1", "a", "[ab]c*", "\\a*", "ü*", "{7}:*", "*[a]x"] {
            assert!(!spares_nothing(some), "{some}");
        }
    }
}
