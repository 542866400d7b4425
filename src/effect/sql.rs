//! What every SQL database can do, so that feature flags live in any of them without knowing which.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::family;
use super::host::Host;
use crate::base::error::Result;
use crate::base::resource::ResourceId;

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

/// The SQL database that a resource of another family lies in, as feature flags do: the one that its settings name.
#[must_use]
pub fn database_of(host: &Host, resource: &ResourceId) -> Option<ResourceId> {
    let all = &host.environment.resources;
    let named = all.get(resource)?.settings.as_object()?.values();
    let mut named = named.filter_map(|value| value.as_str()?.parse::<ResourceId>().ok());
    let is_database = |id: &ResourceId| {
        all.contains_key(id) && family::find(host.families, &id.family).is_some_and(|it| it.sql.is_some())
    };
    named.find(is_database)
}

/// Whether statements that were carried out have touched no row, as the database counts them. What changes no rows but the
/// schema, or calls a function, is not told by that count.
#[must_use]
pub fn touched_none<'a>(statements: impl IntoIterator<Item = &'a str>, receipt: &Value) -> bool {
    let counts_rows = |sql: &str| {
        let word = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        ["insert", "update", "delete", "merge", "replace"].contains(&word.as_str())
    };
    receipt.get("rows").and_then(Value::as_u64) == Some(0) && statements.into_iter().all(counts_rows)
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
