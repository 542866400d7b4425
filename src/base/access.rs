//! Which resource, and how far: the currency of `uses`, of grants and of permits.

use std::fmt;
use std::str::FromStr;

use super::effect::Effect;
use super::error::Error;
pub use super::resource::ResourceId;

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
