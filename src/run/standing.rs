//! What of a run still stands, and what is said of one that was left half way.

use jiff::Timestamp;

use super::past::TYPED;
use super::unwind::{self, Item, Remains, Way};
use crate::base::call::{Call, Inverse};
use crate::base::error::Result;
use crate::base::outcome::Outcome;
use crate::effect::family::{self, Families};
use crate::effect::journal::{Filter, Journal, RunKind, RunRecord, State};
use crate::effect::ledger::Ledger;

/// How many runs back one is looked for that was left.
const BACK: usize = 8;

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
        _ if !stands((journal, families), &run)? => None,
        (_, Some(Outcome::NotTakenBack)) => Some(format!(
            "warning: run {id} of {playbook} was not all taken back: `playbook show {id}` names what is still there"
        )),
        _ => Some(format!("warning: run {id} of {playbook} failed, and was left half way: {ways}")),
    })
}

/// Whether anything of what a run changed is still so, as far as the journal knows.
pub fn stands((journal, families): (&Journal, Families), run: &RunRecord) -> Result<bool> {
    Ok(standing((journal, families), run)?.0.iter().any(Change::is_to_go))
}

/// A change of a run that still stands.
pub(super) struct Change {
    /// When it was begun.
    pub(super) at: Timestamp,
    /// The call, without secrets.
    pub(super) call: Call,
    stays: bool,
}

impl Change {
    /// Whether it is not meant to stay when its run is taken back.
    pub(super) const fn is_to_go(&self) -> bool {
        !self.stays
    }
}

/// The changes of a run that still stand, and when its last entry was written.
pub(super) fn standing(
    (journal, families): (&Journal, Families),
    run: &RunRecord,
) -> Result<(Vec<Change>, Option<Timestamp>)> {
    let (mut remains, mut last) = (Remains::new(families), None);
    unwind::remains(journal, &run.id, &mut remains, &mut |kept| last = Some(kept.at))?;
    let (items, _) = remains.finish(&Ledger::default());
    let change = |Item { at, way, .. }: Item| match way {
        Way::Inverse { inverse: Inverse::Nothing, stays: false, .. } | Way::Block => None,
        Way::Inverse { call, stays, .. } => is_own(families, &call).then_some(Change { at, call, stays }),
    };
    Ok((items.into_iter().filter_map(change).collect(), last))
}

/// Whether the call changes the resource that it is made on: a dump changes its store, where it is a thing of its own, and
/// what a notice or another call adds is nothing that another could meet.
fn is_own(families: Families, call: &Call) -> bool {
    let Some(entry) = family::entry_of(families, call) else { return true };
    let is_new = entry.adds || entry.is_notice();
    let changes = |bound: Box<dyn crate::effect::primitive::Bound>| {
        bound
            .needs(&call.resource)
            .iter()
            .any(|need| need.resource == call.resource && !need.effect.is_read())
    };
    !is_new && entry.bind(&call.arguments).map_or(true, changes)
}
