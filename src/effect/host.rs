//! What all calls of one run share: the environment, the families, who listens, who must say yes.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::consent::Consent;
use super::environment::{Environment, Resource};
use super::family::Families;
use super::mocks::Mocks;
use super::secrets::Fetched;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Listener};
use crate::base::redact::Redactor;

pub(super) type Pool = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// What all calls of one run share.
pub struct Host {
    /// The project's folder: where `playbook.toml` lies.
    pub project: PathBuf,
    /// The environment of the run.
    pub environment: Environment,
    /// Every family there is.
    pub families: Families,
    /// Knows the secrets revealed so far.
    pub redactor: Redactor,
    /// Who is told of every event.
    pub listeners: Vec<Arc<dyn Listener>>,
    /// Who has to say yes before a change begins, if anybody has.
    pub consent: Option<Consent>,
    /// What a test answers in place of systems.
    pub mocks: Option<Arc<Mocks>>,
    /// The secrets that were fetched so far.
    pub(super) secrets: Fetched,
    pub(super) pools: Mutex<HashMap<(TypeId, ResourceId), Pool>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("environment", &self.environment.name).finish_non_exhaustive()
    }
}

impl Host {
    /// The host of a run in `environment` of the project at `project`.
    #[must_use]
    pub fn new(
        project: PathBuf,
        environment: Environment,
        families: Families,
        listeners: Vec<Arc<dyn Listener>>,
    ) -> Self {
        Self {
            project,
            environment,
            families,
            redactor: Redactor::default(),
            listeners,
            consent: None,
            mocks: None,
            secrets: Fetched::default(),
            pools: Mutex::default(),
        }
    }

    /// The resource of that name.
    pub fn resource(&self, id: &ResourceId) -> Result<&Resource> {
        self.environment.resources.get(id).ok_or_else(|| {
            Error::missing(format!("`{id}` is no resource of the environment `{}`", self.environment.name))
                .fix(format!("add [env.{}.{id}] to playbook.toml", self.environment.name))
        })
    }

    /// Tells every listener.
    pub fn tell(&self, event: &Event) {
        for listener in &self.listeners {
            listener.hear(event);
        }
    }

    /// Tells every listener again of what an earlier turn of the run recorded.
    pub fn retell(&self, event: &Event) {
        for listener in &self.listeners {
            listener.recall(event);
        }
    }
}
