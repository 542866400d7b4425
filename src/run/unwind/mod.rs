//! Takes back what a run did, last in first out: inverses through the same pipeline, rollback blocks on their engine.
//! What is to be taken back stands in the journal, so it makes no difference whether the run is still there.

mod compare;
mod newer;
mod others;
mod remains;

use std::sync::Arc;
use std::time::Instant;

use rhai::Engine;
use serde_json::Value;

pub use compare::{Comparison, changed_since, lacking, overlap};
pub use newer::changed_by_newer;
pub use others::{Other, state_of};
pub use remains::{Item, Remains, Way};

use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::journal::{Journal, Kept};
use crate::effect::pipeline::Request;
use crate::effect::recall::UNDO;
use crate::script::forms::rollback;
use crate::script::here::{self, Here};
use crate::script::session::Session;
use crate::sys::clock;

/// What is said of an effect that nothing takes back.
pub const NO_INVERSE: &str = "it has no inverse";

/// Shows what remains all that a run did, and all that was taken back of it so far; `see` is shown the run's own entries too.
pub fn remains(
    journal: &Journal,
    run: &str,
    remains: &mut Remains,
    see: &mut dyn FnMut(&Kept),
) -> Result<()> {
    journal.each(run, &mut |kept| {
        see(&kept);
        remains.hear(&kept);
        Ok(())
    })?;
    // Oldest first. Of a rollback only what it took back counts; its own calls have no place in the run.
    for reversal in journal.reversals(run)?.into_iter().rev() {
        journal.each(&reversal.id, &mut |kept| {
            if matches!(kept.event, Event::UnwindBegan { .. } | Event::Unwound { .. }) {
                remains.hear(&kept);
            }
            Ok(())
        })?;
    }
    Ok(())
}

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

/// A run that is to be taken back.
pub struct Unwinding<'a> {
    /// The session that does it.
    pub session: &'a Arc<Session>,
    /// The engine of its rollback blocks.
    pub engine: &'a Arc<Engine>,
    /// Where it is recorded.
    pub journal: &'a Journal,
    /// Its id.
    pub run: &'a str,
    /// What remains to be taken back, the last of them first.
    pub items: Vec<Item>,
    /// Steps whose block has run.
    pub covered: Vec<Position>,
    /// How each thing is compared first with what is there now.
    pub comparison: Option<Comparison>,
    /// What other runs changed since this one began, which is not to be lost.
    pub others: Vec<Other>,
}

impl Unwinding<'_> {
    /// Takes back everything.
    pub fn unwind(mut self, here: Here, reason: &str) -> Unwound {
        let _here = here::enter(here);
        let items = std::mem::take(&mut self.items);
        let worth = items.iter().filter(|item| !is_nothing(item)).count();
        if worth == 0 {
            return Unwound::Nothing;
        }
        rollback::lend(Some(Arc::clone(self.engine)));
        self.session.spare(Some(self.spare_whole()));
        // The journal may be what failed; taking back goes on all the same, and what needs the journal says so itself.
        let _ = self.session.record(&Event::UnwindBegan { entries: worth, reason: reason.to_owned() });
        let mut all = true;
        for item in items.into_iter().rev() {
            let begin = clock::instant();
            let Some(result) = self.take_back(&item) else { continue };
            if matches!(item.way, Way::Block) && result.is_ok() {
                self.covered.push(item.position.clone());
            }
            all &= result.is_ok();
            let _ = self.session.record(&unwound(item, begin, result));
        }
        rollback::lend(None);
        self.session.spare(None);
        if all { Unwound::All } else { Unwound::Partly }
    }

    /// Takes back what was chosen of a run that goes on: the run as a whole is not being taken back. Gives what was
    /// taken back, or why it could not be.
    pub fn take_some(mut self, here: Here) -> Vec<(String, Result<()>)> {
        let _here = here::enter(here);
        let items = std::mem::take(&mut self.items);
        rollback::lend(Some(Arc::clone(self.engine)));
        self.session.spare(Some(self.spare_whole()));
        let mut told = Vec::new();
        for item in items.into_iter().rev() {
            let begin = clock::instant();
            let Some(result) = self.take_back(&item) else { continue };
            if matches!(item.way, Way::Block) && result.is_ok() {
                self.covered.push(item.position.clone());
            }
            told.push((item.what.clone(), result.clone()));
            let _ = self.session.record(&unwound(item, begin, result));
        }
        rollback::lend(None);
        self.session.spare(None);
        told
    }

    /// Takes one thing back; `None` when there is nothing to do, or when the block of its step has done it.
    fn take_back(&self, item: &Item) -> Option<Result<()>> {
        if is_nothing(item) {
            return None;
        }
        if let Some(stopped) = here::stopped() {
            return Some(Err(stopped));
        }
        match &item.way {
            Way::Block => Some(
                self.session
                    .pipeline
                    .ledger
                    .block(&item.position)
                    .map_or_else(|| Err(Error::bug("a rollback block was lost")), |block| (block.run)()),
            ),
            Way::Inverse { inverse: Inverse::None { why }, .. } => {
                (!is_covered(&self.covered, &item.position)).then(|| {
                    Err(Error::remote(NO_INVERSE)
                        .why(why)
                        .fix("take it back by hand, or give its step a `rollback { … }`"))
                })
            }
            // It came back before a block that had failed. That may have put it where the run had left it, and else it is back.
            Way::Inverse { .. } if item.again => {
                let is_gone = |comparison: &Comparison| comparison.is_gone_again(self.session, item);
                Some(match self.comparison.as_ref().map_or(Ok(false), is_gone) {
                    Ok(true) => self.send(item),
                    Ok(false) => Ok(()),
                    Err(error) => Err(error),
                })
            }
            // What the block of its step has changed meanwhile, nobody else has.
            Way::Inverse { .. } if is_covered(&self.covered, &item.position) => {
                Some(self.spare(item).and_then(|()| self.send(item)))
            }
            Way::Inverse { .. } => {
                Some(self.spare(item).and_then(|()| self.compare(item)).and_then(|()| self.send(item)))
            }
        }
    }

    fn send(&self, item: &Item) -> Result<()> {
        let (pipeline, runtime) = (&self.session.pipeline, &self.session.runtime);
        let call = inverse(self.session, self.journal, (self.run, item.seq))?;
        let request = Request {
            call,
            position: format!("{UNDO}/{}", item.seq),
            at: None,
            stop: here::stop(),
            depends: false,
            unwinding: true,
        };
        runtime.block_on(pipeline.call(request)).map(drop)
    }
}

/// The call that takes back what the entry `seq` of a run tells, whole.
pub fn inverse(session: &Session, journal: &Journal, (run, seq): (&str, u64)) -> Result<Call> {
    let stored = journal.inverse(run, seq)?.ok_or_else(|| {
        Error::missing("its inverse is no longer in the journal").fix("take it back by hand")
    })?;
    let arguments = Value::Object(stored.arguments.clone());
    let stop = here::stop();
    let whole = session.pipeline.whole(&arguments, &stored.resource, &stop);
    let Value::Object(arguments) = session.runtime.block_on(whole)? else {
        return Err(Error::bug("arguments that are no map"));
    };
    Ok(Call { arguments, ..stored })
}

fn is_nothing(item: &Item) -> bool {
    matches!(item.way, Way::Inverse { inverse: Inverse::Nothing, .. })
}

/// Whether the block of a step that `position` lies in is among `covered`.
pub fn is_covered(covered: &[Position], position: &str) -> bool {
    covered.iter().any(|step| position.strip_prefix(step.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

fn unwound(item: Item, begin: Instant, result: Result<()>) -> Event {
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::NotTakenBack };
    let Item { position, what, .. } = item;
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
