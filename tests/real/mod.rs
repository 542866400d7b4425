//! One file per file of `src/primitives/`, each against the real system.

pub mod files;
mod flags;
mod http;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
