//! `connections`: how many there are, of whom, and how many more there may be.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const CONNECTIONS: &str = "WITH c AS (SELECT coalesce(state, 'unknown') AS state, coalesce(usename::text, 'unknown') AS \"user\", \
     coalesce(datname::text, 'none') AS database FROM pg_stat_activity WHERE backend_type = 'client backend') \
     SELECT (SELECT count(*) FROM c) AS total, current_setting('max_connections')::bigint AS max, \
     current_setting('superuser_reserved_connections')::bigint AS reserved, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT state AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_state, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT \"user\" AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_user, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT database AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_database";

/// Counts the connections of the whole server, this one included: `#{ total, max, free, ratio, by_state, by_user,
/// by_database }`. `free` is what ordinary roles may still open, `ratio` the share that is taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connections {}

impl Primitive for Connections {
    const NAME: &'static str = "connections";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str =
        r#"metric "connections taken", postgres("main").connections().ratio < 0.8;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("count the connections of the server of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut row = database::read(&cx, CONNECTIONS, &[]).await?.pop().unwrap_or_default();
        let number =
            |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_i64).unwrap_or(0);
        let usable = number(&row, "max") - number(&row, "reserved");
        let total = number(&row, "total");
        row.remove("reserved");
        row.insert("free".to_owned(), (usable - total).max(0).into());
        row.insert("ratio".to_owned(), json!(total as f64 / usable.max(1) as f64));
        Ok(Value::Object(row))
    }
}
