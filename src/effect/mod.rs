//! The one path that every effect takes, and what it is made of.

pub mod allowed;
pub mod archive;
#[cfg(any(feature = "aws", feature = "s3"))]
pub mod aws;
pub mod child;
pub mod cx;
pub mod dump;
pub mod environment;
pub mod family;
pub mod hosts;
pub mod journal;
pub mod ledger;
pub mod local;
pub mod options;
pub mod output;
pub mod pipeline;
pub mod policy;
pub mod primitive;
pub mod recall;
mod secrets;
pub mod sql;
pub mod store;
pub mod vault;
