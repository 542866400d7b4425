//! The map of the crate. Each floor may use only the floors above it in this list.

pub mod base;
pub mod effect;
pub mod front;
pub mod primitives;
pub mod run;
pub mod script;
pub mod sys;
