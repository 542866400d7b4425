//! The terms under which an earlier turn of a run is recalled: what happens where its record ends, and who is asked.

use std::sync::Arc;

use crate::base::decision::Choose;
use crate::base::error::Error;
use crate::base::redact::Redactor;
use crate::effect::options::OnDoubt;

/// Asks the person at the terminal whether a changed playbook may go on.
/// It is told the difference and its position.
pub type Accept = Arc<dyn Fn(&Error, &str) -> bool + Send + Sync>;

/// What happens where the record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frontier {
    /// The run goes on: what is not recorded is done.
    GoOn,
    /// The script ends: it ran only so that what it knew is known again.
    Stop,
    /// What is not recorded is done, and what is recorded need not be asked for: taking back skips what is over.
    Loose,
}

/// The terms under which a record is recalled.
#[derive(Clone)]
pub struct Terms {
    /// What happens where the record ends.
    pub frontier: Frontier,
    /// Says whether a changed playbook may go on; without it, none may.
    pub accept: Option<Accept>,
    /// Asks the person at the terminal about an effect in doubt.
    pub choose: Option<Choose>,
    /// What happens with an effect in doubt whose call does not say.
    pub on_doubt: Option<OnDoubt>,
    /// Takes secrets out of what is shown.
    pub redactor: Redactor,
    /// The listeners have heard of it all already.
    pub quiet: bool,
}

impl Terms {
    /// Terms without a person.
    #[must_use]
    pub fn new(frontier: Frontier) -> Self {
        Self {
            frontier,
            accept: None,
            choose: None,
            on_doubt: None,
            redactor: Redactor::default(),
            quiet: frontier == Frontier::Stop,
        }
    }
}
