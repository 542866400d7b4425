//! Real servers: each starts its own binary on a free port of 127.0.0.1 in a temporary folder and ends it when dropped.

#[cfg(feature = "s3")]
pub mod faults;
pub mod http;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(feature = "s3")]
pub mod moto;
pub mod postgres;
pub mod proxy;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3s;
#[cfg(any(feature = "s3", feature = "redis", feature = "kubernetes"))]
pub mod warden;
