//! What people and machines outside see: the terminal, JSON, the summary.

pub mod draw;
pub mod json;
pub mod style;
pub mod summary;
pub mod tree;
