//! Reads a playbook and its modules before anything runs, and makes the session that its script works in.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use rhai::AST;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use crate::base::error::Result;
use crate::effect::cx::Host;
use crate::effect::family::Families;
use crate::effect::journal::Script;
use crate::effect::ledger::Ledger;
use crate::effect::pipeline::{Mode, Pipeline};
use crate::effect::policy::Grants;
use crate::effect::recall::Recall;
use crate::run::order::{Audience, Ready};
use crate::script::session::{Parts, Session};
use crate::script::{engine, imports};

/// A compiled playbook and the texts of everything it imports.
pub(super) type Compiled = (AST, Vec<Script>);

/// Reads the playbook and its modules, and checks them, without running anything.
pub(super) fn compile(
    ready: &Ready,
    families: Families,
    audience: &Audience,
    handle: &Handle,
) -> Result<Compiled> {
    let session = session(
        ready,
        families,
        (Mode::Plan, Map::new()),
        &Audience { listeners: Vec::new(), ..audience.clone() },
        handle,
    );
    let engine = engine::build(&session);
    let ast = imports::playbook(&engine, &session, &ready.name, &ready.text)?;
    let scripts = imports::gather(&engine, &session, &ast)?;
    Ok((ast, scripts))
}

/// The session of a run, in which `run` has these facts.
pub(super) fn session(
    ready: &Ready,
    families: Families,
    (mode, facts): (Mode, Map<String, Value>),
    audience: &Audience,
    handle: &Handle,
) -> Arc<Session> {
    let host =
        Host::new(ready.folder.clone(), ready.environment.clone(), families, audience.listeners.clone());
    let pipeline = Pipeline {
        host: Arc::new(host),
        grants: Grants::new(&ready.header.uses, &ready.environment),
        mode,
        recall: Recall::default(),
        ledger: Ledger::default(),
        planned: AtomicUsize::new(0),
    };
    Arc::new(Session::new(Parts {
        pipeline: Arc::new(pipeline),
        runtime: handle.clone(),
        allocated: audience.allocated.unwrap_or(|| 0),
        parameters: ready.parameters.clone(),
        facts,
    }))
}
