//! What later runs changed of the things that a rollback block brings back: the block itself compares nothing, and would
//! lose it.

use std::collections::BTreeSet;

use super::{Comparison, Item, Way, is_covered};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::Position;
use crate::effect::journal::{Journal, RunRecord};
use crate::effect::sql::database_of;
use crate::script::session::Session;

/// Refuses before anything is done: names each later run that stands and changed the same resource as a step whose
/// rollback block is to run.
pub fn changed_by_newer(
    (session, journal): (&Session, &Journal),
    of: &RunRecord,
    comparison: &Comparison,
    items: &[Item],
) -> Result<()> {
    let blocks = items.iter().filter(|item| matches!(item.way, Way::Block));
    let blocks: Vec<Position> = blocks.map(|item| item.position.clone()).collect();
    if blocks.is_empty() {
        return Ok(());
    }
    let host = &session.pipeline.host;
    let families = host.families;
    let mut brought_back = journal.changed(families, &of.id, |position| is_covered(&blocks, position))?;
    brought_back.retain(|resource| !comparison.forces(resource));
    let mut told = Vec::new();
    let (mut resources, mut newest) = (BTreeSet::new(), None);
    for run in journal.later(of)? {
        let mut changed = journal.changed(families, &run.id, |_| true)?;
        let within = changed.iter().filter_map(|id| database_of(host, &id.parse().ok()?));
        let within: Vec<String> = within.map(|id| id.to_string()).collect();
        changed.extend(within);
        for resource in changed.intersection(&brought_back) {
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
