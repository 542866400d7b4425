//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

#[cfg(feature = "aws")]
mod alb;
mod archives;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod cloudfront;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
#[cfg(feature = "aws")]
mod ec2;
#[cfg(feature = "aws")]
mod ecr;
#[cfg(feature = "aws")]
mod ecs;
pub mod files;
mod flags;
mod http;
mod journal;
mod pm2;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "redis")]
mod redis;
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
mod vault;
