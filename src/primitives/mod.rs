//! The register: one file per outside system, and one line here.

#[cfg(feature = "aws")]
pub mod alb;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod cloudfront;
#[cfg(feature = "aws")]
pub mod ec2;
#[cfg(feature = "aws")]
pub mod ecr;
#[cfg(feature = "aws")]
pub mod ecs;
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
#[cfg(feature = "aws")]
pub mod route53;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "aws")]
pub mod secrets_manager;
pub mod service;
pub mod sqlite;
#[cfg(feature = "ssh")]
pub mod ssh;
#[cfg(feature = "aws")]
pub mod ssm;
pub mod vault;

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
    #[cfg(feature = "aws")]
    &aws::FAMILY,
    #[cfg(feature = "aws")]
    &cloudfront::FAMILY,
    #[cfg(feature = "aws")]
    &ecs::FAMILY,
    #[cfg(feature = "aws")]
    &ec2::FAMILY,
    #[cfg(feature = "aws")]
    &alb::FAMILY,
    #[cfg(feature = "aws")]
    &route53::FAMILY,
    #[cfg(feature = "aws")]
    &ecr::FAMILY,
    #[cfg(feature = "aws")]
    &secrets_manager::FAMILY,
    #[cfg(feature = "aws")]
    &ssm::FAMILY,
    &vault::FAMILY,
    &journal::FAMILY,
];
