//! Compares what a run does with the plan that it is held to, while it goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Plan;
use crate::base::event::{Event, Listener};

/// So many differences are named.
const NAMED: usize = 10;

/// Hears a run and holds it against its plan; what it keeps does not grow with the run.
#[derive(Debug)]
pub struct Watch {
    pub(super) plan: Arc<Plan>,
    hash: String,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The planned changes that were met, right or not.
    met: BTreeSet<String>,
    as_planned: usize,
    unplanned: usize,
    names: Vec<String>,
}

impl Watch {
    /// Watches a run that is held to `plan`, whose hash is `hash`.
    #[must_use]
    pub fn new(plan: Arc<Plan>, hash: String) -> Self {
        Self { plan, hash, seen: Mutex::default() }
    }

    /// The plan's hash.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How the run went against the plan, given what earlier runs of the playbook came to: planned changes, and those
    /// that went as planned.
    #[must_use]
    pub fn compared(&self, (runs, before): (u64, f64)) -> Event {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.plan.changes.iter().filter(|(position, _)| !seen.met.contains(*position));
        let mut names = seen.names.clone();
        names.extend(missing.clone().map(|(_, change)| format!("not done: {}", change.what)));
        names.truncate(NAMED);
        let (planned, all) = (self.plan.changes.len(), self.plan.changes.len() + seen.unplanned);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share of a count that a person could have written down"
        )]
        let accuracy = if all == 0 { 1.0 } else { seen.as_planned as f64 / all as f64 };
        #[expect(clippy::cast_precision_loss, reason = "a count of runs")]
        let usual = (before * runs as f64 + accuracy) / (runs + 1) as f64;
        Event::PlanCompared {
            plan: self.hash.clone(),
            planned,
            as_planned: seen.as_planned,
            unplanned: seen.unplanned,
            differences: names,
            accuracy,
            usual,
            runs: runs + 1,
        }
    }
}

impl Listener for Watch {
    fn hear(&self, event: &Event) {
        let Event::EffectBegan { position, call, digest, effect, plan: what, .. } = event else { return };
        if effect.is_read() || position.starts_with("undo") {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let name = call.name();
        let difference = match self.plan.changes.get(position) {
            Some(change) if change.call == name => {
                let is_same = change.is_it(&name, digest);
                // A change that is begun again, after a crash, counts once.
                let is_first = seen.met.insert(position.clone());
                seen.as_planned += usize::from(is_same && is_first);
                (!is_same && is_first).then(|| format!("other than planned: {what}"))
            }
            _ => {
                seen.unplanned += 1;
                Some(format!("not planned: {what}"))
            }
        };
        if seen.names.len() < NAMED {
            seen.names.extend(difference);
        }
    }
}
