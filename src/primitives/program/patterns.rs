//! Which argument lists a program may be run with.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// The element that stands for any rest of the list.
const REST: &str = "**";

/// A list of arguments that may be given. In an element, `*` stands for any text; an argument that begins with `-`
/// is matched only by an element that says the `-` itself, so that `*` never lets an option in. A last element `**`
/// stands for any rest, options too.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// Whether these arguments may be given.
    pub(super) fn allows(&self, arguments: &[String]) -> bool {
        let (elements, open) = match self.0.split_last() {
            Some((last, before)) if last == REST => (before, true),
            _ => (self.0.as_slice(), false),
        };
        let long_enough =
            if open { arguments.len() >= elements.len() } else { arguments.len() == elements.len() };
        long_enough && elements.iter().zip(arguments).all(|(element, argument)| matches(element, argument))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Vec::<String>::deserialize(deserializer)?;
        let before_last = elements.len().saturating_sub(1);
        if elements[..before_last].iter().any(|element| element == REST) {
            return Err(serde::de::Error::custom(
                "`**` stands for any rest, so it can only be the last of a list of arguments; write `*` for any one",
            ));
        }
        Ok(Self(elements))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listed(&self.0))
    }
}

/// A list of arguments as it is written in `playbook.toml` and in a script.
pub(super) fn listed(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

/// Whether one argument is what an element stands for.
fn matches(element: &str, argument: &str) -> bool {
    if argument.starts_with('-') && !element.starts_with('-') {
        return false;
    }
    let mut pieces = element.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| argument.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(found) => rest = &rest[found + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &[&str], arguments: &[&str]) -> bool {
        let pattern: Pattern = serde_json::from_value(serde_json::json!(pattern)).unwrap();
        pattern.allows(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_very_list_is_allowed() {
        assert!(allows(&["push", "origin"], &["push", "origin"]));
        assert!(!allows(&["push", "origin"], &["push"]));
        assert!(!allows(&["push", "origin"], &["push", "origin", "more"]));
        assert!(!allows(&["push"], &["push "]));
        assert!(allows(&[], &[]) && !allows(&[], &["x"]));
    }

    #[test]
    fn a_star_is_any_text_and_never_an_option() {
        assert!(allows(&["push", "*"], &["push", "v1.2"]));
        assert!(allows(&["*"], &[""]) && allows(&["v*.*"], &["v1.2"]) && allows(&["a*a"], &["aa"]));
        assert!(!allows(&["*"], &["--force"]) && !allows(&["*force"], &["-force"]));
        assert!(!allows(&["a*a"], &["a"]) && !allows(&["v*.*"], &["v12"]) && !allows(&["*b"], &["bc"]));
        assert!(
            allows(&["-*"], &["--force"])
                && allows(&["--tag=*"], &["--tag=v1"])
                && allows(&["--tag=*"], &["--tag=-1"])
        );
        assert!(!allows(&["--tag=*"], &["--force"]));
    }

    #[test]
    fn two_stars_are_any_rest() {
        assert!(allows(&["run", "**"], &["run"]) && allows(&["run", "**"], &["run", "-x", "y"]));
        assert!(allows(&["**"], &[]) && !allows(&["run", "**"], &["stop"]));
        assert!(serde_json::from_value::<Pattern>(serde_json::json!(["**", "x"])).is_err());
    }
}
