//! `count`: how many rows a table has.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::quote;

/// A whole table may have to be read.
const LONG: Duration = Duration::from_secs(600);

/// Counts the rows of a table. `estimated` gives what the server's statistics say, at once and roughly; `-1` for a table that
/// they do not know yet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// The table, with its schema where it is not on the search path
    table: String,
    /// Whether an estimate will do
    #[serde(default)]
    estimated: bool,
}

impl Primitive for Count {
    const NAME: &'static str = "count";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"metric "orders", postgres("main").count("orders") >= 1000;"#;
    const TIMEOUT: Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("count the rows of the table {} of {resource}", self.table)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let table = quote(&self.table);
        let rows = if self.estimated {
            let sql = "SELECT reltuples::bigint AS n FROM pg_class WHERE oid = $1::text::regclass";
            database::read(&cx, sql, &[json!(table)]).await?
        } else {
            database::read(&cx, &format!("SELECT count(*) AS n FROM {table}"), &[]).await?
        };
        Ok(rows.into_iter().next().and_then(|mut row| row.remove("n")).unwrap_or_default())
    }
}
