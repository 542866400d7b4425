//! What other runs changed of the same things after this run had: to take that back would lose it without a word.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Item, Unwinding, Way, overlap};
use crate::base::access::ResourceId;
use crate::base::call::Call;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::effect::family;
use crate::effect::journal::Journal;
use crate::effect::pipeline::Pipeline;
use crate::effect::sql::database_of;
use crate::script::session::Spare;

/// A change of another run that stands.
#[derive(Clone, Debug)]
pub struct Other {
    /// The call, without secrets.
    pub call: Call,
    /// When it was begun.
    pub at: Timestamp,
    /// The id of its run.
    pub run: String,
    /// The playbook of its run.
    pub playbook: String,
    /// Whether its run goes on.
    pub is_running: bool,
}

impl Other {
    /// Whether it surely changed the very thing that `call` had. What may be another thing of the resource is no reason to
    /// leave a failed run half way.
    fn is_of(&self, call: &Call, pipeline: &Pipeline) -> bool {
        self.call.resource == call.resource
            && match (pipeline.touches(call), pipeline.touches(&self.call)) {
                (Some(own), Some(other)) => overlap(&own, &other),
                (Some(own), None) => own.is_empty(),
                (None, _) => false,
            }
    }

    /// Why the run `own` does not take back what it did with `resource`.
    fn refusal(&self, own: &str, resource: &ResourceId) -> Error {
        let by = &self.run;
        let first = match self.is_running {
            true => format!("wait until that run has ended, take it back with `playbook rollback {by}`"),
            false => format!("take that run back first, `playbook rollback {by}`"),
        };
        Error::new(Kind::Changed, format!("another run changed it since: {by} of {}", self.playbook))
            .why(format!("what that run did with `{}` would be lost", self.call))
            .fix(format!(
                "{first}, and then this one; or lose what it did: `playbook rollback {own} --force {resource}`"
            ))
    }
}

/// The newest change that another run made of what `item` did, since that.
pub(super) fn since<'a>(item: &Item, others: &'a [Other], pipeline: &Pipeline) -> Option<&'a Other> {
    let Way::Inverse { call, .. } = &item.way else { return None };
    newest(others, |other| other.at > item.at && other.is_of(call, pipeline))
}

fn newest(others: &[Other], is_meant: impl Fn(&&Other) -> bool) -> Option<&Other> {
    others.iter().filter(is_meant).max_by_key(|other| other.at)
}

impl Unwinding<'_> {
    /// Refuses to take back what another run has changed since.
    pub(super) fn spare(&self, item: &Item) -> Result<()> {
        match since(item, &self.others, &self.session.pipeline) {
            Some(other) => Err(other.refusal(self.run, &other.call.resource)),
            None => Ok(()),
        }
    }

    /// Refuses the call of a rollback block that would put a whole state in the place of what another run has changed since
    /// that state was kept. Whatever else a block does is what its author wants.
    pub(super) fn spare_whole(&self) -> Spare {
        let (others, journal, run) = (self.others.clone(), self.journal.clone(), self.run.to_owned());
        let host = Arc::clone(&self.session.pipeline.host);
        Arc::new(move |call| {
            if !family::entry_of(host.families, call).is_some_and(|entry| entry.overwrites) {
                return Ok(());
            }
            let kept = state_of(&journal, &run, call)?;
            let is_since = |other: &&Other| {
                let changed = &other.call.resource;
                let is_in_it = || database_of(&host, changed).as_ref() == Some(&call.resource);
                (*changed == call.resource || is_in_it()) && kept.is_none_or(|kept| other.at > kept)
            };
            newest(&others, is_since).map_or(Ok(()), |other| Err(other.refusal(&run, &call.resource)))
        })
    }
}

/// When the run kept the state that `call` puts back: under the same key of the same store.
pub fn state_of(journal: &Journal, run: &str, call: &Call) -> Result<Option<Timestamp>> {
    let mut at = None;
    journal.each(run, &mut |kept| {
        if let Event::EffectBegan { call: kept_by, effect, .. } = &kept.event {
            let mut common =
                call.arguments.iter().filter_map(|(name, one)| Some((one, kept_by.arguments.get(name)?)));
            // To put it back, as an earlier try of this did, keeps nothing.
            let is_it = !effect.is_read()
                && kept_by.resource == call.resource
                && kept_by.verb != call.verb
                && common.clone().count() > 1
                && common.all(|(one, other)| one == other);
            at = if is_it { Some(kept.at) } else { at };
        }
        Ok(())
    })?;
    Ok(at)
}
