//! What earlier turns of the same run recorded, so that a resumed script gets the same values back.

use std::collections::HashMap;

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;

/// The recorded effects of a run by their position; empty for a fresh run.
#[derive(Debug, Default)]
pub struct Recall {
    effects: HashMap<Position, Recorded>,
}

#[derive(Debug)]
struct Recorded {
    call: String,
    digest: String,
    end: Option<(Outcome, Value, Option<Error>)>,
}

impl Recall {
    /// Reads the events of an earlier turn, in their order.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut effects: HashMap<Position, Recorded> = HashMap::new();
        for event in events {
            match event {
                Event::EffectBegan { position, call, digest, .. } => {
                    let recorded = Recorded { call: call.name(), digest: digest.clone(), end: None };
                    effects.insert(position.clone(), recorded);
                }
                Event::EffectEnded { position, outcome, value, error, .. } => {
                    if let Some(recorded) = effects.get_mut(position) {
                        recorded.end = Some((*outcome, value.clone(), error.clone()));
                    }
                }
                _ => {}
            }
        }
        Self { effects }
    }

    /// The recorded end of the effect at `position`: `None` when it is new. A different call there means that the
    /// playbook was changed before the point it had reached; an effect without an end is in doubt.
    pub fn find(&self, position: &str, call: &str, digest: &str) -> Result<Option<Result<Value>>> {
        let Some(recorded) = self.effects.get(position) else { return Ok(None) };
        if recorded.call != call || recorded.digest != digest {
            return Err(Error::usage(format!(
                "the playbook changed: `{call}` stands where `{}` was recorded",
                recorded.call
            ))
            .fix("lines may be edited only below the point that the run had reached"));
        }
        match &recorded.end {
            Some((Outcome::Done, value, _)) => Ok(Some(Ok(value.clone()))),
            Some((Outcome::Failed, _, Some(error))) => Ok(Some(Err(error.clone()))),
            _ => Err(Error::new(
                crate::base::error::Kind::InDoubt,
                format!("it is not known whether `{call}` was done"),
            )
            .fix("look at the system itself, then run again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::call::{Call, Inverse};
    use crate::base::effect::Effect;
    use crate::base::error::Kind;

    fn began(position: &str, verb: &str) -> Event {
        Event::EffectBegan {
            position: position.into(),
            call: Call::new("files.backups".parse().unwrap(), verb),
            digest: "d".into(),
            effect: Effect::Write,
            plan: String::new(),
            inverse: Inverse::Nothing,
            at: None,
        }
    }

    #[test]
    fn a_recorded_value_comes_back_and_another_call_or_an_open_end_does_not() {
        let ended = Event::EffectEnded {
            position: "0/0".into(),
            call: "files.backups.put".into(),
            outcome: Outcome::Done,
            took: Duration::ZERO,
            value: 7.into(),
            error: None,
        };
        let recall = Recall::of(&[began("0/0", "put"), ended, began("0/1", "delete")]);
        assert_eq!(recall.find("0/0", "files.backups.put", "d").unwrap().unwrap().unwrap(), 7);
        assert!(recall.find("0/0", "files.backups.get", "d").unwrap_err().what.contains("changed"));
        assert!(recall.find("0/0", "files.backups.put", "e").is_err());
        assert_eq!(recall.find("0/1", "files.backups.delete", "d").unwrap_err().kind, Kind::InDoubt);
        assert!(recall.find("0/2", "files.backups.put", "d").unwrap().is_none());
    }
}
