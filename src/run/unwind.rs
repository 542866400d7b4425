//! Takes back what a run did, last in first out: inverses through the same pipeline, rollback blocks on their engine.

use std::sync::Arc;
use std::time::Instant;

use rhai::Engine;

use crate::base::call::Inverse;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::ledger::{Entry, Way};
use crate::effect::pipeline::Request;
use crate::script::forms::rollback;
use crate::script::here::{self, Here};
use crate::script::session::Session;
use crate::sys::clock;

/// What came of taking back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwound {
    /// There was nothing to take back.
    Nothing,
    /// Everything was taken back.
    All,
    /// Something could not be taken back.
    Partly,
}

/// Takes back every entry of the ledger.
pub fn unwind(session: &Arc<Session>, engine: &Arc<Engine>, here: Here, reason: &str) -> Unwound {
    let _here = here::enter(here);
    rollback::lend(Some(Arc::clone(engine)));
    let entries = session.pipeline.ledger.take();
    let worth = entries.iter().filter(|entry| !matches!(entry.way, Way::Inverse(Inverse::Nothing))).count();
    if worth == 0 {
        return Unwound::Nothing;
    }
    // The journal may be what failed; taking back goes on all the same, and what needs the journal says so itself.
    let _ = session.record(&Event::UnwindBegan { entries: worth, reason: reason.to_owned() });
    let mut covered: Vec<Position> = Vec::new();
    let mut all = true;
    for entry in entries.into_iter().rev() {
        let Entry { position, what, way } = entry;
        let is_block = matches!(way, Way::Block(_));
        let begin = clock::instant();
        let Some(result) = take_back(session, way, is_covered(&covered, &position)) else { continue };
        if is_block && result.is_ok() {
            covered.push(position.clone());
        }
        all &= result.is_ok();
        let _ = session.record(&unwound(position, what, begin, result));
    }
    rollback::lend(None);
    if all { Unwound::All } else { Unwound::Partly }
}

/// Takes one entry back; `None` when there is nothing to do, or when the block of its step has done it.
fn take_back(session: &Session, way: Way, covered: bool) -> Option<Result<()>> {
    if let Some(stopped) = here::stopped() {
        return Some(Err(stopped));
    }
    match way {
        Way::Inverse(Inverse::Nothing) => None,
        Way::Inverse(Inverse::None { .. }) if covered => None,
        Way::Inverse(Inverse::None { why }) => Some(Err(Error::remote("it has no inverse")
            .why(why)
            .fix("take it back by hand, or give its step a `rollback { … }`"))),
        Way::Inverse(Inverse::Call(call)) => {
            let request = Request {
                call,
                position: here::next(),
                at: None,
                stop: here::stop(),
                depends: false,
                unwinding: true,
            };
            Some(session.runtime.block_on(session.pipeline.call(request)).map(drop))
        }
        Way::Block(block) => Some(block()),
    }
}

fn is_covered(covered: &[Position], position: &str) -> bool {
    covered.iter().any(|step| position.strip_prefix(step.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

fn unwound(position: Position, what: String, begin: Instant, result: Result<()>) -> Event {
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::NotTakenBack };
    Event::Unwound { position, what, outcome, took: begin.elapsed(), error: result.err() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_covers_what_its_step_did_and_nothing_else() {
        let covered = vec!["1".to_owned()];
        assert!(is_covered(&covered, "1/0") && is_covered(&covered, "1/2/3"));
        assert!(!is_covered(&covered, "10/0") && !is_covered(&covered, "2/0"));
    }
}
