//! What other runs changed of the same things after this run had: to take that back would lose it without a word.

use jiff::Timestamp;

use super::{Item, Unwinding, Way, overlap};
use crate::base::call::Call;
use crate::base::error::{Error, Kind, Result};
use crate::effect::pipeline::Pipeline;

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
}

impl Unwinding<'_> {
    /// Refuses to take back what another run has changed since.
    pub(super) fn spare(&self, item: &Item) -> Result<()> {
        let Way::Inverse { call, .. } = &item.way else { return Ok(()) };
        let is_since = |other: &&Other| other.at > item.at && other.is_of(call, &self.session.pipeline);
        let Some(newest) = self.others.iter().filter(is_since).max_by_key(|other| other.at) else {
            return Ok(());
        };
        let (by, playbook, own) = (&newest.run, &newest.playbook, self.run);
        Err(Error::new(Kind::Changed, format!("another run changed it since: {by} of {playbook}"))
            .why(format!("what that run did with `{}` would be lost", newest.call))
            .fix(format!(
                "take that run back first, `playbook rollback {by}`, and then this one; or lose what it did: \
                 `playbook rollback {own} --force {}`",
                call.resource
            )))
    }
}
