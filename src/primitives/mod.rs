//! The register: one file per outside system, and one line here.

#[cfg(feature = "probes")]
pub mod amqp;
pub mod disk;
#[cfg(feature = "probes")]
pub mod dns;
pub mod files;
pub mod flags;
#[cfg(feature = "probes")]
pub mod grpc;
pub mod http;
pub mod journal;
#[cfg(feature = "probes")]
pub mod kafka;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3;
pub mod service;
pub mod sqlite;
pub mod tcp;
#[cfg(feature = "probes")]
pub mod tls;

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
    &journal::FAMILY,
    &tcp::FAMILY,
    #[cfg(feature = "probes")]
    &tls::FAMILY,
    #[cfg(feature = "probes")]
    &dns::FAMILY,
    &disk::FAMILY,
    #[cfg(feature = "probes")]
    &grpc::FAMILY,
    #[cfg(feature = "probes")]
    &kafka::FAMILY,
    #[cfg(feature = "probes")]
    &amqp::FAMILY,
];
