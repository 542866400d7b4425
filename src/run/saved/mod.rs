//! Plans that are saved: made, and held against what is so when a run begins, or goes on.

mod compare;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use record::Recorder;

use super::exec::{self, Ended, Intention};
use super::order::{Audience, Ready};
use super::plan::{Plan, Watch, sha256};
use crate::base::error::{Error, Kind, Result};
use crate::effect::family::{self, Families};
use crate::effect::journal::{Journal, RunRecord};
use crate::sys::{clock, environment};

/// At least so long lies between the two times that everything is read.
const APART: Duration = Duration::from_millis(1100);

/// Plans what is ready, telling the audience, and gives the plan to be saved. What is read is read twice: what differs
/// by itself cannot be held to.
pub fn make(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    let begin = clock::instant();
    let (ended, plan) = plan(ready, families, audience)?;
    if ended.error.is_some() {
        return Ok((ended, plan));
    }
    // What tells the time tells it in seconds, as the header of an answer does.
    clock::rest_until(begin, APART);
    let (_, again) = plan_quietly(ready, families, audience)?;
    let mut plan = plan;
    for (position, change) in &mut plan.changes {
        if again.changes.get(position).is_some_and(|second| second.digest != change.digest) {
            change.digest.clear();
        }
    }
    for (position, read) in &mut plan.reads {
        let second = again.reads.get(position).filter(|second| second.digest == read.digest);
        read.unsteady = second.map(|second| compare::paths(&read.value, &second.value)).unwrap_or_default();
        if measures(families, &read.call) {
            read.unsteady = vec![String::new()];
        }
    }
    Ok((ended, plan))
}

/// Whether a call, `family.name.verb`, measures what changes by itself.
fn measures(families: Families, call: &str) -> bool {
    let (Some((family, _)), Some((_, verb))) = (call.split_once('.'), call.rsplit_once('.')) else {
        return false;
    };
    family::find(families, family).and_then(|family| family.entry(verb)).is_some_and(|entry| entry.measures)
}

/// Refuses to go on when anything that the saved plan was made of has moved, and names it.
pub fn hold(saved: &Plan, ready: &Ready, families: Families, audience: &Audience) -> Result<()> {
    let moved = compare::known(saved, &facts(ready, families)?);
    let moved = if moved.is_empty() {
        let (ended, now) = plan_quietly(ready, families, audience)?;
        match ended.error {
            Some(error) => vec![format!("planning it again fails: {}", error.what)],
            None => compare::seen(saved, &now),
        }
    } else {
        moved
    };
    if moved.is_empty() {
        return Ok(());
    }
    let count =
        if moved.len() == 1 { "something has".to_owned() } else { format!("{} things have", moved.len()) };
    Err(Error::new(
        Kind::Changed,
        format!("the plan does not hold any more: {count} moved since it was made"),
    )
    .why(moved.join("\n"))
    .fix(format!("look at it, and make a new plan: `playbook plan {} --save FILE`", saved.playbook)))
}

/// The plan that a run was held to when it began, where it had one. A playbook, or a resource of playbook.toml, that was edited
/// since is not the one that was planned.
pub fn of_run(
    journal: &Journal,
    record: &RunRecord,
    ready: &Ready,
    families: Families,
) -> Result<Option<Arc<Watch>>> {
    let Some(hash) = &record.facts.plan else { return Ok(None) };
    let Some(text) = journal.script(hash)? else { return Ok(None) };
    let plan: Plan = serde_json::from_str(&text).map_err(|why| {
        Error::new(Kind::Tampered, format!("the plan of the run {} cannot be read", record.id))
            .why(why.to_string())
            .fix("see `playbook verify`")
    })?;
    let now = facts(ready, families)?;
    let moved = compare::known(&plan, &now);
    if !moved.is_empty() {
        let what = "what the run was planned with was edited since, and it is held to that plan";
        return Err(Error::new(Kind::Changed, what)
            .why(moved.join("\n"))
            .fix(format!("put it back; or add `--accept-changes`, and the run goes on without the plan; or take it back: `playbook rollback {}`", record.id)));
    }
    Ok(Some(Arc::new(Watch::new(Arc::new(plan), hash.clone()))))
}

fn plan_quietly(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    plan(ready, families, &Audience { listeners: Vec::new(), ask: None, ..audience.clone() })
}

fn plan(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    let recorder = Arc::new(Recorder::new(facts(ready, families)?, families, ready.folder.clone()));
    let mut audience = audience.clone();
    audience.listeners.push(recorder.clone());
    let ready = Ready { plan: None, ..ready.clone() };
    let ended = exec::exec(&ready, families, &audience, &Intention::Plan)?;
    Ok((ended, recorder.take()))
}

/// The plan before anything was planned: what is known without reading any system.
fn facts(ready: &Ready, families: Families) -> Result<Plan> {
    let scripts = exec::scripts(ready, families)?;
    let used = |resource: &crate::effect::environment::Resource| {
        ready.header.uses.iter().any(|access| access.resource == resource.id)
    };
    let resources = ready.environment.resources.values().filter(|one| used(one));
    Ok(Plan {
        playbook: ready.name.clone(),
        environment: ready.environment.name.clone(),
        person: environment::person(),
        made: clock::now().to_string(),
        parameters: ready.parameters.clone(),
        scripts: scripts.into_iter().map(|script| (script.name, sha256(&script.text))).collect(),
        resources: resources
            .map(|one| (one.id.to_string(), sha256(&format!("{} {}", one.grant, one.settings))))
            .collect(),
        reads: BTreeMap::new(),
        changes: BTreeMap::new(),
        horizon: None,
    })
}
