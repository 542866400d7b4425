//! A secret is a reference to where its value lies; the value itself is never printed or stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::error::{Error, Result};
use super::suggest;

/// The places a secret can lie in, by the word before the colon.
pub const PROVIDERS: &[&str] = &["env", "file"];

/// Where a secret's value lies: `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The place: one of [`PROVIDERS`].
    pub provider: String,
    /// The name within it.
    pub name: String,
}

impl Reference {
    /// Reads a reference; `None` when `text` does not begin with a known place and a colon.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let (provider, name) = text.split_once(':')?;
        (PROVIDERS.contains(&provider) && !name.is_empty())
            .then(|| Self { provider: provider.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.name)
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::find(text).ok_or_else(|| {
            Error::usage("a secret may not stand in clear in `playbook.toml`").fix(format!(
                "put its value elsewhere and refer to it, for example \"env:NAME\" or \"file:PATH\" (known: {})",
                suggest::list(PROVIDERS.iter().copied())
            ))
        })
    }
}

/// A setting that must be a reference: a password, a token, a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret(pub Reference);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error: Error| {
            serde::de::Error::custom(format!("{}; {}", error.what, error.fix.as_deref().unwrap_or_default()))
        })
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "secret" })
    }
}

/// A setting that is plain text or a reference (`url = "env:DATABASE_URL"`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The value itself.
    Plain(String),
    /// Where the value lies; its value is then treated as a secret.
    Reference(Reference),
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Reference::find(&text).map_or(Self::Plain(text), Self::Reference))
    }
}

impl schemars::JsonSchema for Setting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "text".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "text or secret reference" })
    }
}

/// The value of a secret, wiped from memory when dropped and never shown.
#[derive(Clone)]
pub struct Revealed(Zeroizing<String>);

impl Revealed {
    /// Takes over a value that was read from its place.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for handing to the system that asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Settings {
        password: Secret,
    }

    #[test]
    fn a_secret_in_clear_is_refused_without_repeating_it() {
        let error = toml::from_str::<Settings>("password = \"hunter2\"").unwrap_err().message().to_owned();
        assert!(error.contains("env:NAME") && !error.contains("hunter2"), "{error}");
        let good: Settings = toml::from_str("password = \"file:/run/secrets/db\"").unwrap();
        assert_eq!(good.password.0.to_string(), "file:/run/secrets/db");
    }
}
