//! What is told and kept of a call: its begin and its end without secrets, its inverse in the form that may lie on a disk.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Permitted, Pipeline, Request, guard};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::text;

impl Pipeline {
    /// The form of an inverse that may lie on a disk: secrets are references again.
    pub(super) fn stored(&self, inverse: &Inverse) -> Inverse {
        match inverse {
            Inverse::Call(call) => {
                let refer = |value: &Value| self.host.redactor.refer(value);
                let arguments: Map<String, Value> =
                    call.arguments.iter().map(|(name, value)| (name.clone(), refer(value))).collect();
                Inverse::Call(Call { arguments, ..call.clone() })
            }
            other => other.clone(),
        }
    }

    /// The event of its begin.
    pub(super) fn began(&self, call: &Permitted, inverse: &Inverse) -> Event {
        let redactor = &self.host.redactor;
        let arguments = call.request.call.arguments.iter();
        let arguments = arguments.map(|(name, value)| (name.clone(), redactor.value(value))).collect();
        Event::EffectBegan {
            position: call.request.position.clone(),
            call: Call { arguments, ..call.request.call.clone() },
            digest: call.digest.clone(),
            effect: call.effect,
            plan: self.words(call),
            inverse: match inverse {
                // The arguments of an inverse hold old values; they are kept apart from the record that people read.
                Inverse::Call(call) => Inverse::Call(Call::new(call.resource.clone(), call.verb.clone())),
                other => other.clone(),
            },
            stays: call.options.stays,
            at: call.request.at.clone(),
        }
    }

    /// What it will do, in words, with what it found out of that.
    pub(super) fn words(&self, call: &Permitted) -> String {
        match call.cx.witness.foreseen() {
            None => call.plan.clone(),
            Some(foreseen) => {
                self.host.redactor.text(&text::headline(&format!("{}: {foreseen}", call.plan), 240))
            }
        }
    }

    /// The event of its end.
    pub(super) fn ended(
        &self,
        request: &Request,
        effect: Effect,
        took: Duration,
        result: &Result<Value, Error>,
    ) -> Event {
        Event::EffectEnded {
            position: request.position.clone(),
            call: request.call.name(),
            outcome: guard::outcome(effect, result),
            took,
            value: result.as_ref().map_or(Value::Null, |value| self.host.redactor.value(value)),
            error: result.as_ref().err().cloned(),
        }
    }
}
