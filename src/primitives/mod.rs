//! The register: one file per outside system, and one line here.

pub mod chat;
pub mod files;
pub mod flags;
pub mod git;
pub mod github;
pub mod http;
pub mod journal;
#[cfg(feature = "mail")]
pub mod mail;
pub mod pager;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
#[cfg(feature = "redis")]
pub mod redis;
pub mod registry;
#[cfg(feature = "s3")]
pub mod s3;
pub mod service;
pub mod sqlite;
pub mod statuspage;
pub mod webhook;

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
    &chat::FAMILY,
    &pager::FAMILY,
    #[cfg(feature = "mail")]
    &mail::FAMILY,
    &statuspage::FAMILY,
    &webhook::FAMILY,
    &git::FAMILY,
    &github::FAMILY,
    &registry::FAMILY,
    &journal::FAMILY,
];
