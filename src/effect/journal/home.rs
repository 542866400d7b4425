//! The seam to where a journal is kept: rows go in and come out; what they mean is decided above.

use std::time::Duration;

use jiff::Timestamp;

use super::lease::{Beat, Lease};
use super::record::{Brief, Filter, NewRun, Script};
use crate::base::call::Inverse;
use crate::base::error::Result;
use crate::base::gate::Answer;
use crate::base::outcome::Outcome;

/// A run as it lies in the home.
#[derive(Clone, Debug)]
pub(super) struct RunRow {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) started: String,
    /// The facts as JSON, as they were hashed.
    pub(super) body: String,
    /// The hash that the run before had reached when this one began.
    pub(super) previous: String,
    /// The link of this row, which its first entry goes on from.
    pub(super) hash: String,
    pub(super) ended: Option<RowEnd>,
    pub(super) steps: u64,
}

/// The end of a run as its row has it.
#[derive(Clone, Debug)]
pub(super) struct RowEnd {
    pub(super) at: String,
    pub(super) outcome: String,
    pub(super) exit_code: u8,
    pub(super) entries: u64,
    pub(super) head: String,
}

/// An entry as it lies in the home.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) at: String,
    /// The event as JSON, as it was hashed.
    pub(super) body: String,
    pub(super) hash: String,
    /// The inverse as JSON, kept apart from the record that people read.
    pub(super) inverse: Option<String>,
    /// The whole value of an effect as JSON, where the record that people read lacks a secret of it.
    pub(super) whole: Option<String>,
}

impl Row {
    /// How much it is, in bytes.
    pub(super) fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.body.len() + length(&self.inverse) + length(&self.whole)
    }
}

/// What of a run's own row changes together with a commit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// The end that the row tells no longer counts: the run goes on.
    pub(super) reopened: bool,
    /// The run has ended so.
    pub(super) end: Option<End>,
}

/// A run that was added.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) number: u64,
    pub(super) hash: String,
}

/// What came of adding a run.
#[derive(Debug)]
pub(super) enum Beginning {
    /// It was added, and has its lock.
    Begun(Begun),
    /// Its id is taken.
    SameId,
    /// Another run has the lock; nothing was added.
    Held(Box<Lease>),
}

/// The end of a run, to be written together with its last entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) exit_code: u8,
}

pub(super) trait Home: Send + Sync {
    /// Adds a run durably, and its lease with it in one commit, where it wants a lock. `over` names the run whose lease
    /// may be taken over.
    fn begin(
        &self,
        id: (&str, &str),
        run: &NewRun,
        lease: Option<&Lease>,
        over: Option<&str>,
    ) -> Result<Beginning>;
    /// Takes a lock for a run that was there before; gives the lease of another run that holds it, unless it is `over`.
    fn claim(&self, lease: &Lease, over: Option<&str>) -> Result<Option<Lease>>;
    /// Every lock that is held.
    fn leases(&self) -> Result<Vec<Lease>>;
    /// Takes the lock away from the run that holds it.
    fn free(&self, lease: &Lease) -> Result<()>;
    /// Whether the run of this number has begun any change.
    fn has_changed(&self, run: u64) -> Result<bool>;
    /// The body of the last entry of the run of this number.
    fn last_body(&self, run: u64) -> Result<Option<String>>;
    /// The answers at the gates of a run, oldest first.
    fn answers(&self, run: &str) -> Result<Vec<Answer>>;
    /// Leaves an answer for the run that waits for it.
    fn leave(&self, answer: &Answer) -> Result<()>;
    /// How many runs of a playbook were compared with their plans, and the mean of how they went: 0 to 1.
    fn accuracy(&self, playbook: &str) -> Result<(u64, f64)>;
    /// When the last good runs of a playbook in an environment began and ended.
    fn ended_well(&self, playbook: &str, environment: &str) -> Result<Vec<(Timestamp, Timestamp)>>;
    /// The names and lengths of the steps that ended well in the last good runs of a playbook in an environment.
    fn steps_of(&self, playbook: &str, environment: &str) -> Result<Vec<(String, Duration)>>;
    /// Every run that carried a playbook out, oldest first.
    fn briefs(&self) -> Result<Vec<Brief>>;
    /// At how many gates the runs that have not ended wait.
    fn gates_open(&self) -> Result<u64>;
    /// A number that changes whenever somebody else has written.
    fn version(&self) -> Result<i64>;
    /// Keeps the texts of scripts by their hashes.
    fn keep_scripts(&self, scripts: &[Script]) -> Result<()>;
    /// A writer of its own for the run of this number.
    fn writer(&self, run: u64) -> Result<Box<dyn Writer>>;
    /// The runs, newest first.
    fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>>;
    /// The run with the next higher number.
    fn after(&self, number: u64) -> Result<Option<RunRow>>;
    /// The runs whose id begins or ends with `part`, newest first, at most ten.
    fn like(&self, part: &str) -> Result<Vec<RunRow>>;
    /// The entries of the run of this number in their order, each with its inverse: those after the one numbered
    /// `after`, at most so many.
    fn entries(&self, run: u64, after: u64, most: Option<u32>) -> Result<Vec<Row>>;
    /// The number and hash of the last entry of the run of this number.
    fn last(&self, run: u64) -> Result<Option<(u64, String)>>;
    /// The text of a script by its hash.
    fn script(&self, hash: &str) -> Result<Option<String>>;
    /// The number that the newest run ever got.
    fn last_number(&self) -> Result<u64>;
}

/// Writes the entries of one run.
pub(super) trait Writer: Send {
    /// Writes rows, and what becomes of the run by them, in one durable commit.
    fn commit(&mut self, rows: &[Row], turn: Turn) -> Result<()>;
    /// Says that the run lives; `false` when its lock is no longer its own.
    fn beat(&mut self, beat: &Beat) -> Result<bool>;
    /// Whether the lock is still the run's own.
    fn holds(&mut self) -> Result<bool>;
    /// Does what can wait until nobody does.
    fn tidy(&mut self);
    /// From now on there is no more room.
    #[cfg(test)]
    fn fill(&mut self);
}

/// The inverse as it is stored, for those that are a call.
pub(super) fn stored(inverse: &Inverse) -> Option<String> {
    match inverse {
        Inverse::Call(call) => serde_json::to_string(call).ok(),
        Inverse::Nothing | Inverse::Block | Inverse::Refused { .. } | Inverse::None { .. } => None,
    }
}
