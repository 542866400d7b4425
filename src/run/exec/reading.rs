//! Reads a playbook and its modules before anything runs, and makes the session that its script works in.

use std::sync::{Arc, Mutex};

use rhai::AST;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use crate::base::error::{Error, Result};
use crate::effect::cx::Host;
use crate::effect::family::{self, Families};
use crate::effect::journal::Script;
use crate::effect::ledger::Ledger;
use crate::effect::pipeline::{Mode, Pipeline};
use crate::effect::policy::Grants;
use crate::effect::primitive::Entry;
use crate::effect::recall::Recall;
use crate::effect::references;
use crate::run::order::{Audience, Ready};
use crate::script::check::{self, Checked, Subject, Touched};
use crate::script::engine;
use crate::script::session::{Parts, Session};

/// A compiled playbook and the texts of everything it imports.
pub(super) type Compiled = (AST, Vec<Script>);

/// Checks a playbook and its modules; nothing of it is run, and nothing journalled.
pub fn check(ready: &Ready, families: Families) -> Result<Checked> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|why| Error::io("the runtime cannot be started", &why))?;
    let mut checked = look(ready, families, &Audience::default(), runtime.handle());
    if checked.findings.is_empty() {
        // Where a playbook is checked need not be where it runs, so this is no mistake.
        let unset: Vec<Error> = unset(&checked, ready, families).collect();
        checked.warnings.extend(unset);
    }
    Ok(checked)
}

/// The secrets without a value of what the playbook touches, one of each resource.
fn unset(checked: &Checked, ready: &Ready, families: Families) -> impl Iterator<Item = Error> {
    checked.touched.iter().filter_map(move |one| unset_of(one, ready, families))
}

fn unset_of(touched: &Touched, ready: &Ready, families: Families) -> Option<Error> {
    let resource = ready.environment.resources.get(&touched.resource)?;
    Some(references::unset(resource, families, &ready.folder)?.at(touched.at.clone()))
}

/// The first secret without a value that fails the run once it is asked for; one of a notice does not.
pub(super) fn lacking(checked: &Checked, ready: &Ready, families: Families) -> Option<Error> {
    let is_notice = |touched: &Touched| {
        let family = family::find(families, &touched.resource.family);
        let mut verbs = touched.verbs.iter();
        verbs.all(|verb| family.and_then(|family| family.entry(&verb.name)).is_some_and(Entry::is_notice))
    };
    let needed = checked.touched.iter().filter(|touched| !is_notice(touched));
    needed.filter_map(|touched| unset_of(touched, ready, families)).next()
}

/// The playbook and its modules as they would run.
pub fn scripts(ready: &Ready, families: Families) -> Result<Vec<Script>> {
    Ok(check(ready, families)?.into_program()?.1)
}

/// Reads the playbook and its modules, and checks them, without running anything.
pub(super) fn look(ready: &Ready, families: Families, audience: &Audience, handle: &Handle) -> Checked {
    let audience = Audience { listeners: Vec::new(), ..audience.clone() };
    let session =
        session(ready, families, (Mode::Plan, Map::new(), (String::new(), None)), &audience, handle);
    let subject = Subject {
        name: &ready.name,
        text: &ready.text,
        header: &ready.header,
        environment: &ready.environment,
    };
    check::check(&engine::build(&session), &session, subject)
}

/// The hash of the scripts, and of the saved plan that the run is held to.
pub(super) type Identity = (String, Option<String>);

/// The session of a run, in which `run` has these facts.
pub(super) fn session(
    ready: &Ready,
    families: Families,
    (mode, facts, (digest, plan)): (Mode, Map<String, Value>, Identity),
    audience: &Audience,
    handle: &Handle,
) -> Arc<Session> {
    let mut host =
        Host::new(ready.folder.clone(), ready.environment.clone(), families, audience.listeners.clone());
    // Before anything asks for one of them: what a system shows may hold the secret of another.
    references::learn(&host);
    host.consent.clone_from(&audience.consent);
    host.mocks.clone_from(&audience.mocks);
    let pipeline = Pipeline {
        host: Arc::new(host),
        known_as: facts.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        grants: Grants::new(&ready.header.uses, &ready.environment),
        mode,
        recall: Recall::default(),
        ledger: Ledger::default(),
        planned: Mutex::default(),
    };
    Arc::new(Session::new(Parts {
        pipeline: Arc::new(pipeline),
        runtime: handle.clone(),
        allocated: audience.allocated.unwrap_or(|| 0),
        parameters: ready.parameters.clone(),
        facts,
        digest,
        detach: ready.detach,
        plan,
        at_gate: audience.at_gate.clone(),
        recorded: ready.recorded.clone(),
    }))
}
