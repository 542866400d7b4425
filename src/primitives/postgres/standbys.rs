//! `replication_lag`: how far the standbys are behind.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

const STANDBYS: &str = "SELECT application_name AS name, client_addr AS address, state, sync_state AS sync, \
     (extract(epoch FROM replay_lag) * 1000)::bigint AS lag_ms, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS behind \
     FROM pg_stat_replication ORDER BY 1, 2";

const STANDBY: &str = "SELECT (SELECT status FROM pg_stat_wal_receiver LIMIT 1) AS state, \
     pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint AS behind, \
     CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
     ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint END AS lag_ms";

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
