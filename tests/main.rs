//! One integration crate: a single link, and every test on the real binary.
#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stand outside the house: they touch the outside themselves, and end by panicking"
)]

mod cli;
mod house;
#[cfg(all(feature = "postgres", feature = "s3", feature = "aws", feature = "redis", feature = "mail"))]
mod playbooks;
mod real;
mod rig;
mod stdlib;
