//! The playbooks that carry out whole deployment documents: on real servers, on good days and bad ones.

mod answered;
mod crowd;
mod repository;
#[cfg(feature = "probes")]
mod sprint;
mod tables;
mod vanguard;
#[cfg(feature = "probes")]
mod workstream;
