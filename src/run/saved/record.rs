//! Hears a run that is planned, and keeps what was read and what would be changed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::base::call::Call;
use crate::base::event::{Event, Listener};
use crate::effect::content::fingerprint;
use crate::effect::family::{self, Families};
use crate::run::plan::{Change, Plan, Read, sha256};

/// A value that is longer as JSON is kept as its hash.
const LONGEST: usize = 16 * 1024;

/// Hears a plan.
pub(super) struct Recorder {
    plan: Mutex<Plan>,
    families: Families,
    project: PathBuf,
}

impl Recorder {
    /// Adds to what is known of the plan.
    pub(super) const fn new(plan: Plan, families: Families, project: PathBuf) -> Self {
        Self { plan: Mutex::new(plan), families, project }
    }

    /// What a change takes from files of the project, unless what is planned before it may make them.
    fn content(&self, plan: &Plan, call: &Call) -> Option<String> {
        let makes_files = |change: &Change| {
            change.call.starts_with("program.")
                || change.call.starts_with("git.")
                || change.call.ends_with(".download")
        };
        if plan.changes.values().any(makes_files) {
            return None;
        }
        let bound = family::entry_of(self.families, call)?.bind(&call.arguments).ok()?;
        fingerprint(&self.project, &bound.content())
    }

    /// What was heard.
    pub(super) fn take(&self) -> Plan {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listener for Recorder {
    fn hear(&self, event: &Event) {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::EffectBegan { position, call, digest, effect, plan: what, .. } => {
                let content = (!effect.is_read()).then(|| self.content(&plan, call)).flatten();
                let (call, digest, what) = (call.name(), digest.clone(), what.clone());
                if effect.is_read() {
                    let read = Read { call, digest, what, value: Value::Null, unsteady: Vec::new() };
                    plan.reads.insert(position.clone(), read);
                } else {
                    plan.changes
                        .insert(position.clone(), Change { call, digest, content, what, effect: *effect });
                }
            }
            Event::EffectEnded { position, value, error, .. } => {
                let value = match error {
                    Some(error) => json!({ "failed": error.what }),
                    None => kept(value),
                };
                if let Some(read) = plan.reads.get_mut(position) {
                    read.value = value;
                }
            }
            Event::Horizon { at, on } => {
                let at = at.as_ref().map(|at| format!("line {}: ", at.line)).unwrap_or_default();
                plan.horizon = Some(format!("{at}{on}"));
            }
            _ => {}
        }
    }
}

fn kept(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= LONGEST {
        value.clone()
    } else {
        json!({ "sha256": sha256(&text), "bytes": text.len() })
    }
}
