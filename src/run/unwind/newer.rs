//! What later runs changed of the things that a rollback block brings back: the block itself compares nothing, and would
//! lose it.

use std::collections::BTreeSet;

use super::{Comparison, Item, Way, is_covered};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::journal::{Filter, Journal, RunKind, RunRecord};

/// Refuses before anything is done: names each later run that stands and changed the same resource as a step whose
/// rollback block is to run.
pub fn changed_by_newer(
    journal: &Journal,
    of: &RunRecord,
    comparison: &Comparison,
    items: &[Item],
) -> Result<()> {
    let blocks = items.iter().filter(|item| matches!(item.way, Way::Block));
    let blocks: Vec<Position> = blocks.map(|item| item.position.clone()).collect();
    if blocks.is_empty() {
        return Ok(());
    }
    let mut brought_back = changed(journal, &of.id, |position| is_covered(&blocks, position))?;
    brought_back.retain(|resource| !comparison.forces(resource));
    let filter = Filter { environment: Some(of.facts.environment.clone()), ..Filter::default() };
    let runs = journal.runs(&filter)?;
    let mut told = Vec::new();
    let (mut resources, mut newest) = (BTreeSet::new(), None);
    for run in runs.iter().take_while(|run| run.id != of.id) {
        if !stands(journal, run)? {
            continue;
        }
        for resource in changed(journal, &run.id, |_| true)?.intersection(&brought_back) {
            told.push(format!("{resource}: by the run {} of {}", run.id, run.facts.playbook));
            resources.insert(resource.clone());
            newest.get_or_insert_with(|| run.id.clone());
        }
    }
    let Some(newest) = newest else { return Ok(()) };
    let force: Vec<String> = resources.iter().map(|resource| format!("--force {resource}")).collect();
    Err(Error::new(Kind::Changed, "a later run changed what a rollback block would bring back")
        .why(told.join("\n"))
        .fix(format!(
            "take that back first: `playbook rollback {newest}`; or lose what it did with `{}`",
            force.join(" ")
        ))
        .detail(NOT_BEGUN, true))
}

/// Whether what a run did is still so, as far as the journal knows. A rollback does nothing that the run before it had
/// not undone.
fn stands(journal: &Journal, run: &RunRecord) -> Result<bool> {
    if matches!(run.facts.kind, RunKind::Rollback | RunKind::Unlock)
        || run.outcome == Some(Outcome::TakenBack)
    {
        return Ok(false);
    }
    Ok(!journal.reversals(&run.id)?.iter().any(|by| by.outcome == Some(Outcome::Done)))
}

/// The resources that a run changed at the places that are wanted.
fn changed(journal: &Journal, run: &str, is_wanted: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    journal.each(run, &mut |kept| {
        if let Event::EffectBegan { position, call, effect, .. } = &kept.event
            && !effect.is_read()
            && is_wanted(position)
        {
            found.insert(call.resource.to_string());
        }
        Ok(())
    })?;
    Ok(found)
}
