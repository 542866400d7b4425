//! Rhai: the engine and its limits, the binding of primitives, the forms of the language, and traces of its errors.

pub mod bounds;
pub mod check;
pub mod decisions;
pub mod engine;
pub mod forms;
pub mod handle;
pub mod header;
pub mod here;
pub mod imports;
pub mod modules;
pub mod own;
pub mod session;
pub mod stand_in;
pub mod traces;
pub mod values;
pub mod words;
