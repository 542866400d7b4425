//! Which argument lists may be run, here or on other machines: those that `playbook.toml` lists, by the effect they have.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::cx::Cx;
use super::environment::Resource;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;

/// The element that stands for any rest of the list.
const REST: &str = "**";

/// A list of arguments that may be given. In an element, `*` stands for any text; an argument that begins with `-`
/// is matched only by an element that says the `-` itself, so that `*` never lets an option in. A last element `**`
/// stands for any rest, options too.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Pattern(Vec<String>);

impl Pattern {
    /// Whether these arguments may be given.
    #[must_use]
    pub fn allows(&self, arguments: &[String]) -> bool {
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

/// The lists of a resource, and how its verbs are called.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// What changes nothing.
    pub read: &'a [Pattern],
    /// What changes something.
    pub write: &'a [Pattern],
    /// What loses something for ever.
    pub destroy: &'a [Pattern],
    /// The verb that runs what the list `write` allows.
    pub run: &'static str,
}

impl Allowed<'_> {
    fn list(&self, effect: Effect) -> &[Pattern] {
        match effect {
            Effect::Read => self.read,
            Effect::Write => self.write,
            Effect::Destroy => self.destroy,
        }
    }

    /// Whether the list of that effect allows these arguments.
    #[must_use]
    pub fn allows(&self, effect: Effect, arguments: &[String]) -> bool {
        self.list(effect).iter().any(|pattern| pattern.allows(arguments))
    }

    /// Refuses arguments that no list of this effect allows. What only reads may also be run as a change.
    pub fn permit(&self, cx: &Cx, effect: Effect, arguments: &[String]) -> Result<()> {
        self.judge((cx.resource(), &cx.table()), effect, arguments)
    }

    /// Why the resource may not be run with these arguments in an environment.
    #[must_use]
    pub fn forbids(
        &self,
        resource: &Resource,
        environment: &str,
        effect: Effect,
        arguments: &[String],
    ) -> Option<Error> {
        let table = format!("[env.{environment}.{}]", resource.id);
        self.judge((&resource.id, &table), effect, arguments).err()
    }

    fn judge(&self, (id, table): (&ResourceId, &str), effect: Effect, arguments: &[String]) -> Result<()> {
        let reads_too = effect == Effect::Write && self.allows(Effect::Read, arguments);
        if reads_too || self.allows(effect, arguments) {
            return Ok(());
        }
        let allowed: Vec<String> = self.list(effect).iter().map(Pattern::to_string).collect();
        let why = match allowed.as_slice() {
            [] => format!("it has no list `{effect}` of what may be run"),
            _ => format!("its list `{effect}` allows {}", allowed.join(", ")),
        };
        let what = format!("`{id}` may not be run with {}", text::headline(&listed(arguments), 200));
        let add = match allowed.as_slice() {
            [] => format!("add the line `{effect} = [{}]`", listed(arguments)),
            _ => format!("add `{}` to the list `{effect}`", listed(arguments)),
        };
        let elsewhere = [("read", Effect::Read), (self.run, Effect::Write), ("destroy", Effect::Destroy)]
            .into_iter()
            .find(|(_, effect)| self.allows(*effect, arguments))
            .map(|(verb, effect)| format!("call `{verb}` instead: the list `{effect}` allows it"));
        Err(Error::denied(what)
            .why(why)
            .fix(elsewhere.unwrap_or_else(|| format!("if it is right, {add} of {table} in playbook.toml"))))
    }
}

/// A list of arguments as it is written in `playbook.toml` and in a script.
#[must_use]
pub fn listed(arguments: &[String]) -> String {
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
