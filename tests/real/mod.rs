//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

#[cfg(feature = "aws")]
mod alb;
mod alertmanager;
#[cfg(feature = "probes")]
mod amqp;
mod archives;
#[cfg(feature = "aws")]
pub mod aws;
mod chat;
#[cfg(feature = "aws")]
pub mod cloudfront;
mod disk;
#[cfg(feature = "probes")]
mod dns;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
#[cfg(feature = "aws")]
mod ec2;
#[cfg(feature = "aws")]
mod ecr;
#[cfg(feature = "aws")]
mod ecs;
#[cfg(feature = "postgres")]
mod every;
pub mod files;
mod flags;
mod git;
mod github;
mod grafana;
#[cfg(feature = "probes")]
mod grpc;
mod haproxy;
mod http;
mod journal;
#[cfg(feature = "probes")]
mod kafka;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "mail")]
mod mail;
mod nginx;
mod pager;
mod pm2;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
mod prometheus;
#[cfg(feature = "redis")]
mod redis;
mod registry;
#[cfg(feature = "aws")]
mod route53;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "aws")]
mod secrets_manager;
mod service;
mod sqlite;
#[cfg(feature = "ssh")]
mod ssh;
#[cfg(feature = "aws")]
mod ssm;
mod statuspage;
#[cfg(all(feature = "postgres", feature = "s3", feature = "redis", feature = "ssh"))]
mod survival;
mod tcp;
#[cfg(feature = "probes")]
mod tls;
mod vault;
mod webhook;
