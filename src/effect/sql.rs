//! What every SQL database can do, so that feature flags live in any of them without knowing which.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::base::error::Result;

/// One row: column name to value.
pub type Row = Map<String, Value>;

/// An SQL database.
#[async_trait]
pub trait Sql: Send + Sync {
    /// Runs a statement that only reads, in a read-only transaction.
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>>;
    /// Runs a statement that changes rows, in a transaction of its own; returns how many.
    async fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64>;
    /// The marker of the `n`th parameter, from 1: `$1` or `?1`.
    fn marker(&self, n: usize) -> String;
}

/// An identifier in double quotes, for a table or column name that comes from settings.
#[must_use]
pub fn quote(identifier: &str) -> String {
    identifier
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect::<Vec<_>>()
        .join(".")
}
