//! What other runs changed of the same things while a run stood still, or went on.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::standing::{Change, standing};
use super::unwind::{self, Other};
use crate::base::call::Call;
use crate::base::error::{Error, Kind, Result};
use crate::base::suggest;
use crate::effect::family::{self, Families};
use crate::effect::journal::{Filter, Journal, RunKind, RunRecord, State};

/// Refuses to go on with a run where another one, which stands, changed the same resource after this one had stopped. A run that
/// waits has not stopped. What `force` names is gone on with all the same; gives what is then to be told of it.
pub fn changed_meanwhile(
    (journal, families): (&Journal, Families),
    run: &RunRecord,
    force: &[String],
) -> Result<Option<String>> {
    let (own, stopped) = standing((journal, families), run)?;
    let own: Vec<Call> = own.into_iter().filter(Change::is_to_go).map(|change| change.call).collect();
    check(&own, force)?;
    let Some(stopped) = stopped.filter(|_| run.state != State::Waiting) else { return Ok(None) };
    let mut found: Vec<(String, RunRecord)> = Vec::new();
    for other in at_once(journal, run, stopped)? {
        let (mut theirs, _) = standing((journal, families), &other)?;
        theirs.retain(|change| change.at > stopped && change.is_to_go());
        let resources: BTreeSet<String> = own
            .iter()
            .filter(|one| theirs.iter().any(|other| meet(families, one, &other.call)))
            .map(resource)
            .collect();
        found.extend(resources.into_iter().map(|resource| (resource, other.clone())));
    }
    let each = |(resource, by): &(String, RunRecord)| {
        format!("{resource}: by the run {} of {}", by.id, by.facts.playbook)
    };
    let is_forced = |(resource, _): &&(String, RunRecord)| {
        let calls = || own.iter().filter(|call| call.resource.to_string() == *resource);
        force.iter().any(|name| name == "all" || name == resource || calls().all(|call| call.name() == *name))
    };
    let (forced, refused): (Vec<_>, Vec<_>) = found.iter().partition(is_forced);
    if let Some((_, newest)) = refused.first() {
        let told: Vec<String> = refused.iter().map(|one| each(one)).collect();
        let names: BTreeSet<String> =
            refused.iter().map(|(resource, _)| format!("--force {resource}")).collect();
        let names: Vec<String> = names.into_iter().collect();
        return Err(Error::new(Kind::Changed, format!("another run changed what the run {} had changed, after it had stopped", run.id))
            .why(told.join("\n"))
            .fix(format!(
                "nothing was done; begin anew with `playbook exec {}`; or take that run back first: `playbook rollback {}`;\n\
                 or go on into what it left with `{}`",
                run.facts.playbook,
                newest.id,
                names.join(" ")
            )));
    }
    let told: Vec<String> = forced.iter().map(|one| each(one)).collect();
    Ok((!told.is_empty()).then(|| format!("by --force, although changed meanwhile: {}", told.join("; "))))
}

/// Refuses a name in `--force` that the run changed nothing of.
fn check(own: &[Call], force: &[String]) -> Result<()> {
    let resources: BTreeSet<String> = own.iter().map(resource).collect();
    let is_known = |name: &&String| {
        *name == "all" || resources.contains(*name) || own.iter().any(|call| call.name() == **name)
    };
    match force.iter().find(|name| !is_known(name)) {
        Some(wrong) => Err(Error::usage(format!("the run changed nothing of `{wrong}`"))
            .fix(suggest::advice(wrong, resources.iter().map(String::as_str).chain(["all"])))),
        None => Ok(()),
    }
}

/// What other runs of its environment changed since a run began, as far as it stands.
pub fn others((journal, families): (&Journal, Families), run: &RunRecord) -> Result<Vec<Other>> {
    let mut found = Vec::new();
    for other in at_once(journal, run, run.started)? {
        let (changes, _) = standing((journal, families), &other)?;
        let changes = changes.into_iter().filter(|change| change.at > run.started);
        found.extend(changes.map(|Change { at, call, .. }| Other {
            call,
            at,
            run: other.id.clone(),
            playbook: other.facts.playbook.clone(),
            is_running: other.state == State::Running,
        }));
    }
    Ok(found)
}

/// The other runs of its environment that were not over before `since`, newest first.
fn at_once(journal: &Journal, run: &RunRecord, since: Timestamp) -> Result<Vec<RunRecord>> {
    let filter = Filter { environment: Some(run.facts.environment.clone()), ..Filter::default() };
    let mut runs = journal.runs(&filter)?;
    runs.retain(|other| {
        let is_over = other.ended.is_some_and(|ended| ended < since);
        other.id != run.id && !is_over && other.facts.kind == RunKind::Exec
    });
    Ok(runs)
}

/// Whether two calls may have changed the same thing.
fn meet(families: Families, one: &Call, other: &Call) -> bool {
    let touches = |call: &Call| family::entry_of(families, call)?.bind(&call.arguments).ok()?.touches();
    one.resource == other.resource
        && match (touches(one), touches(other)) {
            (Some(one), Some(other)) => unwind::overlap(&one, &other),
            _ => true,
        }
}

fn resource(call: &Call) -> String {
    call.resource.to_string()
}
