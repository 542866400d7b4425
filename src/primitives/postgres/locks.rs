//! `blocking_locks` and `would_block`: who waits for whom, and whom a migration would have to wait for.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::quote;

const BLOCKED: &str = "SELECT a.pid, a.usename AS \"user\", left(a.query, 200) AS sql, \
     (extract(epoch FROM clock_timestamp() - a.query_start) * 1000)::bigint AS waits_ms, l.mode, l.relation::regclass::text AS \"table\", \
     (SELECT jsonb_agg(jsonb_build_object('pid', b.pid, 'user', b.usename, 'state', b.state, 'sql', left(b.query, 200), \
     'transaction_ms', (extract(epoch FROM clock_timestamp() - b.xact_start) * 1000)::bigint) ORDER BY b.pid) \
     FROM pg_stat_activity b WHERE b.pid = ANY (pg_blocking_pids(a.pid))) AS blocked_by \
     FROM pg_stat_activity a LEFT JOIN LATERAL (SELECT mode, relation FROM pg_locks WHERE pid = a.pid AND NOT granted LIMIT 1) l ON true \
     WHERE a.datname = current_database() AND cardinality(pg_blocking_pids(a.pid)) > 0 ORDER BY a.query_start";

const HOLDERS: &str = "SELECT a.pid, a.usename AS \"user\", a.application_name AS application, a.state, l.mode, l.granted, \
     (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint AS transaction_ms, left(a.query, 200) AS sql \
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid() \
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.relation = $1::text::regclass \
     AND l.mode = ANY ($2::text[]) ORDER BY a.xact_start";

/// Lists who waits for somebody else's lock now: `#{ pid, user, sql, waits_ms, mode, table, blocked_by: [#{ pid, user, state, sql,
/// transaction_ms }] }`, the longest wait first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockingLocks {}

impl Primitive for BlockingLocks {
    const NAME: &'static str = "blocking_locks";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "nobody waits for a lock", postgres("main").blocking_locks().is_empty();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list who waits for a lock of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(database::read(&cx, BLOCKED, &[]).await?.into_iter().map(Value::Object).collect())
    }
}

/// Lists the transactions that hold, or queue for, a lock on a table which a statement of `mode` would have to wait for: `#{ pid,
/// user, application, state, mode, granted, transaction_ms, sql }`, the oldest first. Empty means that it would get its lock now. An
/// ALTER TABLE mostly takes `access exclusive`, a CREATE INDEX `share`, one that is CONCURRENTLY `share update exclusive`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WouldBlock {
    /// The table, with its schema where it is not on the search path
    table: String,
    /// The mode of the lock that is wanted
    #[serde(default)]
    mode: Mode,
}

/// The modes of a lock on a table, the weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Mode {
    /// SELECT
    #[serde(rename = "access share")]
    AccessShare,
    /// SELECT … FOR UPDATE
    #[serde(rename = "row share")]
    RowShare,
    /// INSERT, UPDATE, DELETE
    #[serde(rename = "row exclusive")]
    RowExclusive,
    /// CREATE INDEX CONCURRENTLY, VACUUM, ANALYZE, VALIDATE CONSTRAINT
    #[serde(rename = "share update exclusive")]
    ShareUpdateExclusive,
    /// CREATE INDEX
    #[serde(rename = "share")]
    Share,
    /// CREATE TRIGGER, ADD FOREIGN KEY
    #[serde(rename = "share row exclusive")]
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY
    #[serde(rename = "exclusive")]
    Exclusive,
    /// ALTER TABLE, DROP TABLE, TRUNCATE
    #[default]
    #[serde(rename = "access exclusive")]
    AccessExclusive,
}

/// The modes as the server writes them, the weakest first.
const NAMES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

impl Mode {
    /// The modes that cannot be held at the same time, as the server's manual lists them.
    fn conflicts(self) -> &'static [&'static str] {
        match self {
            Self::AccessShare => &NAMES[7..],
            Self::RowShare => &NAMES[6..],
            Self::RowExclusive => &NAMES[4..],
            Self::ShareUpdateExclusive => &NAMES[3..],
            Self::Share => &[
                "RowExclusiveLock",
                "ShareUpdateExclusiveLock",
                "ShareRowExclusiveLock",
                "ExclusiveLock",
                "AccessExclusiveLock",
            ],
            Self::ShareRowExclusive => &NAMES[2..],
            Self::Exclusive => &NAMES[1..],
            Self::AccessExclusive => &NAMES,
        }
    }
}

impl Primitive for WouldBlock {
    const NAME: &'static str = "would_block";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the table can be altered now", postgres("main").would_block("orders").is_empty();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list whom a change of the table {} of {resource} would wait for", self.table)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let table = quote(&self.table);
        let there =
            database::read(&cx, "SELECT to_regclass($1) IS NOT NULL AS there", &[json!(table)]).await?;
        if there.first().is_none_or(|row| row.get("there") != Some(&Value::Bool(true))) {
            return Err(Error::missing(format!("`{}` has no table `{}`", cx.resource(), self.table))
                .fix("correct its name, with its schema where it is not on the search path"));
        }
        let rows = database::read(&cx, HOLDERS, &[json!(table), json!(self.mode.conflicts())]).await?;
        Ok(rows.into_iter().map(Value::Object).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_one_in_both_directions() {
        let modes = [
            Mode::AccessShare,
            Mode::RowShare,
            Mode::RowExclusive,
            Mode::ShareUpdateExclusive,
            Mode::Share,
            Mode::ShareRowExclusive,
            Mode::Exclusive,
            Mode::AccessExclusive,
        ];
        for (n, one) in modes.iter().enumerate() {
            for (m, other) in modes.iter().enumerate() {
                assert_eq!(
                    one.conflicts().contains(&NAMES[m]),
                    other.conflicts().contains(&NAMES[n]),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
