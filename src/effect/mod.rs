//! The one path that every effect takes, and what it is made of.

pub mod archive;
#[cfg(any(feature = "aws", feature = "s3"))]
pub mod aws;
pub mod child;
pub mod cx;
pub mod dump;
pub mod environment;
pub mod family;
pub mod journal;
pub mod ledger;
pub mod options;
pub mod pipeline;
pub mod policy;
pub mod primitive;
pub mod recall;
mod secrets;
pub mod sql;
pub mod store;
pub mod vault;
