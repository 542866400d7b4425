//! Which of the runs that wait can go on: their time has come, or somebody decided.

use super::reversed;
use crate::base::clock::left;
use crate::base::error::Result;
use crate::base::event::Event;
use crate::base::gate::Answer;
use crate::effect::journal::{Filter, Journal, RunRecord, State};
use crate::sys::clock;

/// The runs that can go on now, oldest first.
pub fn due(journal: &Journal) -> Result<Vec<RunRecord>> {
    let mut found = Vec::new();
    for record in journal.runs(&Filter { open: true, ..Filter::default() })? {
        let waits = record.state == State::Waiting && reversed::is_not_taken_back(journal, &record).is_ok();
        if waits && is_due(journal, &record)? {
            found.push(record);
        }
    }
    found.reverse();
    Ok(found)
}

/// Whether a run that waits can go on.
fn is_due(journal: &Journal, record: &RunRecord) -> Result<bool> {
    let (mut waits, mut gates, mut counted) = (None, 0_usize, Vec::new());
    for entry in journal.entries(&record.id)? {
        match entry.event {
            Event::Waiting { .. } => waits = Some(entry.event),
            Event::GateOpened { .. } => (waits, gates) = (None, gates + 1),
            Event::GateAnswered { answer, .. } => counted.push(answer),
            Event::GateClosed { .. } => gates = gates.saturating_sub(1),
            _ => {}
        }
    }
    if let Some(waits) = waits {
        return Ok(left(&waits, &clock::reading()).is_zero());
    }
    let is_late =
        record.waits.as_ref().and_then(|waits| waits.until).is_some_and(|until| until <= clock::now());
    // Who has changed their mind has answered as often as before.
    let is_counted = |answer: &Answer| counted.iter().any(|one| is_same(one, answer));
    Ok(is_late || (gates > 0 && !journal.answers(&record.id)?.iter().all(is_counted)))
}

/// Whether it is one answer, and not another one of the same person.
fn is_same(one: &Answer, other: &Answer) -> bool {
    let is_theirs = one.gate == other.gate && one.person == other.person;
    is_theirs && one.at == other.at && one.approved == other.approved
}
