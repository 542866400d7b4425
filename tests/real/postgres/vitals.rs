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
    // How far the primary has got is not yet how far the standby has: the database may not be there.
    let there = there.file("own.rhai", &script("read", own));
    wait_until("the standby tells of itself", 60, || there.run(&["exec", "own.rhai"]).code == 0);
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

/// A table that an open reader holds, so that nobody can alter it.
fn held(database: &Database) -> Open {
    database.sql("CREATE TABLE held (n int); INSERT INTO held VALUES (1)");
    let open = Open::new(database, "SELECT * FROM held");
    let waits = format!(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = '{}' \
         AND l.relation IS NOT NULL AND l.granted AND l.locktype = 'relation' AND l.pid IN (SELECT pid FROM pg_stat_activity \
         WHERE application_name = 'holder' AND state = 'idle in transaction')",
        database.name
    );
    wait_until("the table is held", 20, || database.server.psql("postgres", &waits) != "0");
    open
}

#[test]
fn a_change_that_waits_says_for_whom_and_so_does_its_time_out() {
    let Some(database) = monitored() else { return };
    let _open = held(&database);
    let pid = database.server.psql(
        "postgres",
        &format!(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'holder' AND datname = '{}'",
            database.name
        ),
    );
    for line in [
        "db.execute(\"ALTER TABLE held ADD a int\", #{ timeout: \"10s\" });",
        "db.transaction([\"SELECT 1\", \"ALTER TABLE held ADD b int\"], #{ timeout: \"10s\" });",
        "db.script(\"s.sql\", #{ timeout: \"10s\" });",
        "db.migrate(\"m\", #{ timeout: \"10s\" });",
    ] {
        exec(with_changes(&database), "write", line)
            .1
            .expect_any(&[1, 4])
            .says(&format!("waits for process {pid} (postgres, holder, idle in transaction, since "))
            .says("SELECT * FROM held")
            .says(&format!("it waited for process {pid}"))
            .says(&format!("SELECT pg_terminate_backend({pid})"))
            .says("lock_timeout");
    }
    assert_eq!(
        database.sql("SELECT count(*) FROM information_schema.columns WHERE table_name = 'held'"),
        "1"
    );
}

/// A project whose script and migration change the table that is held.
fn with_changes(database: &Database) -> Rig {
    rig(database, "write")
        .file("m/1_a.sql", "ALTER TABLE held ADD d int;\n")
        .file("s.sql", "ALTER TABLE held ADD c int;\n")
}

#[test]
fn a_lock_timeout_gives_up_soon_and_names_who_holds_the_lock() {
    let Some(database) = monitored() else { return };
    let _open = held(&database);
    for line in [
        "db.execute(\"ALTER TABLE held ADD a int\", #{ lock_timeout: \"4s\" });",
        "db.transaction([\"ALTER TABLE held ADD b int\"], #{ lock_timeout: \"4s\" });",
        "db.script(\"s.sql\", #{ lock_timeout: \"4s\" });",
        "db.migrate(\"m\", #{ lock_timeout: \"4s\" });",
    ] {
        exec(with_changes(&database), "write", line)
            .1
            .expect(1)
            .says("canceling statement due to lock timeout (SQLSTATE 55P03)")
            .says("it waited for process ")
            .says("holder, idle in transaction")
            .says("pg_terminate_backend(");
    }
    // Who holds it is looked for in half of so short a time; a busy machine may look too late, but not each time.
    let names = || {
        let line = "db.execute(\"ALTER TABLE held ADD a int\", #{ lock_timeout: \"800ms\" });";
        let seen = exec(rig(&database, "write"), "write", line).1.expect(1).says("SQLSTATE 55P03");
        seen.all().contains("it waited for process ")
    };
    assert!((0..5).any(|_| names()), "nobody is named within half of 800 ms");
    // The table's own, for what is no part of a transaction too; and a call may wait longer than that.
    let settings = format!("{}lock_timeout = \"4s\"\n", database.settings("write"));
    let rig = || Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    exec(rig(), "write", "db.execute(\"VACUUM FULL held\");")
        .1
        .expect(6)
        .says("55P03")
        .says("it waited for process");
    exec(
        rig(),
        "write",
        "check \"set\", db.execute(\"SELECT 1 WHERE current_setting('lock_timeout') = '4s'\").rows == 1;",
    )
    .1
    .expect(0);
    exec(rig(), "write", "check \"own\", db.execute(\"SELECT 1 WHERE current_setting('lock_timeout') = '2s'\", #{ lock_timeout: \"2s\" }).rows == 1;").1.expect(0);
}

#[test]
fn a_restore_that_waits_says_for_whom() {
    let Some(database) = monitored() else { return };
    database.sql("CREATE TABLE first (n int)");
    let settings = format!(
        "{}[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"\n",
        database.settings("destroy")
    );
    let script = |lines: &str| {
        format!(
            "//! Test.\n//!\n//! uses = [\"postgres.main:destroy\", \"files.out:destroy\"]\nlet db = postgres(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
        )
    };
    let rig = Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    let (rig, seen) = rig.exec(&script("db.dump_to(files(\"out\"), \"a.dump\");"));
    seen.expect(0);
    let _open = held(&database);
    database.sql("SELECT 1");
    let (_, seen) = rig.exec(&script(
        "db.restore_from(files(\"out\"), \"a.dump\", #{ exact: true, timeout: \"15s\", on_doubt: \"skip\" });",
    ));
    seen.says("waits for process ").says("holder, idle in transaction");
}

#[test]
fn a_role_that_may_only_read_is_told_so() {
    let Some(database) = monitored() else { return };
    database.sql("CREATE TABLE t (n int)");
    database.server.psql(
        "postgres",
        &format!("ALTER ROLE app IN DATABASE \"{}\" SET default_transaction_read_only = on", database.name),
    );
    exec(rig(&database, "write"), "write", "db.execute(\"INSERT INTO t VALUES (1)\");")
        .1
        .expect(1)
        .says("read-only transaction (SQLSTATE 25006)")
        .says("default_transaction_read_only")
        .hides("use execute(…)");
    let found = rig(&database, "write").look("postgres.main");
    assert_eq!(found["state"], "not_permitted", "{found}");
    assert!(found.to_string().contains("default_transaction_read_only"), "{found}");
    exec(rig(&database, "read"), "read", "db.query(\"INSERT INTO t VALUES (1)\");")
        .1
        .expect(1)
        .says("use execute(…)");
}
