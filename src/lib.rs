//! The map of the crate. Each floor may use only the floors above it in this list.

pub mod base;
pub mod sys;
pub mod effect;
pub mod primitives;
pub mod script;
pub mod run;
pub mod front;
