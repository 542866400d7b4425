//! One file per file of `src/primitives/`, each against the real system, and one per verb that several families share.

mod archives;
pub mod files;
mod flags;
mod http;
mod journal;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
