//! What is looked at before and after a migration: connections, standbys, long transactions, locks, references.

use std::process::{Child, Command, Stdio};

use super::*;
use crate::rig::servers::standby::standby;
use crate::rig::wait_until;

/// A psql that has run `sql` in a transaction, which stays open until it is dropped.
struct Open(Child);

impl Open {
    fn new(database: &Database, sql: &str) -> Self {
        let mut psql = Command::new(database.server.programs().join("psql"));
        psql.args(["-X", "-q", "-U", "postgres", "-d", &database.name, "-h"]).arg(database.server.socket());
        psql.args(["-p", &database.server.port.to_string()]);
        psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).env("PGAPPNAME", "holder");
        let mut child = psql.spawn().unwrap();
        use std::io::Write as _;
        let text = format!("SET ROLE app;\nBEGIN;\n{sql};\n");
        child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        Self(child)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn monitored() -> Option<Database> {
    static GRANTED: std::sync::Once = std::sync::Once::new();
    let database = postgres::database()?;
    // Two grants at the same time would meet in one row.
    GRANTED.call_once(|| drop(database.server.psql("postgres", "GRANT pg_monitor TO app")));
    Some(database)
}

#[test]
fn connections_are_counted_by_state_user_and_database() {
    let Some(database) = monitored() else { return };
    let _open = Open::new(&database, "SELECT 1");
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state = 'idle in transaction'",
        database.name
    );
    wait_until("the transaction is open", 20, || database.server.psql("postgres", &waits) == "1");
    let lines = format!(
        r#"
        let seen = db.connections();
        check `seen ${{seen}}`, seen.total >= 2 && seen.max == 200 && seen.free > 100 && seen.ratio > 0.0 && seen.ratio < 0.5;
        check "states", seen.by_state["idle in transaction"] >= 1 && seen.by_database["{}"] >= 2 && seen.by_user["app"] >= 1;
        "#,
        database.name
    );
    exec(rig(&database, "read"), "read", &lines).1.expect(0);
}

#[test]
fn long_transactions_and_their_locks_are_named() {
    let Some(database) = monitored() else { return };
    database.sql("CREATE TABLE t (id int); CREATE TABLE \"Odd name\" (id int)");
    let lines = r#"check "none", db.long_transactions(#{ over: "10ms" }).is_empty() && db.would_block("t").is_empty() && db.blocking_locks().is_empty(); db.would_block("nothing");"#;
    exec(rig(&database, "read"), "read", lines).1.expect(1).says("`postgres.main` has no table `nothing`");
    let _open = Open::new(&database, "INSERT INTO t VALUES (1); SELECT * FROM \"Odd name\"");
    let holds = || {
        database.server.psql(&database.name, "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass")
            != "0"
    };
    wait_until("the lock is held", 20, holds);
    let lines = r#"
        let long = db.long_transactions(#{ over: "1ms" });
        check `long ${long}`, long.len() == 1 && long[0].application == "holder" && long[0].transaction_ms >= 1;
        check "not for an hour", db.long_transactions(#{ over: "1h" }).is_empty();
        let blocks = db.would_block("t");
        check `blocks ${blocks}`, blocks.len() == 1 && blocks[0].mode == "RowExclusiveLock" && blocks[0].granted;
        check "reading is not in the way of an index", db.would_block("Odd name", #{ mode: "share" }).is_empty();
        check "writing is", db.would_block("t", #{ mode: "share" }).len() == 1;
        check "but not of reading", db.would_block("t", #{ mode: "access share" }).is_empty();
        check "nobody waits", db.blocking_locks().is_empty();
    "#;
    exec(rig(&database, "read"), "read", lines).1.expect(0);
    let _waits = Open::new(&database, "ALTER TABLE t ADD x int");
    let blocked = || {
        database.server.psql(
            &database.name,
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass",
        ) != "0"
    };
    wait_until("somebody waits", 20, blocked);
    let lines = r#"
        let waits = db.blocking_locks();
        check `waits ${waits}`, waits.len() == 1 && waits[0].table == "t" && waits[0].mode == "AccessExclusiveLock";
        check "for whom", waits[0].blocked_by.len() == 1 && waits[0].blocked_by[0].state == "idle in transaction";
    "#;
    exec(rig(&database, "read"), "read", lines).1.expect(0);
}

#[test]
fn orphans_are_found_by_declared_keys_and_by_those_that_are_not() {
    let database = need_postgres!();
    database.sql(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (id int, user_id int, \"for\" int); \
         INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 1, NULL), (2, 7, 1), (3, 7, 9), (4, 8, NULL); \
         ALTER TABLE orders ADD CONSTRAINT by_user FOREIGN KEY (user_id) REFERENCES users NOT VALID; ANALYZE orders",
    );
    let lines = r#"
        let seen = db.orphans("orders");
        check `declared ${seen}`, seen.total == 3 && seen.each[0].name == "by_user" && seen.each[0].examples.len() == 2;
        let seen = db.orphans("orders", #{ parent: "users", columns: ["for"] });
        check `said ${seen}`, seen.total == 1 && seen.each[0].examples == [#{ "for": 9 }];
        check "count", db.count("orders") == 4 && db.count("orders", #{ estimated: true }) == 4;
        let whole = db.integrity();
        check `integrity ${whole}`, !whole.fine && whole.unvalidated == ["orders.by_user"] && whole.invalid_indexes.is_empty();
        try { db.orphans("users"); } catch (error) { check "no key", error.what.contains("declares no foreign key"); }
        try { db.orphans("orders", #{ parent: "users" }); } catch (error) { check "columns", error.fix.contains("as many `columns`"); }
        db.count("nothing");
    "#;
    exec(rig(&database, "read"), "read", lines).1.expect(1).says("relation \"nothing\" does not exist");
    database.sql("DELETE FROM orders; ALTER TABLE orders VALIDATE CONSTRAINT by_user");
    exec(rig(&database, "read"), "read", "check \"fine\", db.integrity().fine;").1.expect(0);
}

#[test]
fn a_standby_that_streams_is_level_and_one_that_stands_still_is_behind() {
    let Some(standby) = standby() else { return };
    let Some(database) = monitored() else { return };
    database.sql("CREATE TABLE t (id int)");
    // Other tests write to the same server all the time.
    let level = r#"
        let seen = db.replication_lag();
        check `seen ${seen}`, seen.role == "primary" && seen.standbys.len() == 1 && seen.standbys[0].state == "streaming" && seen.behind < 1_000_000;
    "#;
    wait_until("the standby is level", 60, || exec(rig(&database, "read"), "read", level).1.code == 0);
    let own = r#"let seen = db.replication_lag(); check `own ${seen}`, seen.role == "standby" && seen.behind >= 0 && seen.state == "streaming";"#;
    let there = Rig::new(&standby.settings("app")).variable("PG_PASSWORD", PASSWORD);
    exec(there, "read", own).1.expect(0);
    standby.pause();
    database.sql("INSERT INTO t SELECT generate_series(1, 100000)");
    let behind =
        "check \"behind\", db.replication_lag().behind > 3_000_000 && db.replication_lag().lag_ms >= 0;";
    wait_until("the standby is behind", 60, || exec(rig(&database, "read"), "read", behind).1.code == 0);
    standby.go_on();
}

#[test]
fn a_role_that_may_not_see_the_standbys_is_told_what_it_needs() {
    let (Some(_), Some(database)) = (standby(), postgres::database()) else { return };
    let role = format!("CREATE ROLE nosy LOGIN PASSWORD '{PASSWORD}'");
    database.server.psql("postgres", &role);
    let settings = database.settings("read").replace("user = \"app\"", "user = \"nosy\"");
    let rig = Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    exec(rig, "read", "db.replication_lag();")
        .1
        .expect(1)
        .says("may not see how far its standbys are")
        .says("GRANT pg_monitor");
}
