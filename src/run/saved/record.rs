//! Hears a run that is planned, and keeps what was read and what would be changed.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::base::event::{Event, Listener};
use crate::run::plan::{Change, Plan, Read, sha256};

/// A value that is longer as JSON is kept as its hash.
const LONGEST: usize = 16 * 1024;

/// Hears a plan.
pub(super) struct Recorder(Mutex<Plan>);

impl Recorder {
    /// Adds to what is known of the plan.
    pub(super) const fn new(plan: Plan) -> Self {
        Self(Mutex::new(plan))
    }

    /// What was heard.
    pub(super) fn take(&self) -> Plan {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listener for Recorder {
    fn hear(&self, event: &Event) {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::EffectBegan { position, call, digest, effect, plan: what, .. } => {
                let (call, digest, what) = (call.name(), digest.clone(), what.clone());
                if effect.is_read() {
                    let read = Read { call, digest, what, value: Value::Null, unsteady: Vec::new() };
                    plan.reads.insert(position.clone(), read);
                } else {
                    plan.changes.insert(position.clone(), Change { call, digest, what, effect: *effect });
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
