//! A family: one outside system, its settings in `playbook.toml`, and its primitives.

use std::sync::Arc;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cx::Cx;
use super::hosts::Hosts;
use super::primitive::{Entry, Work};
use super::sql::Sql;
use super::store::Store;

/// Opens a resource for other families.
pub type Open<T> = fn(Cx) -> Work<'static, Arc<T>>;

/// One outside system, as the register lists it.
#[derive(Debug)]
pub struct Family {
    /// The word in scripts and in `playbook.toml`: `postgres`, `http`.
    pub name: &'static str,
    /// One sentence on what the system is and what is done with it.
    pub about: &'static str,
    /// The settings of one of its resources.
    pub settings: Settings,
    /// Its primitives, in the order of the manual.
    pub entries: &'static [Entry],
    /// How other families reach it as a store of objects, when it is one.
    pub store: Option<Open<dyn Store>>,
    /// How other families reach it as an SQL database, when it is one.
    pub sql: Option<Open<dyn Sql>>,
    /// How other families run commands on its machines, when it has some.
    pub hosts: Option<Open<dyn Hosts>>,
}

impl Family {
    /// The primitive of that name.
    #[must_use]
    pub fn entry(&self, verb: &str) -> Option<&'static Entry> {
        self.entries.iter().find(|entry| entry.name == verb)
    }
}

/// What may stand in the `playbook.toml` table of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The JSON schema: names, types, docs.
    pub schema: fn() -> Schema,
    /// Says what is wrong with a table, if anything.
    pub check: fn(&Value) -> Result<(), String>,
}

impl Settings {
    /// The settings that `T` holds; `T` denies unknown fields.
    #[must_use]
    pub const fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        Self {
            schema: || schemars::schema_for!(T),
            check: |value| T::deserialize(value).map(drop).map_err(|why| why.to_string()),
        }
    }
}

/// The register: every family there is.
pub type Families = &'static [&'static Family];

/// The family of that name.
#[must_use]
pub fn find(families: Families, name: &str) -> Option<&'static Family> {
    families.iter().find(|family| family.name == name).copied()
}
