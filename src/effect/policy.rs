//! Grants and permits: without the proof that a call is covered, nothing reaches a door.

use std::collections::BTreeMap;

use super::environment::Environment;
use super::journal;
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};

/// How far a run may go on each resource: what the playbook's header asks for, within what the environment gives.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    asked: BTreeMap<ResourceId, Effect>,
    given: BTreeMap<ResourceId, Effect>,
    environment: String,
}

impl Grants {
    /// The grants of a playbook whose header lists `uses`, in `environment`.
    #[must_use]
    pub fn new(uses: &[Access], environment: &Environment) -> Self {
        let mut asked = BTreeMap::new();
        for access in uses {
            let have = asked.entry(access.resource.clone()).or_insert(access.effect);
            *have = (*have).max(access.effect);
        }
        let given = environment.resources.values().map(|one| (one.id.clone(), one.grant)).collect();
        Self { asked, given, environment: environment.name.clone() }
    }

    /// Everything the environment gives, asked for or not: for a person at the REPL.
    #[must_use]
    pub fn all_of(environment: &Environment) -> Self {
        let given: BTreeMap<_, _> =
            environment.resources.values().map(|one| (one.id.clone(), one.grant)).collect();
        Self { asked: given.clone(), given, environment: environment.name.clone() }
    }

    /// The families of the resources that may be reached.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        self.asked.keys().map(|resource| resource.family.as_str())
    }

    /// The resources that may be changed.
    pub fn changeable(&self) -> impl Iterator<Item = &ResourceId> {
        self.asked.iter().filter(|(_, effect)| !effect.is_read()).map(|(resource, _)| resource)
    }

    /// The proof that `needs` are covered, or what to add where.
    pub fn permit(&self, needs: Vec<Access>) -> Result<Permit> {
        for need in &needs {
            self.cover(need)?;
        }
        Ok(Permit { needs })
    }

    /// Whether a handle of `resource` may exist at all: it can at least be read.
    pub fn reach(&self, resource: &ResourceId) -> Result<()> {
        self.cover(&Access::new(resource.clone(), Effect::Read))
    }

    /// The proof that `needs` may be taken back: whoever was allowed to change a resource may also undo that change,
    /// although undoing may need more (to undo `put` is to delete).
    pub fn permit_undo(&self, needs: Vec<Access>) -> Result<Permit> {
        for need in &needs {
            self.cover(&Access::new(need.resource.clone(), need.effect.min(Effect::Write)))?;
        }
        Ok(Permit { needs })
    }

    fn cover(&self, need: &Access) -> Result<()> {
        let Access { resource, effect } = need;
        if *resource == journal::own() {
            return Ok(());
        }
        let (family, name, environment) = (&resource.family, &resource.name, &self.environment);
        let Some(given) = self.given.get(resource) else {
            let near = crate::base::suggest::nearest(
                name,
                self.given.keys().filter(|id| id.family == *family).map(|id| id.name.as_str()),
            )
            .map(|near| format!("did you mean `{family}(\"{near}\")`? Otherwise "))
            .unwrap_or_default();
            return Err(Error::denied(format!(
                "`{resource}` is no resource of the environment `{environment}`"
            ))
            .fix(format!("{near}add [env.{environment}.{resource}] to playbook.toml")));
        };
        if given < effect {
            return Err(Error::denied(format!("`{environment}` does not grant `{need}`"))
                .why(format!("it grants `{resource}:{given}`"))
                .fix(format!(
                    "set `access = \"{effect}\"` in [env.{environment}.{family}.{name}] of playbook.toml"
                )));
        }
        if self.asked.get(resource).is_none_or(|asked| asked < effect) {
            return Err(Error::denied(format!("the playbook's header does not ask for `{need}`"))
                .fix(format!("add \"{need}\" to `uses` in the header")));
        }
        Ok(())
    }
}

/// The proof that a call is covered; made only by [`Grants::permit`], and wanted by every door.
#[derive(Clone, Debug)]
pub struct Permit {
    needs: Vec<Access>,
}

impl Permit {
    /// Whether the proof is for this access too.
    #[must_use]
    pub fn covers(&self, wanted: &Access) -> bool {
        self.needs.iter().any(|need| need.covers(wanted))
    }
}
