//! `activity`: who is connected and what they are doing.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const SQL: &str = "SELECT pid, usename AS \"user\", application_name AS application, client_addr AS address, state, \
     (extract(epoch FROM clock_timestamp() - query_start) * 1000)::bigint AS since_ms, \
     (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS transaction_ms, \
     wait_event AS waits_for, pg_blocking_pids(pid) AS blocked_by, left(query, 200) AS sql \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
     AND backend_type = 'client backend' ORDER BY pid";

/// Lists the other connections to the database: an array of `#{ pid, user, application, address, state, since_ms,
/// transaction_ms, waits_for, blocked_by, sql }`, sorted by `pid`. What the role may not see is `()`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Activity {}

impl Primitive for Activity {
    const NAME: &'static str = "activity";
    const EFFECT: Effect = Effect::Read;
    const MEASURES: bool = true;
    const EXAMPLE: &'static str = r#"postgres("main").activity()"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list the connections to {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(database::read(&cx, SQL, &[]).await?.into_iter().map(Value::Object).collect())
    }
}
