//! The journal (interface only until its home lands).
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::event::Event;

/// The one writer of one run.
#[derive(Clone, Debug)]
pub struct RunJournal;
impl RunJournal {
    /// x
    pub fn note(&self, _event: &Event) -> Result<()> { Ok(()) }
    /// x
    pub fn intend(&self, _event: &Event, _inverse: &Inverse) -> Result<Intent> { Ok(Intent(())) }
    /// x
    pub fn end(&self, _event: &Event) -> Result<()> { Ok(()) }
}
/// x
#[derive(Debug)]
pub struct Intent(());
/// x
#[derive(Debug)]
pub enum Licence { #[doc(hidden)] Read(()), #[doc(hidden)] Write(Intent) }
impl Licence {
    /// x
    pub fn to_read(effect: Effect) -> Option<Self> { effect.is_read().then_some(Self::Read(())) }
}
impl From<Intent> for Licence { fn from(intent: Intent) -> Self { Self::Write(intent) } }
