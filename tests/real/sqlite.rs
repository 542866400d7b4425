//! Real SQLite files, shared with real other connections.

mod dump;
mod integrity;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::rig::seen::Seen;
use crate::rig::{Rig, wait_until};

const SETTINGS: &str = "[env.local.sqlite.main]\npath = \"data.db\"\naccess = \"destroy\"\nbusy_timeout = \"300ms\"\n\
                        [env.local.files.box]\npath = \"box\"\naccess = \"destroy\"\n";
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

/// A project whose database was made by `sql`.
fn project(sql: &str) -> Rig {
    let rig = Rig::new(SETTINGS);
    open(&rig).execute_batch(sql).unwrap();
    rig
}

fn open(rig: &Rig) -> Connection {
    let connection = Connection::open(rig.path("data.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

fn script(body: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"sqlite.main:destroy\", \"files.box:destroy\"]\n\
         let db = sqlite(\"main\");\nlet box = files(\"box\");\n{body}\n"
    )
}

fn run(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&script(body))
}

fn count(rig: &Rig, table: &str) -> i64 {
    open(rig).query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
                     INSERT INTO users VALUES (1, 'ada'), (2, 'grace');";

#[test]
fn values_go_in_and_out_as_they_are() {
    let (_, seen) = run(
        project("CREATE TABLE v (a, b, c, d, e, f)"),
        r#"
        db.execute("INSERT INTO v VALUES (?, ?, ?, ?, ?, ?)", [7, 2.5, true, "ä", (), #{ base64: "AP8=" }]);
        let row = db.query("SELECT * FROM v")[0];
        check "integer", row.a == 7;
        check "real", row.b == 2.5;
        check "yes", row.c == 1;
        check "text", row.d == "ä";
        check "null", row.e == ();
        check "blob", row.f.base64 == "AP8=";
        check "its type", db.value("SELECT typeof(f) FROM v") == "blob";
        check "by name", db.value("SELECT :x + @y", #{ parameters: #{ x: 1, y: 2 } }) == 3;
        check "infinity", db.value("SELECT 9e999") == "Infinity";
        check "no row", db.value("SELECT a FROM v WHERE a = 8") == ();
        check "no rows", db.query("SELECT a FROM v WHERE a = 8") == [];
        check "tables", db.tables() == #{ v: 1 };
        check "a pragma that tells", db.query("PRAGMA table_info(v)").len() == 6;
        "#,
    );
    seen.expect(0);
}

#[test]
fn wrong_parameters_are_named() {
    for (call, says) in [
        ("db.query(\"SELECT ?, ?\", [1])", "has 2 parameters, and 1 values were given"),
        ("db.query(\"SELECT ?\")", "has 1 parameters, and 0 values were given"),
        ("db.query(\"SELECT :name\", #{ parameters: #{ nmae: 1 } })", "did you mean `name`?"),
        ("db.query(\"SELECT :a, :b\", #{ parameters: #{ a: 1 } })", "`:b` has no value"),
        ("db.query(\"SELECT ?\", [[1]])", "it is an array or a map"),
        ("db.query(\"SELECT 1 AS a, 2 AS a\")", "two columns of the result are named `a`"),
        ("db.value(\"SELECT id FROM users\")", "more than one row"),
        ("db.query(\"SELECT 1; SELECT 2\")", "more than one statement"),
        (
            "db.query(\"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n\")",
            "LIMIT",
        ),
    ] {
        run(project(USERS), call).1.expect(1).says(says);
    }
}

#[test]
fn reading_changes_nothing_and_nothing_reaches_beyond_the_file() {
    for (call, code, says) in [
        ("db.query(\"DELETE FROM users\")", 1, "use `execute`"),
        ("db.value(\"INSERT INTO users VALUES (3, 'x') RETURNING id\")", 1, "use `execute`"),
        ("db.query(\"PRAGMA journal_mode = WAL\")", 1, "use `execute`"),
        ("db.query(\"PRAGMA query_only = OFF\")", 1, "use `execute`"),
        ("db.query(\"ATTACH 'other.db' AS other\")", 3, "no declared resource"),
        ("db.execute(\"ATTACH 'other.db' AS other\")", 3, "no declared resource"),
        ("db.execute(\"ATTACH ? AS other\", [\"other.db\"])", 3, "no declared resource"),
        ("db.execute(\"VACUUM INTO 'other.db'\")", 3, "no declared resource"),
        ("db.execute(\"BEGIN\")", 1, "a transaction of its own"),
        ("db.transaction([\"DELETE FROM users\", \"COMMIT\"])", 1, "a transaction of its own"),
        ("db.value(\"SELECT load_extension('x')\")", 1, "not authorized"),
    ] {
        let (rig, seen) = run(project(USERS), call);
        seen.expect(code).says(says);
        assert!(!rig.path("other.db").exists(), "{call}");
        assert_eq!(count(&rig, "users"), 2, "{call}");
    }
    run(project(USERS), "db.execute(\"VACUUM\"); db.execute(\"PRAGMA journal_mode = WAL\");").1.expect(0);
}

#[test]
fn a_missing_database_is_an_error_unless_it_may_be_made() {
    let (rig, seen) = run(Rig::new(SETTINGS), "db.execute(\"CREATE TABLE t (a)\");");
    seen.expect(1).says("has no database at").says("create = true");
    assert!(!rig.path("data.db").exists());
    let rig = Rig::new(&SETTINGS.replace("[env.local.files", "create = true\n[env.local.files"));
    let (rig, seen) =
        run(rig, "db.execute(\"CREATE TABLE t (a)\"); check \"there\", db.tables() == #{ t: 0 };");
    seen.expect(0);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(rig.path("data.db")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_error_carries_the_code_the_words_and_a_caret() {
    let body = r#"
        try { db.execute("INSERT INTO users VALUES (3, ?)", ["ada"]); }
        catch (e) { check "code", e.details.sqlite_code == "SQLITE_CONSTRAINT_UNIQUE"; check "words", e.why.contains("users.name"); }
        db.query("SELECT id,\n  nam FROM users");
    "#;
    let (_, seen) = run(project(USERS), body);
    seen.expect(1).says("no such column: nam").says("         nam FROM users\n         ^");
}

#[test]
fn a_file_that_is_no_database_says_so() {
    let rig = Rig::new(SETTINGS).file("data.db", &"this is no database ".repeat(400));
    run(rig, "db.query(\"SELECT 1 FROM x\");")
        .1
        .expect(1)
        .says("file is not a database")
        .says("restore a backup");
}

#[test]
fn what_changed_no_row_is_not_undone() {
    let rig = project(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT); INSERT INTO orders VALUES (1, 'done')",
    );
    let body = r#"
        db.execute("UPDATE orders SET state = 'open' WHERE id = 1 AND state = 'held'", #{ undo: "UPDATE orders SET state = 'held' WHERE id = 1" });
        db.execute("INSERT OR IGNORE INTO orders VALUES (1, 'new')", #{ undo: "DELETE FROM orders WHERE id = 1" });
        db.transaction([["DELETE FROM orders WHERE id = ?", 7]], #{ undo: ["DELETE FROM orders"] });
        db.execute("DELETE FROM orders WHERE id = 9");
        db.execute("CREATE TABLE made (id INTEGER)", #{ undo: "DROP TABLE made" });
        check "never", 1 == 2;"#;
    let (rig, seen) = run(rig, body);
    seen.expect(1).says("DROP TABLE made").hides("NOT be taken back");
    let state: String =
        open(&rig).query_row("SELECT group_concat(id || state) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "1done");
    assert!(open(&rig).prepare("SELECT * FROM made").is_err());
}

#[test]
fn what_was_done_is_undone_and_what_failed_is_not() {
    let body = r#"
        db.execute("INSERT INTO users VALUES (3, 'mary')", #{ undo: "DELETE FROM users WHERE id = ?", undo_parameters: [3] });
        db.transaction([["UPDATE users SET name = ? WHERE id = 1", "eve"]], #{ undo: [["UPDATE users SET name = ? WHERE id = 1", "ada"]] });
        db.execute("INSERT INTO users VALUES (2, 'again')", #{ undo: "DELETE FROM users WHERE id = 2" });
    "#;
    let (rig, seen) = run(project(USERS), body);
    seen.expect(1).says("UNIQUE constraint failed");
    let names: String =
        open(&rig).query_row("SELECT group_concat(name) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(names, "ada,grace", "the row of the failed insert belongs to somebody else");
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let body = "db.transaction([\"DELETE FROM users WHERE id = 1\", [\"INSERT INTO users VALUES (?, ?)\", 2, \"x\"]]);";
    let (rig, seen) = run(project(USERS), body);
    seen.expect(1).says("refused `INSERT INTO users");
    assert_eq!(count(&rig, "users"), 2);
    let body = "let done = db.transaction([\"DELETE FROM users\", \"CREATE TABLE t (a)\"]);\
                check \"rows\", done.rows == 2; check \"each\", done.each == [2, 0];";
    run(rig, body).1.expect(0);
}

#[test]
fn a_script_names_the_line_that_failed_and_leaves_nothing() {
    let up = "-- Makes an audit; with a trigger, whose END; is not ours.\nCREATE TABLE audit (what);\n\
              CREATE TRIGGER seen AFTER INSERT ON users BEGIN\n  INSERT INTO audit VALUES ('new; user');\nEND;\n\n\
              INSERT INTO users VALUES (3, 'mary');\n/* two; */ ;\n";
    let rig = project(USERS)
        .file("up.sql", up)
        .file("down.sql", "DROP TRIGGER seen; DROP TABLE audit; DELETE FROM users WHERE id = 3");
    let (rig, seen) = run(
        rig,
        "let done = db.script(\"up.sql\", #{ undo: \"down.sql\" }); check \"three\", done.statements == 3; check \"no\", false;",
    );
    seen.expect(1).says("three: 3").says("taken back");
    assert_eq!(count(&rig, "users"), 2);
    for (tail, line, says) in [
        ("INSERT INTO users\n  VALUES (1, 'twice');\n", 9, "UNIQUE constraint failed: users.id"),
        ("SELECT 1;\nDELETE FROM nowhere;", 10, "no such table: nowhere"),
        ("INSERT INTO users (id, nam) VALUES (9, 'x');", 9, "no column named nam"),
        ("COMMIT;", 9, "a transaction of its own"),
    ] {
        let rig = project(USERS).file("up.sql", &format!("{up}{tail}"));
        let (rig, seen) = run(rig, "db.script(\"up.sql\");");
        assert!(seen.code == 1 || seen.code == 3, "{seen}");
        seen.says(&format!("up.sql:{line}:")).says(says);
        assert_eq!(count(&rig, "users"), 2);
        assert_eq!(count(&rig, "sqlite_schema WHERE name = 'audit'"), 0);
    }
    run(rig, "db.script(\"../up.sql\");").1.expect(3).says("outside the project");
}

#[test]
fn a_lock_is_waited_for_and_then_named() {
    let rig = project(USERS);
    let other = open(&rig);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (rig, seen) = run(
        rig,
        "check \"reads go on\", db.value(\"SELECT count(*) FROM users\") == 2; db.execute(\"DELETE FROM users\");",
    );
    seen.expect(1).says("database is locked").says("busy_timeout");
    let patient = SETTINGS.replace("300ms", "60s");
    let rig = rig
        .file("playbook.toml", &patient)
        .file("test.rhai", &script("db.execute(\"DELETE FROM users WHERE id = 1\");"));
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It shows that it waits by not ending while the lock is held for as long as a run of it took above.
    let begin = Instant::now();
    wait_until("the other one waits", 30, || begin.elapsed() > Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    other.execute_batch("COMMIT").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(count(&rig, "users"), 1);
}

#[test]
fn a_deadline_interrupts_the_statement_and_leaves_no_lock() {
    let begin = Instant::now();
    let (rig, seen) = run(project(USERS), &format!("db.value(\"{ENDLESS}\", #{{ timeout: \"300ms\" }});"));
    seen.expect(4).says("gave no answer within");
    let body = format!(
        "db.execute(\"INSERT INTO users SELECT 10 + i, i FROM ({}) \", #{{ timeout: \"300ms\" }});",
        ENDLESS.replace("max(i)", "i")
    );
    let (rig, seen) = run(rig, &body);
    assert!([4, 5, 6].contains(&seen.code), "{seen}");
    let other = Connection::open(rig.path("data.db")).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    other.execute("DELETE FROM users WHERE id = 1", []).unwrap();
    assert_eq!(count(&rig, "users"), 1, "what was interrupted left rows behind");
    // Waiting for a lock is ended by a deadline too, long before `busy_timeout`.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let rig = rig.file("playbook.toml", &SETTINGS.replace("300ms", "100s"));
    let (_, seen) = run(rig, "db.execute(\"DELETE FROM users\", #{ timeout: \"300ms\" });");
    assert!([4, 5, 6].contains(&seen.code), "{seen}");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

#[test]
fn ctrl_c_ends_an_endless_statement() {
    let rig = project(USERS).file(
        "test.rhai",
        &script(&format!("log(\"now\"); db.value(\"{ENDLESS}\", #{{ timeout: \"10m\" }});")),
    );
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the run has begun", 20, || rig.path(".playbook").exists());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let begin = Instant::now();
    wait_until("it ends", 20, || child.try_wait().unwrap().is_some());
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_read_only_disk_says_so() {
    let rig = Rig::new(&SETTINGS.replace("data.db", "disk/data.db"));
    let Some(disk) = super::files::SmallDisk::mount(&rig.path("disk")) else { return };
    Connection::open(rig.path("disk/data.db")).unwrap().execute_batch(USERS).unwrap();
    disk.make_read_only();
    let (_, seen) = run(
        rig,
        "check \"two\", db.value(\"SELECT count(*) FROM users\") == 2; db.execute(\"DELETE FROM users\");",
    );
    seen.expect(1).says("readonly database").says("check owner and mode").says("two: 2");
}
