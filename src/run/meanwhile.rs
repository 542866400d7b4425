//! What stands of a run that stopped half way, and what other runs changed of the same resources since.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use super::past::TYPED;
use super::unwind::{self, Item, Remains, Way};
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Kind, Result};
use crate::base::outcome::Outcome;
use crate::base::suggest;
use crate::effect::family::{self, Families};
use crate::effect::journal::{Filter, Journal, RunKind, RunRecord, State};
use crate::effect::ledger::Ledger;

/// How many runs back one is looked for that was left.
const BACK: usize = 8;

/// Refuses to go on with a run where another one, which stands, changed the same resource after this one had stopped. A run that
/// waits has not stopped. What `force` names is gone on with all the same; gives what is then to be told of it.
pub fn changed_meanwhile(
    (journal, families): (&Journal, Families),
    run: &RunRecord,
    force: &[String],
) -> Result<Option<String>> {
    let (own, stopped) = standing((journal, families), run, None)?;
    check(&own, force)?;
    let Some(stopped) = stopped.filter(|_| run.state != State::Waiting) else { return Ok(None) };
    let mut found: Vec<(String, RunRecord)> = Vec::new();
    let filter = Filter { environment: Some(run.facts.environment.clone()), ..Filter::default() };
    for other in journal.runs(&filter)? {
        let is_over = other.ended.is_some_and(|ended| ended < stopped);
        if other.id == run.id || is_over || other.facts.kind != RunKind::Exec {
            continue;
        }
        let (theirs, _) = standing((journal, families), &other, Some(stopped))?;
        let resources: BTreeSet<String> = own
            .iter()
            .filter(|one| theirs.iter().any(|other| meet(families, one, other)))
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

/// What is said to whoever begins a run in an environment where the last one was cut off, or was left half way.
pub fn left_behind((journal, families): (&Journal, Families), environment: &str) -> Result<Option<String>> {
    let filter = Filter { last: Some(BACK), environment: Some(environment.to_owned()), ..Filter::default() };
    let is_meant = |run: &RunRecord| match run.state {
        State::Running | State::Waiting => false,
        State::Interrupted => true,
        State::Ended => run.facts.kind == RunKind::Exec && run.facts.playbook != TYPED,
    };
    let Some(run) = journal.runs(&filter)?.into_iter().find(is_meant) else { return Ok(None) };
    let (id, playbook) = (&run.id, &run.facts.playbook);
    let ways =
        format!("go on with it by `playbook resume {id}`, or take it back by `playbook rollback {id}`");
    Ok(match (run.state, run.outcome) {
        (State::Interrupted, _) => Some(format!(
            "warning: run {id} of {playbook} was cut off, and nothing of it was taken back: {ways}"
        )),
        (_, Some(Outcome::Done | Outcome::TakenBack)) => None,
        _ if standing((journal, families), &run, None)?.0.is_empty() => None,
        (_, Some(Outcome::NotTakenBack)) => Some(format!(
            "warning: run {id} of {playbook} was not all taken back: `playbook show {id}` names what is still there"
        )),
        _ => Some(format!("warning: run {id} of {playbook} failed, and was left half way: {ways}")),
    })
}

/// Whether anything of what a run changed is still so, as far as the journal knows.
pub fn stands((journal, families): (&Journal, Families), run: &RunRecord) -> Result<bool> {
    Ok(!standing((journal, families), run, None)?.0.is_empty())
}

/// The changes of a run that still stand, those that began after `since` where that is given; and when its last entry was written.
fn standing(
    (journal, families): (&Journal, Families),
    run: &RunRecord,
    since: Option<Timestamp>,
) -> Result<(Vec<Call>, Option<Timestamp>)> {
    let (mut remains, mut last, mut early) = (Remains::new(families), None, HashSet::new());
    unwind::remains(journal, &run.id, &mut remains, &mut |kept| {
        last = Some(kept.at);
        if since.is_some_and(|since| kept.at <= since) {
            early.insert(kept.seq);
        }
    })?;
    let (items, _) = remains.finish(&Ledger::default());
    let call = |item: Item| match item.way {
        Way::Inverse { inverse: Inverse::Nothing, .. } | Way::Block => None,
        Way::Inverse { call, .. } => (!early.contains(&item.seq) && is_own(families, &call)).then_some(call),
    };
    Ok((items.into_iter().filter_map(call).collect(), last))
}

/// Whether the call changes the resource that it is made on: a dump changes its store, where it is a thing of its own, and
/// what a notice or another call adds is nothing that another could meet.
fn is_own(families: Families, call: &Call) -> bool {
    let entry = family::find(families, &call.resource.family).and_then(|family| family.entry(&call.verb));
    let Some(entry) = entry else { return true };
    let is_new = entry.adds || entry.arguments().iter().any(|(name, _)| name == "must");
    let changes = |bound: Box<dyn crate::effect::primitive::Bound>| {
        bound
            .needs(&call.resource)
            .iter()
            .any(|need| need.resource == call.resource && !need.effect.is_read())
    };
    !is_new && entry.bind(&call.arguments).map_or(true, changes)
}

/// Whether two calls may have changed the same thing.
fn meet(families: Families, one: &Call, other: &Call) -> bool {
    let touches = |call: &Call| {
        let family = family::find(families, &call.resource.family)?;
        family.entry(&call.verb)?.bind(&call.arguments).ok()?.touches()
    };
    one.resource == other.resource
        && match (touches(one), touches(other)) {
            (Some(one), Some(other)) => unwind::overlap(&one, &other),
            _ => true,
        }
}

fn resource(call: &Call) -> String {
    call.resource.to_string()
}
