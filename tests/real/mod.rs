//! One file per file of `src/primitives/`, each against the real system; and what goes from one to another.

#[cfg(feature = "probes")]
mod amqp;
mod archives;
mod disk;
#[cfg(feature = "probes")]
mod dns;
#[cfg(all(feature = "postgres", feature = "s3"))]
mod dumps;
pub mod files;
mod flags;
#[cfg(feature = "probes")]
mod grpc;
mod http;
mod journal;
#[cfg(feature = "probes")]
mod kafka;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sqlite;
mod tcp;
#[cfg(feature = "probes")]
mod tls;
