//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

mod archives;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
pub mod files;
mod flags;
mod http;
mod journal;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
