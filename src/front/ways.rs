//! What can be done with a run of the past: the commands that go on with it or take it back.

use super::style::{Line, Paint};
use super::tree::{Tree, What};
use crate::base::error::Result;
use crate::base::outcome::Outcome;
use crate::effect::journal::{Journal, RunKind, RunRecord, State};
use crate::primitives::FAMILIES;
use crate::run::{past, reversed, standing};

/// What can be done with the run. One that is over and of which nothing stands is begun anew, unless people decided in it.
pub(super) fn ways(journal: &Journal, record: &RunRecord, tree: &Tree) -> Result<Vec<Line>> {
    let mut commands = Vec::new();
    let is_over = record.state == State::Ended && record.facts.kind == RunKind::Exec;
    let reversed = reversed::of(journal, record)?;
    let is_nothing =
        is_over && past::may_go_on(record).is_ok() && !standing::stands((journal, FAMILIES), record)?;
    if is_nothing && !tree.walk().any(|node| matches!(node.what, What::Gate { .. })) {
        commands.push(format!("it left nothing: begin anew with `playbook exec {}`", record.facts.playbook));
    } else if past::may_resume(record).is_ok() && !reversed::is_refused(record) && reversed.is_none() {
        commands.push(format!("go on with it: `playbook resume {}`", record.id));
    }
    let is_back = reversed.is_some_and(|(_, whole)| whole);
    if past::may_roll_back(record).is_ok() && !is_back && record.outcome != Some(Outcome::Done) && !is_nothing
    {
        commands.push(format!("take it back: `playbook rollback {}`", record.id));
    }
    let mut lines: Vec<Line> =
        commands.into_iter().map(|text| Line::indented(1).with(Paint::Dim, text)).collect();
    if !lines.is_empty() && record.state != State::Interrupted {
        lines.insert(0, Line::default());
    }
    Ok(lines)
}
