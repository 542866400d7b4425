//! A family: one outside system, its settings in `playbook.toml`, and its primitives.

use std::sync::Arc;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cx::Cx;
use super::health::Examine;
use super::hosts::Hosts;
use super::primitive::{Entry, Work};
use super::sql::Sql;
use super::store::Store;
use crate::base::call::Call;
use crate::base::error::Error;

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
    /// How `playbook doctor` sees whether a resource can be used; or why it does not look.
    pub health: Examine,
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

/// The primitive that a call is of; `None` where this build lacks it.
#[must_use]
pub fn entry_of(families: Families, call: &Call) -> Option<&'static Entry> {
    find(families, &call.resource.family)?.entry(&call.verb)
}

/// The families that a build may lack, and the cargo feature that each comes with.
pub const BY_FEATURE: &[(&str, &str)] = &[
    ("postgres", "postgres"),
    ("redis", "redis"),
    ("s3", "s3"),
    ("kubernetes", "kubernetes"),
    ("ssh", "ssh"),
    ("mail", "mail"),
    ("aws", "aws"),
    ("cloudfront", "aws"),
    ("ecs", "aws"),
    ("ec2", "aws"),
    ("alb", "aws"),
    ("route53", "aws"),
    ("ecr", "aws"),
    ("secrets_manager", "aws"),
    ("ssm", "aws"),
    ("tls", "probes"),
    ("dns", "probes"),
    ("grpc", "probes"),
    ("kafka", "probes"),
    ("amqp", "probes"),
];

/// What is said of a family that there is, and that this build does not have.
#[must_use]
pub fn lacking(families: Families, name: &str) -> Option<Error> {
    let (_, feature) = BY_FEATURE.iter().find(|(family, _)| *family == name)?;
    find(families, name).is_none().then(|| without(name, feature))
}

/// What is said of what this build does not have, because it was built without a cargo feature.
#[must_use]
pub fn without(what: &str, feature: &str) -> Error {
    Error::usage(format!("this build of playbook has no `{what}`"))
        .why(format!("it was built without the cargo feature `{feature}`"))
        .fix(format!(
            "build it with `cargo build --release --features {feature}`, or with the default features"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_that_the_build_lacks_names_its_feature() {
        let said = lacking(&[], "kafka").unwrap();
        assert_eq!(said.what, "this build of playbook has no `kafka`");
        assert!(said.fix.as_ref().is_some_and(|fix| fix.contains("--features probes")));
        assert!(lacking(&[], "frobnicate").is_none());
    }
}
