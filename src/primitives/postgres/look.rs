//! Whether the database can be reached, what it is, and whether the role may do what the environment grants.

use super::{database, programs::Programs, session::Door};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::effect::sql::Row;

const SQL: &str = "SELECT current_setting('server_version') AS version, \
     current_setting('server_version_num')::int / 10000 AS major, current_user::text AS role, \
     pg_is_in_recovery() AS replica, current_setting('default_transaction_read_only') AS reads_only, \
     to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS now, \
     count(t.tablename)::int AS tables, \
     (SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user) AS creates, \
     (count(*) FILTER (WHERE has_table_privilege(t.full_name, 'SELECT')))::int AS readable, \
     (count(*) FILTER (WHERE has_table_privilege(t.full_name, 'INSERT') \
     AND has_table_privilege(t.full_name, 'UPDATE')))::int AS writable \
     FROM (SELECT 1) AS one LEFT JOIN (SELECT tablename, \
     quote_ident(schemaname) || '.' || quote_ident(tablename) AS full_name FROM pg_tables \
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')) AS t ON true";

/// Asks the server what it is and what the role may do to the tables, and sees that the client programs fit.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let row = database::read(&cx, SQL, &[]).await?.pop().unwrap_or_default();
    let text = |name: &str| row.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let is_replica = row.get("replica").and_then(serde_json::Value::as_bool).unwrap_or(false);
    let (tables, writes) = (number(&row, "tables"), cx.granted() >= Effect::Write);
    let allowed = number(&row, if writes { "writable" } else { "readable" });
    let mut health = Health::reached()
        .version(format!("PostgreSQL {}", text("version")))
        .fact(format!("as {}", text("role")))
        .fact(text::count(usize::try_from(tables).unwrap_or_default(), "table"));
    if let Ok(now) = text("now").parse() {
        health = health.clock(now);
    }
    if is_replica {
        health = health.fact("a replica");
    }
    if let Err(unfit) = Programs::of(&cx).await?.fit(number(&row, "major")).await {
        // Only a dump needs them, and not every database is dumped from here.
        health = health.fact(format!("no dumps from here: {}", unfit.what));
    }
    if Door::of(&cx).await?.target.drills
        && row.get("creates").and_then(serde_json::Value::as_bool) != Some(true)
    {
        return Ok(health.refused(no_drills(&cx, &text("role"))));
    }
    if writes && !is_replica && text("reads_only") == "on" {
        return Ok(health.refused(reads_only(&cx, &text("role"))));
    }
    let verb = if writes { "write to" } else { "read" };
    Ok(match (is_replica && writes, tables > 0 && allowed == 0) {
        (true, _) => health.refused(
            Error::remote(format!("`{}` is a replica, which nobody may write to", cx.resource()))
                .fix(format!("name the primary in {}, or grant only `access = \"read\"`", cx.table())),
        ),
        (_, true) => health.refused(
            Error::remote(format!(
                "the role {} may {verb} none of the {tables} tables of `{}`",
                text("role"),
                cx.resource()
            ))
            .fix(format!("grant it the right, or connect as another role in {}", cx.table())),
        ),
        _ if allowed < tables => health.fact(format!("may {verb} {allowed} of them")).permitted(),
        _ => health.permitted(),
    })
}

/// The role may make no databases, and is there for drills.
fn no_drills(cx: &Cx, role: &str) -> Error {
    let what = format!("the role {role} may make no databases on `{}`, which drills need", cx.resource());
    Error::remote(what).fix(format!("ALTER ROLE {role} CREATEDB, or name a role that may in {}", cx.table()))
}

/// All transactions of the role are read-only, and it is there for changes.
fn reads_only(cx: &Cx, role: &str) -> Error {
    Error::remote(format!("the role {role} may only read on `{}`: its transactions are read-only", cx.resource()))
        .why("default_transaction_read_only is on")
        .fix(format!(
            "ALTER ROLE {role} SET default_transaction_read_only = off (or the same of the database, or of the server), or \
             grant only `access = \"read\"` in {}",
            cx.table()
        ))
}

fn number(row: &Row, name: &str) -> u32 {
    let number = row.get(name).and_then(serde_json::Value::as_u64);
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}
