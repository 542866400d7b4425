//! Whoever must say yes before a change begins: the person at a guarded prompt, or a rule that nobody unattended may pass.

use std::sync::Arc;

use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;

/// A change that is about to begin: permitted, its inverse worked out, nothing journalled and nothing done yet.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The call's name: `flags.main.disable`.
    pub call: &'a str,
    /// Its class, never `Read`.
    pub effect: Effect,
    /// What it will do, in words, without secrets.
    pub plan: &'a str,
    /// How it would be taken back.
    pub inverse: &'a Inverse,
}

/// Says whether a change may begin; an error is why not, and the call ends with it. May take as long as people do.
pub type Consent = Arc<dyn Fn(&Wanted<'_>) -> Result<()> + Send + Sync>;
