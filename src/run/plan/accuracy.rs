//! Compares what a run does with the plan that it is held to, while it goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Plan;
use super::claims::{Claims, Made};
use crate::base::event::{Event, Listener};
use crate::effect::recall::UNDO;

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
pub(super) struct Seen {
    pub(super) claims: Claims,
    /// The places of `parallel`, whose branches do not wait for each other.
    pub(super) branched: BTreeSet<String>,
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

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the run went against the plan, given what earlier runs of the playbook came to: planned changes, and those
    /// that went as planned.
    #[must_use]
    pub fn compared(&self, (runs, before): (u64, f64)) -> Event {
        let seen = self.seen();
        let mut names = seen.names.clone();
        names.extend(seen.claims.missing(&self.plan).map(|change| format!("not done: {}", change.what)));
        names.truncate(NAMED);
        let (planned, as_planned) = (self.plan.changes.len(), seen.claims.count());
        let all = planned + seen.unplanned;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share of a count that a person could have written down"
        )]
        let accuracy = if all == 0 { 1.0 } else { as_planned as f64 / all as f64 };
        #[expect(clippy::cast_precision_loss, reason = "a count of runs")]
        let usual = (before * runs as f64 + accuracy) / (runs + 1) as f64;
        Event::PlanCompared {
            plan: self.hash.clone(),
            planned,
            as_planned,
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
        let mut seen = self.seen();
        match event {
            Event::Retrying { position, .. } => seen.claims.retry(position),
            Event::Branched { position, .. } => {
                seen.branched.insert(position.clone());
            }
            Event::EffectBegan { position, call, digest, effect, plan: what, .. }
                if !effect.is_read() && !position.starts_with(UNDO) =>
            {
                let call = call.name();
                let made = Made { position, call: &call, digest, effect: *effect };
                if !seen.claims.take(&self.plan, &made) {
                    seen.unplanned += 1;
                    if seen.names.len() < NAMED {
                        seen.names.push(format!("not planned: {what}"));
                    }
                }
            }
            _ => {}
        }
    }
}
