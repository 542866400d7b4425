//! What a value is, as far as that shows without running: a handle of a resource, a literal map, plain data, unknown.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::access::ResourceId;

/// A resource that a handle stands for; without a name where the script computes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) family: &'static str,
    pub(super) name: Option<String>,
}

impl Target {
    /// The resource's full name, where it is known.
    pub(super) fn id(&self) -> Option<ResourceId> {
        self.name.as_ref().map(|name| ResourceId::new(self.family, name.as_str()))
    }
}

/// What a value is known to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// No value was seen yet, or only `()`.
    #[default]
    Nothing,
    /// A number, text, yes or no, or closure: certainly no handle, map or array.
    Plain,
    /// A handle of one of these.
    Handles(BTreeSet<Target>),
    /// An array whose items are of one kind.
    Items(Box<Self>),
    /// A literal map.
    Map(BTreeMap<String, Self>),
    /// The global of that name: `params` or `run`.
    Facts(&'static str),
    /// Anything.
    Unknown,
}

impl Kind {
    /// A handle of one resource.
    pub(super) fn handle(family: &'static str, name: Option<String>) -> Self {
        Self::Handles(BTreeSet::from([Target { family, name }]))
    }

    /// The kind of a value that is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, kind) | (kind, Self::Nothing) => kind,
            (Self::Handles(mut one), Self::Handles(other)) => {
                one.extend(other);
                Self::Handles(one)
            }
            (Self::Items(one), Self::Items(other)) => Self::Items(Box::new(one.or(*other))),
            (Self::Map(one), Self::Map(other)) if one.keys().eq(other.keys()) => Self::Map(
                one.into_iter().zip(other.into_values()).map(|((key, a), b)| (key, a.or(b))).collect(),
            ),
            (one, other) if one == other => one,
            _ => Self::Unknown,
        }
    }

    /// Widens this kind by another, and tells whether that changed it.
    pub(super) fn widen(&mut self, other: Self) -> bool {
        let wider = self.clone().or(other);
        let changed = *self != wider;
        *self = wider;
        changed
    }

    /// The kind of an item of it.
    pub(super) fn item(&self) -> Self {
        match self {
            Self::Items(item) => Self::clone(item),
            _ => Self::Unknown,
        }
    }

    /// Whether a value of this kind may be a map.
    pub(super) const fn may_be_map(&self) -> bool {
        matches!(self, Self::Map(_) | Self::Facts(_) | Self::Unknown | Self::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_join_and_strangers_are_unknown() {
        let both = Kind::handle("http", Some("a".into())).or(Kind::handle("http", Some("b".into())));
        assert!(matches!(&both, Kind::Handles(targets) if targets.len() == 2));
        assert_eq!(Kind::Nothing.or(both.clone()), both);
        assert_eq!(both.or(Kind::Plain), Kind::Unknown);
        let mut items = Kind::Items(Box::new(Kind::Nothing));
        assert!(items.widen(Kind::Items(Box::new(Kind::Plain))));
        assert!(!items.widen(Kind::Items(Box::new(Kind::Plain))));
        assert_eq!(items.item(), Kind::Plain);
    }
}
