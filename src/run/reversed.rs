//! What other runs took back of a run.

use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::effect::journal::{Journal, RunKind, RunRecord};

/// Refuses a run that was taken back by another one, or of which a part was: what is left of its script would stand alone.
pub fn is_not_taken_back(journal: &Journal, record: &RunRecord) -> Result<()> {
    let Some((by, whole)) = of(journal, record)? else { return Ok(()) };
    let (id, playbook) = (&record.id, &record.facts.playbook);
    let (what, fix) = match whole {
        true => ("was taken back", format!("begin anew: `playbook exec {playbook}`")),
        false => ("was taken back in part", format!("take the rest back: `playbook rollback {id}`")),
    };
    Err(Error::usage(format!("the run {id} {what}, by the run {}", by.id)).fix(fix))
}

/// The run that took this one back, all of it, `true`, or a part; if one did.
pub fn of(journal: &Journal, record: &RunRecord) -> Result<Option<(RunRecord, bool)>> {
    let reversals = journal.reversals(&record.id)?;
    best(journal, &reversals.iter().collect::<Vec<_>>())
}

/// Of the runs that were to take one back, newest first, the one that took back all, `true`; else the newest that took back a
/// part. One that found nothing to take back is none of them.
pub fn best(journal: &Journal, reversals: &[&RunRecord]) -> Result<Option<(RunRecord, bool)>> {
    let mut part = None;
    for by in reversals {
        if journal.took_back(&by.id)? {
            if by.outcome == Some(Outcome::Done) {
                return Ok(Some(((*by).clone(), true)));
            }
            part.get_or_insert_with(|| ((*by).clone(), false));
        }
    }
    Ok(part)
}

/// What a run took back, in words, and what it could not: `false`.
pub fn unwound(journal: &Journal, run: &RunRecord) -> Result<Vec<(String, bool)>> {
    let mut found = Vec::new();
    journal.each(&run.id, &mut |kept| {
        if let Event::Unwound { what, outcome, .. } = kept.event {
            found.push((what, outcome == Outcome::Done));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether a rollback was refused before it did anything: it did not fail at anything.
#[must_use]
pub fn is_refused(record: &RunRecord) -> bool {
    record.facts.kind == RunKind::Rollback && record.outcome == Some(Outcome::Failed)
}
