//! A secret is a reference to where its value lies; the value itself is never printed or stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::error::{Error, Result};
use super::suggest;

/// The places a secret can lie in, by the word before the colon.
pub const PROVIDERS: &[&str] = &["env", "file", "vault", "aws-sm", "aws-ssm"];

/// Where a secret's value lies: `env:NAME`, `file:PATH`, `vault:PATH#FIELD`, `aws-sm:NAME`, `aws-sm:NAME#KEY` or
/// `aws-ssm:NAME`.
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

    /// The family of the resource that keeps it; `None` where it lies on this machine.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        match self.provider.as_str() {
            "vault" => Some("vault"),
            "aws-sm" | "aws-ssm" => Some("aws"),
            _ => None,
        }
    }

    /// The name of what is fetched, and the part of it that is meant.
    #[must_use]
    pub fn parts(&self) -> (&str, Option<&str>) {
        match self.name.rsplit_once('#') {
            Some((name, part)) if matches!(self.provider.as_str(), "vault" | "aws-sm") => (name, Some(part)),
            _ => (&self.name, None),
        }
    }

    /// Says what is wrong with the name, as far as that shows.
    pub fn check(&self) -> Result<()> {
        let wrong = |fix: &str| Err(Error::usage(format!("`{self}` does not say what is meant")).fix(fix));
        let (name, part) = self.parts();
        if part == Some("") || name.is_empty() {
            return wrong("write a name before the `#` and one behind it");
        }
        match self.provider.as_str() {
            "vault" if part.is_none() => wrong("say which field is meant: \"vault:secret/app#password\""),
            "vault" if !name.trim_matches('/').contains('/') || name.split('/').any(|part| part == "..") => {
                wrong("write the mount and the path within it: \"vault:secret/app#password\"")
            }
            "aws-ssm" if self.name.contains('#') => {
                wrong("a parameter is one value: leave out the `#` and what is behind it")
            }
            _ => Ok(()),
        }
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
        let found = Self::find(text).ok_or_else(|| {
            Error::usage("a secret may not stand in clear in `playbook.toml`").fix(format!(
                "put its value elsewhere and refer to it, for example \"env:NAME\" or \"file:PATH\" (known: {})",
                suggest::list(PROVIDERS.iter().copied())
            ))
        })?;
        found.check().map(|()| found)
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

    #[test]
    fn a_reference_has_a_name_and_perhaps_a_part() {
        for (text, name, part) in [
            ("env:A#B", "A#B", None),
            ("vault:secret/a/b#pw", "secret/a/b", Some("pw")),
            (
                "aws-sm:arn:aws:secretsmanager:eu-central-1:1:secret:db#user",
                "arn:aws:secretsmanager:eu-central-1:1:secret:db",
                Some("user"),
            ),
            ("aws-sm:db", "db", None),
            ("aws-ssm:/app/db", "/app/db", None),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.parts(), (name, part));
        }
        for wrong in [
            "vault:secret/app",
            "vault:app#pw",
            "vault:#pw",
            "vault:secret/app#",
            "vault:secret/../sys#a",
            "aws-sm:#a",
            "aws-ssm:/a#b",
        ] {
            assert!(wrong.parse::<Reference>().is_err(), "{wrong}");
        }
    }
}
