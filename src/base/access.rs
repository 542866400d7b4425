//! Which resource, and how far: the currency of `uses`, of grants and of permits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::effect::Effect;
use super::error::Error;

/// The name of one real system of an environment, such as `postgres.main`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The family that serves it: `postgres`, `http`, `files`.
    pub family: String,
    /// Its name within the family: `main`, `api`, `backups`.
    pub name: String,
}

impl ResourceId {
    /// Puts the two halves together.
    pub fn new(family: impl Into<String>, name: impl Into<String>) -> Self {
        Self { family: family.into(), name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.family, self.name)
    }
}

impl FromStr for ResourceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('.') {
            Some((family, name)) if !family.is_empty() && !name.is_empty() && !name.contains('.') => {
                Ok(Self::new(family, name))
            }
            _ => Err(Error::usage(format!("`{text}` is no resource"))
                .fix("write FAMILY.NAME, for example `postgres.main`")),
        }
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for ResourceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "resource".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "resource" })
    }
}

/// A resource and the strongest effect on it: `postgres.main:write`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The resource meant.
    pub resource: ResourceId,
    /// The strongest effect; it includes the weaker ones.
    pub effect: Effect,
}

impl Access {
    /// Puts the two halves together.
    #[must_use]
    pub const fn new(resource: ResourceId, effect: Effect) -> Self {
        Self { resource, effect }
    }

    /// Whether having this access allows `wanted`.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        self.resource == wanted.resource && self.effect >= wanted.effect
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.effect)
    }
}

impl FromStr for Access {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (resource, effect) = text.split_once(':').ok_or_else(|| {
            Error::usage(format!("`{text}` names no access"))
                .fix(format!("write `{text}:read`, `{text}:write` or `{text}:destroy`"))
        })?;
        Ok(Self { resource: resource.parse()?, effect: effect.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_access_covers_a_weaker_one_of_the_same_resource() {
        let write: Access = "postgres.main:write".parse().unwrap();
        assert!(write.covers(&"postgres.main:read".parse().unwrap()));
        assert!(!write.covers(&"postgres.main:destroy".parse().unwrap()));
        assert!(!write.covers(&"postgres.other:read".parse().unwrap()));
    }

    #[test]
    fn half_a_name_is_refused_with_what_to_write() {
        assert!("postgres.main".parse::<Access>().unwrap_err().fix.as_deref().unwrap().contains(":write"));
        assert!("postgres:read".parse::<Access>().is_err());
    }
}
