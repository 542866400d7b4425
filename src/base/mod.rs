//! Plain data without any I/O: the words of the product, which every other floor may use.

pub mod access;
pub mod call;
pub mod clock;
pub mod decision;
pub mod document;
pub mod effect;
pub mod error;
pub mod event;
pub mod exit;
pub mod gate;
pub mod moment;
pub mod outcome;
pub mod pace;
pub mod period;
pub mod place;
pub mod redact;
pub mod resource;
pub mod secret;
pub mod suggest;
pub mod text;
