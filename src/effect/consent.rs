//! Whoever must say yes before a change begins: the person at a guarded prompt, a rule that nobody unattended may pass, or
//! the saved plan that a run is held to.

use std::sync::Arc;

use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;

/// A change that is about to begin: permitted, its inverse worked out, nothing journalled and nothing done yet.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where in the tree of the run.
    pub position: &'a str,
    /// The call's name: `flags.main.disable`.
    pub call: &'a str,
    /// SHA-256 of its arguments.
    pub digest: &'a str,
    /// SHA-256 of what it takes from a file or folder of the project, where it takes anything.
    pub content: Option<&'a str>,
    /// Its class, never `Read`.
    pub effect: Effect,
    /// Whether the run fails when it does: a notice that may fail is no change to speak of.
    pub must: bool,
    /// What it will do, in words, without secrets.
    pub plan: &'a str,
    /// How it would be taken back.
    pub inverse: &'a Inverse,
}

/// Says whether a change may begin; an error is why not, and the call ends with it. May take as long as people do.
pub type Consent = Arc<dyn Fn(&Wanted<'_>) -> Result<()> + Send + Sync>;
