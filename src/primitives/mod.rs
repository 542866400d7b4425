//! The register: one file per outside system, and one line here.

pub mod files;
pub mod flags;
pub mod http;
pub mod journal;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3;
pub mod service;
pub mod sqlite;

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
    #[cfg(feature = "kubernetes")]
    &kubernetes::FAMILY,
    &program::FAMILY,
    &service::FAMILY,
    &flags::FAMILY,
    &journal::FAMILY,
];
