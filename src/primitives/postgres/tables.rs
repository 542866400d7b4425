//! `tables`: how much is in the database.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const NAMES: &str = "SELECT n.nspname AS schema, c.relname AS name, pg_table_is_visible(c.oid) AS plain \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY 1, 2";

/// Counts the rows of every table outside the system's own schemas, all as of one moment; gives a map, name to count.
/// A table that is not on the search path has its schema before its name: `audit.log`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {}

impl Primitive for Tables {
    const NAME: &'static str = "tables";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"postgres("main").tables()"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("count the rows of every table of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (mut shown, mut counts) = (Vec::new(), Vec::new());
        for table in database::read(&cx, NAMES, &[]).await? {
            let text = |name: &str| table.get(name).and_then(Value::as_str).unwrap_or_default();
            let (schema, name) = (text("schema"), text("name"));
            let plain = table.get("plain") == Some(&Value::Bool(true));
            shown.push(if plain { name.to_owned() } else { format!("{schema}.{name}") });
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            counts.push(format!("(SELECT count(*) FROM {}.{})", quoted(schema), quoted(name)));
        }
        if shown.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        let sql = format!("SELECT ARRAY[{}] AS counts", counts.join(", "));
        let mut rows = database::read(&cx, &sql, &[]).await?;
        let counts = rows.pop().and_then(|mut row| row.remove("counts"));
        let counts = counts.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(Value::Object(shown.into_iter().zip(counts.iter().cloned()).collect()))
    }
}
