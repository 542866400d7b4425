//! `query`, `value` and `execute`: one statement each.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{database, fate};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::touched_none;

/// Asks for rows, in a read-only transaction; gives an array of maps, column name to value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// One SQL statement with `$1`, `$2`, … where values go.
    sql: String,
    /// The values, bound by the server, never spliced into the SQL.
    #[serde(default)]
    parameters: Vec<Value>,
}

impl Primitive for Query {
    const NAME: &'static str = "query";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"postgres("main").query("SELECT id, state FROM orders WHERE state = $1", ["open"])"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource}: {}", headline(&self.sql))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let rows = database::read(&cx, &self.sql, &self.parameters).await?;
        Ok(rows.into_iter().map(Value::Object).collect())
    }
}

/// Asks for one value: the first column of the one row; `()` when there is no row.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scalar {
    /// One SQL statement with `$1`, `$2`, … where values go.
    sql: String,
    /// The values, bound by the server, never spliced into the SQL.
    #[serde(default)]
    parameters: Vec<Value>,
}

impl Primitive for Scalar {
    const NAME: &'static str = "value";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"postgres("main").value("SELECT count(*) FROM orders")"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource}: {}", headline(&self.sql))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut rows = database::read(&cx, &self.sql, &self.parameters).await?;
        match (rows.pop(), rows.len()) {
            (None, _) => Ok(Value::Null),
            (Some(row), 0) if row.len() == 1 => {
                Ok(row.into_iter().next().map_or(Value::Null, |(_, value)| value))
            }
            (Some(row), 0) => Err(Error::usage(format!(
                "the row that `{}` gave has {} columns, not one",
                cx.resource(),
                row.len()
            ))
            .fix("select one column, or use query(…)")),
            (Some(_), more) => Err(Error::usage(format!(
                "`{}` gave {} rows where one value is wanted",
                cx.resource(),
                more + 1
            ))
            .fix("narrow the WHERE, aggregate, or use query(…)")),
        }
    }
}

/// Runs a statement that changes something, in a transaction of its own; gives `#{ rows }`, how many it touched. An
/// INSERT, UPDATE, DELETE or MERGE that touched no row has nothing to take back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Execute {
    /// One SQL statement with `$1`, `$2`, … where values go.
    sql: String,
    /// The values, bound by the server, never spliced into the SQL.
    #[serde(default)]
    parameters: Vec<Value>,
    /// The statement that takes it back.
    #[serde(default)]
    undo: Option<String>,
    /// The values of `undo`.
    #[serde(default)]
    undo_parameters: Vec<Value>,
    /// How long it may wait for a lock that somebody else holds, as "3s"; else as the resource's table says.
    #[serde(default)]
    lock_timeout: Option<Period>,
}

impl Primitive for Execute {
    const NAME: &'static str = "execute";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"postgres("main").execute("UPDATE orders SET state = $1 WHERE id = $2", ["held", 7], #{ undo: "UPDATE orders SET state = 'open' WHERE id = 7" })"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("change {resource}: {}", headline(&self.sql))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Ok(self.undo.as_ref().map_or_else(
            || Inverse::none("no `undo` was given with the statement"),
            |undo| {
                let call = Call::new(cx.resource().clone(), Self::NAME).with("sql", undo.as_str());
                Inverse::Call(call.with("parameters", self.undo_parameters.clone()))
            },
        ))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        if database::is_known(&self.sql) { fate::probe(cx).await } else { Ok(None) }
    }

    fn left_nothing(&self, value: &Value) -> bool {
        touched_none([self.sql.as_str()], value)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        database::change_known(&cx, (&self.sql, &self.parameters), self.lock_timeout.as_ref()).await
    }
}

/// A statement as it is shown in a plan.
pub(super) fn headline(sql: &str) -> String {
    text::headline(sql, 120)
}
