//! Real servers: each starts its own binary on a free port of 127.0.0.1 in a temporary folder and ends it when dropped.

#[cfg(feature = "probes")]
pub mod dns;
#[cfg(feature = "s3")]
pub mod faults;
#[cfg(feature = "probes")]
pub mod grpc;
pub mod http;
#[cfg(feature = "probes")]
pub mod kafka;
#[cfg(feature = "s3")]
pub mod moto;
pub mod postgres;
pub mod proxy;
#[cfg(feature = "probes")]
pub mod rabbit;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3s;
#[cfg(feature = "postgres")]
pub mod standby;
#[cfg(feature = "probes")]
pub mod tls;
#[cfg(any(feature = "s3", feature = "redis", feature = "probes"))]
pub mod warden;
