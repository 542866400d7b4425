//! The register: one file per outside system, and one line here.

#[cfg(feature = "aws")]
pub mod alb;
pub mod alertmanager;
#[cfg(feature = "probes")]
pub mod amqp;
#[cfg(feature = "aws")]
pub mod aws;
pub mod chat;
#[cfg(feature = "aws")]
pub mod cloudfront;
pub mod disk;
#[cfg(feature = "probes")]
pub mod dns;
#[cfg(feature = "aws")]
pub mod ec2;
#[cfg(feature = "aws")]
pub mod ecr;
#[cfg(feature = "aws")]
pub mod ecs;
pub mod files;
pub mod flags;
pub mod git;
pub mod github;
pub mod grafana;
#[cfg(feature = "probes")]
pub mod grpc;
pub mod haproxy;
pub mod http;
pub mod journal;
#[cfg(feature = "probes")]
pub mod kafka;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(feature = "mail")]
pub mod mail;
pub mod nginx;
pub mod pager;
pub mod pm2;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
pub mod prometheus;
#[cfg(feature = "redis")]
pub mod redis;
pub mod registry;
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
pub mod statuspage;
pub mod tcp;
#[cfg(feature = "probes")]
pub mod tls;
pub mod vault;
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
    #[cfg(feature = "kubernetes")]
    &kubernetes::FAMILY,
    &program::FAMILY,
    #[cfg(feature = "ssh")]
    &ssh::FAMILY,
    &service::FAMILY,
    &pm2::FAMILY,
    &flags::FAMILY,
    &haproxy::FAMILY,
    &nginx::FAMILY,
    &prometheus::FAMILY,
    &alertmanager::FAMILY,
    &grafana::FAMILY,
    &chat::FAMILY,
    &pager::FAMILY,
    #[cfg(feature = "mail")]
    &mail::FAMILY,
    &statuspage::FAMILY,
    &webhook::FAMILY,
    &git::FAMILY,
    &github::FAMILY,
    &registry::FAMILY,
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

#[cfg(test)]
mod tests {
    use super::FAMILIES;
    use crate::effect::family::{BY_FEATURE, find};

    #[test]
    #[cfg(all(
        feature = "aws",
        feature = "probes",
        feature = "ssh",
        feature = "postgres",
        feature = "kubernetes"
    ))]
    fn every_family_that_a_build_may_lack_is_one() {
        for (family, _) in BY_FEATURE {
            assert!(find(FAMILIES, family).is_some(), "{family}");
        }
    }
}
