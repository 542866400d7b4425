//! The register: one file per outside system, and one line here.

pub mod files;
pub mod flags;
pub mod http;
pub mod journal;
pub mod pm2;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3;
pub mod service;
pub mod sqlite;
#[cfg(feature = "ssh")]
pub mod ssh;

use crate::effect::family::Families;

/// Every family there is, in the order of the manual.
pub const FAMILIES: Families = &[
    &http::FAMILY,
    #[cfg(feature = "postgres")]
    &postgres::FAMILY,
    &sqlite::FAMILY,
    #[cfg(feature = "redis")]
    &redis::FAMILY,
    &files::FAMILY,
    #[cfg(feature = "s3")]
    &s3::FAMILY,
    &program::FAMILY,
    #[cfg(feature = "ssh")]
    &ssh::FAMILY,
    &service::FAMILY,
    &pm2::FAMILY,
    &flags::FAMILY,
    &journal::FAMILY,
];
