//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

mod alertmanager;
mod archives;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
pub mod files;
mod flags;
mod grafana;
mod haproxy;
mod http;
mod journal;
mod nginx;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
mod prometheus;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
