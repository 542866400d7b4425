//! One run from start to end: what was asked for, the run itself, and taking it back.

pub mod beside;
pub mod doctor;
pub mod due;
pub mod exec;
pub mod meanwhile;
pub mod order;
pub mod parameters;
pub mod past;
pub mod plan;
pub mod project;
pub mod reversed;
pub mod saved;
pub mod standing;
pub mod unwind;
#[cfg(feature = "watch")]
pub mod watch;
