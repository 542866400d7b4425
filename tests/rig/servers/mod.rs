//! Real servers: each starts its own binary on a free port of 127.0.0.1 in a temporary folder and ends it when dropped.

pub mod alertmanager;
#[cfg(feature = "s3")]
pub mod faults;
pub mod grafana;
pub mod haproxy;
pub mod http;
#[cfg(feature = "s3")]
pub mod moto;
pub mod nginx;
pub mod postgres;
pub mod prometheus;
pub mod proxy;
#[cfg(feature = "redis")]
pub mod redis;
pub mod release;
#[cfg(feature = "s3")]
pub mod s3s;
pub mod warden;
