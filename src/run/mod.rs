//! x
pub mod parameters;
pub mod project;
