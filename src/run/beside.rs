//! What is said to whoever begins a run while another one goes on that may change the same.

use super::past::TYPED;
use crate::base::access::{Access, ResourceId};
use crate::base::error::Result;
use crate::effect::family::{self, Families};
use crate::effect::journal::{Filter, Journal, RunRecord, State};
use crate::script::header::Header;

/// How many runs back others are looked for that go on.
const BACK: usize = 32;

/// Names a run that goes on in the environment, other than the one of that id, and may change what a run with these `uses`
/// may change too: no lock that both have keeps them apart, or the second would not begin.
pub fn beside(
    (journal, families): (&Journal, Families),
    (own_id, environment): (&str, &str),
    uses: &[Access],
) -> Result<Option<String>> {
    let own: Vec<&ResourceId> = changed(uses).filter(|resource| is_met(families, resource)).collect();
    if own.is_empty() {
        return Ok(None);
    }
    let filter = Filter { last: Some(BACK), environment: Some(environment.to_owned()), ..Filter::default() };
    let goes_on = |run: &RunRecord| {
        let is_begun = matches!(run.state, State::Running | State::Waiting);
        is_begun && run.id != own_id && run.facts.playbook != TYPED
    };
    for run in journal.runs(&filter)?.into_iter().filter(goes_on) {
        let others = uses_of(journal, &run)?;
        let Some(both) = changed(&others).find(|other| own.contains(other)) else {
            continue;
        };
        let (id, playbook, person) = (&run.id, &run.facts.playbook, &run.facts.person);
        let how = if run.state == State::Waiting { "waits, and goes on later" } else { "goes on" };
        return Ok(Some(format!(
            "warning: run {id} of {playbook}, begun by {person}, {how}, and may change `{both}` too: the same `lock = \"…\"` in both headers would keep them apart"
        )));
    }
    Ok(None)
}

fn changed(uses: &[Access]) -> impl Iterator<Item = &ResourceId> {
    uses.iter().filter(|access| !access.effect.is_read()).map(|access| &access.resource)
}

/// Whether two runs can meet in a resource. What is only added to a store, or told to people, is no reason to wait.
fn is_met(families: Families, resource: &ResourceId) -> bool {
    let Some(family) = family::find(families, &resource.family) else { return false };
    let mut changing = family.entries.iter().filter(|entry| !entry.effect.is_read());
    family.store.is_none() && changing.any(|entry| !entry.adds && !entry.is_notice())
}

/// What the header of a run says that it uses; nothing where it cannot be read any more.
fn uses_of(journal: &Journal, run: &RunRecord) -> Result<Vec<Access>> {
    let name = &run.facts.playbook;
    let Some(hash) = run.facts.scripts.get(name) else { return Ok(Vec::new()) };
    let text = journal.script(hash)?.unwrap_or_default();
    Ok(Header::read(name, &text).map(|header| header.uses).unwrap_or_default())
}
