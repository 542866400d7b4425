//! Time that the playbook asks to pass, or that people take to decide: nothing is slow in it.

use std::time::{Duration, Instant};

use crate::base::clock::times;
use crate::base::event::Event;

/// The rests of a run so far.
#[derive(Debug, Default)]
pub(super) struct Rests(Vec<Rest>);

#[derive(Debug)]
struct Rest {
    position: String,
    began: Instant,
    /// How long it is in all; `None` while people are waited for.
    length: Option<Duration>,
}

impl Rests {
    /// Takes one event at the instant `now`.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Waiting { position, pause, scale, .. } => {
                let length = scale.map_or(*pause, |scale| times(*pause, scale));
                self.0.push(Rest { position: position.clone(), began: now, length: Some(length) });
            }
            Event::GateOpened { position, .. } => {
                self.0.push(Rest { position: position.clone(), began: now, length: None });
            }
            Event::GateClosed { position, .. } => {
                let open = self.0.iter_mut().filter(|rest| rest.length.is_none());
                for rest in open.filter(|rest| rest.position == *position) {
                    rest.length = Some(now.duration_since(rest.began));
                }
            }
            Event::StepEnded { position, .. } => {
                // One of them stands for all in a step that is over; a long run would else remember each.
                let length = self.within(position, now);
                let had = self.0.len();
                self.0.retain(|rest| !is_within(&rest.position, position));
                if self.0.len() < had {
                    let began = now.checked_sub(length).unwrap_or(now);
                    self.0.push(Rest { position: position.clone(), began, length: Some(length) });
                }
            }
            _ => {}
        }
    }

    /// How much of the time until `now` was rest in the step at `position`, or in the whole run where that is empty.
    pub(super) fn within(&self, position: &str, now: Instant) -> Duration {
        let own = self.0.iter().filter(|rest| is_within(&rest.position, position));
        own.map(|rest| {
            let passed = now.duration_since(rest.began);
            rest.length.map_or(passed, |length| length.min(passed))
        })
        .sum()
    }
}

fn is_within(position: &str, step: &str) -> bool {
    let rest = position.strip_prefix(step);
    step.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_asked_for_is_rest_and_no_more_than_that() {
        let (begin, mut rests) = (crate::sys::clock::instant(), Rests::default());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut hear = |event: serde_json::Value, seconds: u64| {
            rests.hear(&serde_json::from_value(event).unwrap(), at(seconds));
        };
        hear(json!({ "event": "waiting", "position": "1/0", "pause": 10_000.0 }), 0);
        hear(json!({ "event": "waiting", "position": "1/1", "pause": 60_000.0, "scale": 0.5 }), 20);
        hear(json!({ "event": "waiting", "position": "10/0", "pause": 1_000.0 }), 60);
        assert_eq!(rests.within("1", at(5)), Duration::from_secs(5));
        assert_eq!(rests.within("1", at(70)), Duration::from_secs(40));
        let ended =
            json!({ "event": "step_ended", "position": "1", "name": "x", "outcome": "done", "took": 1.0 });
        rests.hear(&serde_json::from_value(ended).unwrap(), at(70));
        assert_eq!((rests.0.len(), rests.within("1", at(90))), (2, Duration::from_secs(40)));
        assert_eq!(rests.within("", at(90)), Duration::from_secs(41));
    }
}
