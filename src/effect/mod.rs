//! The one path that every effect takes, and what it is made of.

pub mod allowed;
pub mod archive;
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
pub mod sql;
pub mod store;
