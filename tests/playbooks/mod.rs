//! The playbooks that carry out whole deployment documents: on real servers, on good days and bad ones.

mod answered;
mod crowd;
#[cfg(all(feature = "kubernetes", feature = "mail"))]
mod pipeline;
mod repository;
#[cfg(feature = "probes")]
mod sprint;
#[cfg(all(feature = "probes", feature = "mail"))]
mod sprints;
mod tables;
mod vanguard;
#[cfg(feature = "probes")]
mod workstream;
