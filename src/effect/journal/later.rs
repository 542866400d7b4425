//! What later runs changed: whether what they did stands, and which of their changes touched the same resources.

use std::collections::BTreeSet;

use super::{Filter, Journal, RunKind, RunRecord};
use crate::base::access::ResourceId;
use crate::base::call::Call;
use crate::base::error::Result;
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::effect::family::{self, Families};

impl Journal {
    /// The runs that began after `run` in its environment and whose changes are still so, as far as the journal knows,
    /// newest first.
    pub fn later(&self, run: &RunRecord) -> Result<Vec<RunRecord>> {
        let filter = Filter { environment: Some(run.facts.environment.clone()), ..Filter::default() };
        let mut later = Vec::new();
        for one in self.runs(&filter)?.into_iter().take_while(|one| one.id != run.id) {
            if self.stands(&one)? {
                later.push(one);
            }
        }
        Ok(later)
    }

    /// Whether what a run did is still so. A rollback does nothing that the run before it had not undone.
    fn stands(&self, run: &RunRecord) -> Result<bool> {
        if matches!(run.facts.kind, RunKind::Rollback | RunKind::Unlock)
            || run.outcome == Some(Outcome::TakenBack)
        {
            return Ok(false);
        }
        for by in self.reversals(&run.id)? {
            if by.outcome == Some(Outcome::Done) && self.took_back(&by.id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a run took anything back: its own changes, or those of the run before it.
    pub fn took_back(&self, run: &str) -> Result<bool> {
        let mut found = false;
        self.each(run, &mut |kept| {
            found |= matches!(kept.event, Event::Unwound { outcome: Outcome::Done, .. });
            Ok(())
        })?;
        Ok(found)
    }

    /// The resources that a run changed at the places that are wanted. A backup of a database changes the store, and not the
    /// database.
    pub fn changed(
        &self,
        families: Families,
        run: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        self.each(run, &mut |kept| {
            if let Event::EffectBegan { position, call, effect, .. } = &kept.event
                && !effect.is_read()
                && is_wanted(position)
            {
                found.extend(changed_by(families, call).iter().map(ToString::to_string));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// What a change changes, as its primitive tells it; one that this program does not know, its own resource.
fn changed_by(families: Families, call: &Call) -> Vec<ResourceId> {
    match family::entry_of(families, call).and_then(|entry| entry.bind(&call.arguments).ok()) {
        None => vec![call.resource.clone()],
        Some(bound) => {
            let needs = bound.needs(&call.resource).into_iter();
            needs.filter(|need| !need.effect.is_read()).map(|need| need.resource).collect()
        }
    }
}
