//! The register: one file per outside system, and one line here.

pub mod alertmanager;
pub mod files;
pub mod flags;
pub mod grafana;
pub mod haproxy;
pub mod http;
pub mod journal;
pub mod nginx;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
pub mod prometheus;
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
    &program::FAMILY,
    &service::FAMILY,
    &flags::FAMILY,
    &haproxy::FAMILY,
    &nginx::FAMILY,
    &prometheus::FAMILY,
    &alertmanager::FAMILY,
    &grafana::FAMILY,
    &journal::FAMILY,
];
