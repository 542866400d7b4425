//! `tables`: what is in the database.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const SQL: &str = "SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY 1, 2";

/// Lists the tables outside the system's own schemas: an array of `#{ schema, name, bytes }`, sorted; the bytes are
/// those on the server's disk, indexes too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {}

impl Primitive for Tables {
    const NAME: &'static str = "tables";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = "db.tables()";

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list the tables of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(database::read(&cx, SQL, &[]).await?.into_iter().map(Value::Object).collect())
    }
}
