//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

mod archives;
mod chat;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
pub mod files;
mod flags;
mod git;
mod github;
mod http;
mod journal;
#[cfg(feature = "mail")]
mod mail;
mod pager;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "redis")]
mod redis;
mod registry;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
mod statuspage;
mod webhook;
