//! The one path that every effect takes, and what it is made of.

pub mod allowed;
pub mod api;
pub mod archive;
#[cfg(any(feature = "aws", feature = "s3"))]
pub mod aws;
pub mod child;
pub mod consent;
pub mod cx;
pub mod dump;
pub mod endpoint;
pub mod environment;
pub mod family;
pub mod health;
pub mod host;
pub mod hosts;
pub mod inside;
pub mod journal;
pub mod ledger;
pub mod local;
pub mod mocks;
pub mod notice;
pub mod options;
pub mod output;
pub mod people;
pub mod pipeline;
pub mod policy;
pub mod primitive;
pub mod proof;
pub mod recall;
pub mod seal;
mod secrets;
pub mod sql;
pub mod store;
pub mod traffic;
pub mod vault;
pub mod windows;
pub mod witness;
