//! Real servers: each starts its own binary on a free port of 127.0.0.1 in a temporary folder and ends it when dropped.

pub mod http;
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
