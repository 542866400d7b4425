//! An environment of `playbook.toml` as data: named resources, grants, limits, parameters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::pace::Pace;

use super::people::People;
use super::windows::Windows;

/// What a run may reach and how far.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Its name: `local`, `staging`, `production`.
    pub name: String,
    /// What it is, for listings.
    pub about: Option<String>,
    /// Its resources by name.
    pub resources: BTreeMap<ResourceId, Resource>,
    /// The bounds of the sandbox.
    pub limits: Limits,
    /// Values for the playbook's parameters, where the command line gives none.
    pub parameters: Map<String, Value>,
    /// What happens when a run fails.
    pub on_failure: OnFailure,
    /// Who is who; the same in every environment.
    pub people: Arc<People>,
    /// Whether who began a run may approve it at its gates.
    pub self_approval: bool,
    /// How much of the time that a playbook asks to pass does pass.
    pub pace: Pace,
    /// When it may be changed.
    pub windows: Windows,
    /// Whether each change by hand is named and asked for before it begins.
    pub guarded: bool,
    /// Whether `playbook watch` may run here when files change.
    pub watch: bool,
    /// The resources that keep secrets, by family, where the environment says which.
    pub keepers: BTreeMap<String, ResourceId>,
}

impl Environment {
    /// The resource of a family that keeps secrets: the one that the environment names, else the only one there is.
    #[must_use]
    pub fn keeper(&self, family: &str) -> Option<&ResourceId> {
        let mut all = self.resources.keys().filter(|id| id.family == family);
        self.keepers.get(family).or_else(|| all.next().filter(|_| all.next().is_none()))
    }
}

/// One named real system.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its name.
    pub id: ResourceId,
    /// The strongest effect that the environment grants on it.
    pub grant: Effect,
    /// Its settings, as the family declares them; secrets are still references.
    pub settings: Value,
}

/// What happens when a run fails and there is something to take back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Take it back at once.
    #[default]
    Rollback,
    /// Leave everything as it is.
    Stop,
}

/// The bounds of the sandbox; the same in debug and release builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole run may take; the header's `timeout` may only shorten it.
    pub timeout: Duration,
    /// How much the process may allocate beyond what it had when the script began, in bytes.
    pub memory: u64,
    /// How many operations of the script.
    pub operations: u64,
    /// How deep functions may call each other.
    pub call_depth: usize,
    /// How deep expressions may nest.
    pub expression_depth: usize,
    /// How long a string may be, in bytes.
    pub string: u64,
    /// How many elements an array may have.
    pub array: usize,
    /// How many properties a map may have.
    pub map: usize,
    /// How many variables may be in scope.
    pub variables: usize,
    /// How many modules may be imported.
    pub modules: usize,
    /// How large a source file may be, in bytes.
    pub source: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            memory: 256 * 1024 * 1024,
            operations: 1_000_000_000,
            call_depth: 64,
            expression_depth: 64,
            string: 16 * 1024 * 1024,
            array: 1_000_000,
            map: 100_000,
            variables: 2_000,
            modules: 64,
            source: 1024 * 1024,
        }
    }
}
