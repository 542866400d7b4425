//! `long_transactions`: which are open for too long.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const LONG: &str = "SELECT pid, usename AS \"user\", application_name AS application, state, \
     (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS transaction_ms, \
     (extract(epoch FROM clock_timestamp() - state_change) * 1000)::bigint AS since_ms, left(query, 200) AS sql \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
     AND clock_timestamp() - xact_start > make_interval(secs => $1::float8) ORDER BY xact_start";

/// Lists the transactions of other connections to this database that are open for longer than that, oldest first: `#{ pid, user,
/// application, state, transaction_ms, since_ms, sql }`. They hold back a migration's locks, and what it may clean up. Those of
/// other roles are seen with the role `pg_monitor` only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LongTransactions {
    /// How long they must have been open
    #[serde(default = "a_minute")]
    over: Period,
}

const fn a_minute() -> Period {
    Period::of("1m")
}

impl Primitive for LongTransactions {
    const NAME: &'static str = "long_transactions";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "no long transactions", postgres("main").long_transactions(#{ over: "1m" }).is_empty();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list the transactions of {resource} that are open for over {}", self.over)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let over = parse_duration(&self.over)?.as_secs_f64();
        Ok(database::read(&cx, LONG, &[json!(over)]).await?.into_iter().map(Value::Object).collect())
    }
}
