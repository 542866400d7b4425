//! `connections`, `replication_lag`, `long_transactions`: what to look at before a migration and after it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const CONNECTIONS: &str = "WITH c AS (SELECT coalesce(state, 'unknown') AS state, coalesce(usename::text, 'unknown') AS \"user\", \
     coalesce(datname::text, 'none') AS database FROM pg_stat_activity WHERE backend_type = 'client backend') \
     SELECT (SELECT count(*) FROM c) AS total, current_setting('max_connections')::bigint AS max, \
     current_setting('superuser_reserved_connections')::bigint AS reserved, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT state AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_state, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT \"user\" AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_user, \
     (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (SELECT database AS k, count(*) AS n FROM c GROUP BY 1) s) AS by_database";

const STANDBYS: &str = "SELECT application_name AS name, client_addr AS address, state, sync_state AS sync, \
     (extract(epoch FROM replay_lag) * 1000)::bigint AS lag_ms, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS behind \
     FROM pg_stat_replication ORDER BY 1, 2";

const STANDBY: &str = "SELECT (SELECT status FROM pg_stat_wal_receiver LIMIT 1) AS state, \
     pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint AS behind, \
     CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
     ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint END AS lag_ms";

const LONG: &str = "SELECT pid, usename AS \"user\", application_name AS application, state, \
     (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS transaction_ms, \
     (extract(epoch FROM clock_timestamp() - state_change) * 1000)::bigint AS since_ms, left(query, 200) AS sql \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
     AND clock_timestamp() - xact_start > make_interval(secs => $1::float8) ORDER BY xact_start";

/// Counts the connections of the whole server, this one included: `#{ total, max, free, ratio, by_state, by_user,
/// by_database }`. `free` is what ordinary roles may still open, `ratio` the share that is taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connections {}

impl Primitive for Connections {
    const NAME: &'static str = "connections";
    const EFFECT: Effect = Effect::Read;
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

/// Reads how far standbys are behind. A primary gives `#{ role: "primary", standbys: [#{ name, address, state, sync, lag_ms, behind }],
/// lag_ms, behind }`, the last two those of the worst and `()` without any; a standby `#{ role: "standby", state, lag_ms, behind }`
/// of itself. `behind` is in bytes of the log. To see the standbys takes the role `pg_monitor`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplicationLag {}

impl Primitive for ReplicationLag {
    const NAME: &'static str = "replication_lag";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "the standby is behind (ms)", postgres("main").replication_lag().lag_ms < 5000;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how far the standbys of {resource} are behind")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let role = database::read(&cx, "SELECT pg_is_in_recovery() AS standby", &[]).await?.pop();
        if role.is_some_and(|role| role.get("standby") == Some(&Value::Bool(true))) {
            let mut own = database::read(&cx, STANDBY, &[]).await?.pop().unwrap_or_default();
            own.insert("role".to_owned(), "standby".into());
            return Ok(Value::Object(own));
        }
        let mut standbys = database::read(&cx, STANDBYS, &[]).await?;
        if standbys.iter().any(|standby| standby.get("state").is_none_or(Value::is_null)) {
            return Err(Error::remote(format!(
                "the role of `{}` may not see how far its standbys are",
                cx.resource()
            ))
            .why("the server hides the columns of pg_stat_replication from it")
            .fix("let it: GRANT pg_monitor TO the role"));
        }
        for standby in &mut standbys {
            // A lag is only measured while something is written.
            let is_level = standby.get("behind").and_then(Value::as_i64) == Some(0);
            if is_level || standby.get("lag_ms").is_none_or(Value::is_null) {
                standby.insert("lag_ms".to_owned(), 0.into());
            }
        }
        let worst = |name: &str| standbys.iter().filter_map(|standby| standby.get(name)?.as_i64()).max();
        Ok(
            json!({ "role": "primary", "lag_ms": worst("lag_ms"), "behind": worst("behind"), "standbys": standbys }),
        )
    }
}

/// Lists the transactions of other connections to this database that are open for longer than that, oldest first: `#{ pid, user,
/// application, state, transaction_ms, since_ms, sql }`. They hold back a migration's locks, and what it may clean up. Those of
/// other roles are seen with the role `pg_monitor` only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LongTransactions {
    /// How long they must have been open
    #[serde(default = "a_minute")]
    over: String,
}

fn a_minute() -> String {
    "1m".to_owned()
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
