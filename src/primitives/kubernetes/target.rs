//! What is acted on, as people write it: `deployment/web`, `pod/web-1`, `virtualservice.networking.istio.io/web`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::error::{Error, Result};

/// A kind of object and the name of one: `deployment/web`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// The kind as it was written: `deployment`, `deploy`, `deployments.apps`, `deployments.v1.apps`.
    pub(super) word: String,
    /// The name.
    pub(super) name: String,
}

impl Target {
    /// See [`Primitive::touches`](crate::effect::primitive::Primitive::touches). A kind has many names, so the object's own
    /// is what two calls have in common.
    pub(super) fn touched(&self) -> String {
        self.name.clone()
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some((word, name)) if is_name(word) && is_name(name) => {
                Ok(Self { word: word.to_owned(), name: name.to_owned() })
            }
            _ => Err(Error::usage(format!("`{text}` names no object"))
                .fix("write KIND/NAME, for example \"deployment/web\" or \"pod/web-1\"")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.word, self.name)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shown = |error: Error| format!("{}; {}", error.what, error.fix.as_deref().unwrap_or_default());
        String::deserialize(deserializer)?.parse().map_err(|error| serde::de::Error::custom(shown(error)))
    }
}

impl schemars::JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "text".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// Whether an API server could have an object of that name. It becomes part of a path, so nothing else may go through.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ':' | '_');
    !name.is_empty() && name.len() <= 253 && name.chars().all(fits) && name.chars().any(|one| one != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_kind_and_a_name_and_nothing_that_could_leave_its_path() {
        let target: Target = "deployments.v1.apps/web-1".parse().unwrap();
        assert_eq!((target.word.as_str(), target.name.as_str()), ("deployments.v1.apps", "web-1"));
        for wrong in ["web", "/web", "pod/", "pod/..", "pod/a/b", "pod/a?b", "pod/a b", "pod/a%2fb"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
