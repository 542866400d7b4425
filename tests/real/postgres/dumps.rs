//! Dumps of a whole database into a store, and back: verified, never half.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use super::*;
use crate::rig::wait_until;

const DUMP: &str = r#"let dump = db.dump_to(store, "a/before.dump");"#;

fn with_tables() -> Option<Database> {
    let database = postgres::database()?;
    database.sql(
        "CREATE SCHEMA other; CREATE TYPE mood AS ENUM ('sad', 'happy'); \
         CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL, mood mood, at timestamptz DEFAULT '2026-01-01'); \
         INSERT INTO people (name, mood) SELECT 'person ' || n, 'happy' FROM generate_series(1, 2000) n; \
         CREATE TABLE \"other\".\"two words\" (of int REFERENCES people, body bytea); \
         INSERT INTO other.\"two words\" SELECT id, sha256(name::bytea) FROM people; \
         CREATE TABLE parts (n int) PARTITION BY RANGE (n); \
         CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1), (2); \
         CREATE VIEW names AS SELECT name FROM people; CREATE INDEX ON people (name)",
    );
    Some(database)
}

/// A project with the database and a store; `more` is added to the database's settings.
fn with_store(database: &Database, more: &str) -> Rig {
    let settings = format!(
        "{}{more}\n[env.local.files.backups]\npath = \"backups\"\naccess = \"write\"\n",
        database.settings("destroy")
    );
    Rig::new(&settings).variable("PG_PASSWORD", PASSWORD)
}

fn playbook(lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"postgres.main:destroy\", \"files.backups:write\"]\nlet db = postgres(\"main\");\n\
         let store = files(\"backups\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn run(rig: Rig, lines: &str) -> (Rig, Seen) {
    rig.exec(&playbook(lines))
}

/// Every file in the store's folder, and what is being written to it.
fn stored(rig: &Rig) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { walk(&path, found) } else { found.push(path.display().to_string()) }
        }
    }
    let mut found = Vec::new();
    walk(&rig.path("backups"), &mut found);
    found
}

/// The programs, with a `pg_dump` of the test's own before the real one, which is `$real` in it.
fn with_pg_dump(database: &Database, text: &str) -> Rig {
    let real = database.server.programs();
    let text = format!("#!/bin/sh\nreal={}\n{text}\n", real.join("pg_dump").display());
    let rig = with_store(database, "programs = \"programs\"").file("programs/pg_dump", &text);
    std::fs::set_permissions(rig.path("programs/pg_dump"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(real.join("pg_restore"), rig.path("programs/pg_restore")).unwrap();
    rig
}

#[test]
fn a_dump_brings_the_database_back_as_it_was() {
    let Some(database) = with_tables() else { return };
    let before = database.dump();
    let lines = format!(
        r#"{DUMP}
        check `receipt ${{dump}}`, dump.tables == 4 && dump.bytes > 1000 && dump.sha256.len() == 64 && dump.key == "a/before.dump";
        check "in the store", store.head("a/before.dump").bytes == dump.bytes;
        db.execute("UPDATE people SET name = 'nobody', mood = 'sad'");
        db.execute("DROP TABLE other.\"two words\"");
        db.execute("ALTER TABLE people ADD age int");
        db.execute("CREATE TABLE later (n int)");
        let done = db.restore_from(store, "a/before.dump");
        check `restored ${{done}}`, done.tables == 4 && done.kept == ["public.later"] && done.sha256 == dump.sha256;
        db.execute("DROP TABLE later");"#
    );
    let (rig, seen) = run(with_store(&database, ""), &lines);
    seen.expect(0);
    assert_eq!(database.dump(), before);
    assert_eq!(stored(&rig).len(), 1, "{:?}", stored(&rig));
}

#[test]
fn a_taken_key_is_kept_unless_it_may_be_replaced() {
    let Some(database) = with_tables() else { return };
    let lines = format!(
        "{DUMP}\ndb.dump_to(store, \"a/before.dump\", #{{ replace: true }});\ndb.dump_to(store, \"a/before.dump\");"
    );
    run(with_store(&database, ""), &lines)
        .1
        .expect(6)
        .says("already holds `a/before.dump`")
        .says("replace: true");
}

#[test]
fn a_dump_that_ends_early_leaves_nothing_behind() {
    let Some(database) = with_tables() else { return };
    for (pg_dump, says) in [
        (
            "[ \"$1\" = --version ] && exec $real --version\n$real \"$@\" | head -c 3000; kill -9 $$",
            "was killed by signal 9 (KILL)",
        ),
        (
            "[ \"$1\" = --version ] && exec $real --version\n$real \"$@\" | head -c 3000; echo 'disk on fire' >&2; exit 1",
            "disk on fire",
        ),
        (
            "[ \"$1\" = --version ] && exec $real --version\n$real \"$@\" | head -c 300",
            "what pg_dump gave is no whole archive; nothing was stored",
        ),
        (
            "[ \"$1\" = --version ] && exec $real --version\nexec $real \"$@\" --exclude-table=people",
            "`public.people`",
        ),
        (
            "[ \"$1\" = --version ] && exec $real --version\nexec $real \"$@\" --schema-only",
            "`public.people`",
        ),
        ("[ \"$1\" = --version ] && exec $real --version\nexit 0", "is empty"),
    ] {
        let (rig, seen) = run(with_pg_dump(&database, pg_dump), DUMP);
        seen.expect(1).says(says).hides(PASSWORD);
        assert_eq!(stored(&rig), Vec::<String>::new(), "{pg_dump}");
    }
}

#[test]
fn the_password_stands_in_no_argument_and_the_surroundings_are_clean() {
    let Some(database) = with_tables() else { return };
    let rig = with_pg_dump(
        &database,
        "[ \"$1\" = --version ] && exec $real --version\n{ echo \"$@\"; env; } >&2; exit 1",
    )
    .variable("LEAK", "leaked-variable");
    let (_, seen) = run(rig, DUMP);
    // The environment holds it, and the redactor takes it out of what is shown.
    seen.expect(1)
        .says("--format=custom --compress=0 --no-password")
        .says("PGPASSWORD=[secret]")
        .hides("leaked-variable")
        .hides(PASSWORD);
}

#[test]
fn programs_that_do_not_fit_are_refused_first() {
    let Some(database) = with_tables() else { return };
    let (rig, seen) = run(with_pg_dump(&database, "echo 'pg_dump (PostgreSQL) 9.6.24'"), DUMP);
    seen.says("pg_dump 9 cannot dump a server of version").says("install the client programs of PostgreSQL");
    assert!(stored(&rig).is_empty());
    let (_, seen) = run(with_store(&database, "programs = \"/nonexistent\""), DUMP);
    seen.says("there is no program `/nonexistent/pg_dump`").says("correct `programs` of");
}

#[test]
fn a_damaged_dump_changes_nothing() {
    let Some(database) = with_tables() else { return };
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    let before = database.dump();
    let path = rig.path("backups/a/before.dump");
    let whole = std::fs::read(&path).unwrap();
    for damaged in [&b"this is no archive"[..], &whole[..whole.len() / 2], &whole[..whole.len() - 100]] {
        std::fs::write(&path, damaged).unwrap();
        std::fs::write(rig.path("test.rhai"), playbook("db.restore_from(store, \"a/before.dump\");"))
            .unwrap();
        rig.run(&["exec", "test.rhai"]).expect(1).hides("taken back");
        assert_eq!(database.dump(), before, "{} bytes", damaged.len());
    }
    std::fs::write(rig.path("test.rhai"), playbook("db.restore_from(store, \"nothing.dump\");")).unwrap();
    rig.run(&["exec", "test.rhai"]).says("has no object `nothing.dump`");
}

#[test]
fn a_restore_that_the_server_refuses_changes_nothing() {
    let Some(database) = with_tables() else { return };
    let lines = format!(
        "{DUMP}\ndb.execute(\"CREATE TABLE leans (of int REFERENCES people)\");\ndb.restore_from(store, \"a/before.dump\");"
    );
    run(with_store(&database, ""), &lines).1.says("could not be restored").says("leans");
    assert_eq!(database.sql("SELECT count(*) FROM other.\"two words\""), "2000");
}

#[test]
fn an_exact_restore_drops_what_was_made_since_or_changes_nothing() {
    let Some(database) = with_tables() else { return };
    let before = database.dump();
    let made = "db.execute(\"CREATE TABLE leans (of int REFERENCES people)\"); db.execute(\"CREATE TABLE \\\"od\\\"\\\"d\\\" (n int)\");";
    let lines = format!(
        r#"{DUMP}
        {made}
        db.execute("DELETE FROM other.\"two words\"");
        let done = db.restore_from(store, "a/before.dump", #{{ exact: true }});
        check `dropped ${{done}}`, done.dropped == ["public.leans", "public.od\"d"];"#
    );
    let (rig, seen) = run(with_store(&database, ""), &lines);
    seen.expect(0);
    assert_eq!(database.dump(), before);
    // What it cannot drop leaves everything as it is.
    database.server.psql(
        &database.name,
        "CREATE SCHEMA hers; GRANT USAGE ON SCHEMA hers TO app; CREATE TABLE hers.own (n int)",
    );
    let before = database.dump();
    std::fs::write(
        rig.path("test.rhai"),
        playbook("db.restore_from(store, \"a/before.dump\", #{ exact: true });"),
    )
    .unwrap();
    rig.run(&["exec", "test.rhai"]).says("must be owner of table own");
    assert_eq!(database.dump(), before);
}

#[test]
fn a_restore_is_taken_back_by_the_dump_that_was_named_for_it() {
    let Some(database) = with_tables() else { return };
    let lines = format!(
        r#"{DUMP}
        db.execute("UPDATE people SET name = 'later'", #{{ undo: "SELECT 1" }});
        db.dump_to(store, "later.dump");
        db.restore_from(store, "a/before.dump", #{{ undo: "later.dump" }});
        check "back", db.value("SELECT name FROM people WHERE id = 1") == "person 1";
        fail("on purpose");"#
    );
    run(with_store(&database, ""), &lines).1.expect(1).says("on purpose");
    assert_eq!(database.sql("SELECT DISTINCT name FROM people"), "later");
}

/// Runs the playbook while somebody else holds a lock that it has to wait for, and interrupts it there.
fn interrupted(database: &Database, rig: &Rig, lock: &str) {
    ended_in_the_middle(database, rig, lock, "-INT");
}

/// The same with any signal.
fn ended_in_the_middle(database: &Database, rig: &Rig, lock: &str, signal: &str) {
    let socket = database.server.socket();
    let mut locker = std::process::Command::new(database.server.programs().join("psql"));
    locker
        .args([
            "-X",
            "-q",
            "-U",
            "postgres",
            "-d",
            &database.name,
            "-p",
            &database.server.port.to_string(),
            "-h",
        ])
        .arg(socket);
    let mut locker = locker.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = locker.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, format!("BEGIN; LOCK TABLE people IN {lock} MODE;\n").as_bytes())
        .unwrap();
    let locked = "SELECT count(*) FROM pg_locks WHERE granted AND relation = 'people'::regclass AND pid <> pg_backend_pid()";
    wait_until("the table is locked", 20, || database.sql(locked) == "1");
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app' AND wait_event_type = 'Lock'";
    wait_until("the program waits", 30, || database.server.psql(&database.name, waiting) == "1");
    std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(!child.wait().unwrap().success());
    let connected =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app'";
    let wait =
        || wait_until("the program is gone", 10, || database.server.psql(&database.name, connected) == "0");
    // One that was killed can end nobody: what it had begun gets the lock, and comes to its own end.
    if signal == "-INT" {
        wait();
    }
    drop(input);
    locker.wait().unwrap();
    wait();
}

#[test]
fn ctrl_c_in_the_middle_of_a_dump_leaves_nothing_behind() {
    let Some(database) = with_tables() else { return };
    let rig = with_store(&database, "").file("test.rhai", &playbook(DUMP));
    interrupted(&database, &rig, "ACCESS EXCLUSIVE");
    assert_eq!(stored(&rig), Vec::<String>::new());
}

#[test]
fn ctrl_c_in_the_middle_of_a_restore_changes_nothing() {
    let Some(database) = with_tables() else { return };
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    let before = database.dump();
    std::fs::write(rig.path("test.rhai"), playbook("db.restore_from(store, \"a/before.dump\");")).unwrap();
    interrupted(&database, &rig, "ACCESS SHARE");
    assert_eq!(database.dump(), before);
}

#[test]
fn a_crash_around_a_restore_is_survived_and_so_is_one_around_its_way_back() {
    let Some(database) = with_tables() else { return };
    let names = || database.sql("SELECT count(*) FROM people WHERE name = 'later'");
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    database.sql("UPDATE people SET name = 'later'");
    let later = names();
    assert_ne!(later, "0");
    for (moment, is_done) in [("3:after", false), ("4:before", true)] {
        let dump = "db.dump_to(store, \"later.dump\", #{ replace: true });";
        std::fs::write(rig.path("test.rhai"), playbook(dump)).unwrap();
        rig.run(&["exec", "test.rhai"]).expect(0);
        let restore = "check \"receipt\", db.restore_from(store, \"a/before.dump\", #{ undo: \"later.dump\" }).tables == 4;";
        std::fs::write(rig.path("test.rhai"), playbook(restore)).unwrap();
        rig.killed(moment);
        assert_eq!(names() == "0", is_done);
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(names(), "0");
        rig.killed_in(&["rollback", "last"], moment);
        assert_eq!(names() == later, is_done, "{moment}");
        rig.run(&["rollback", "last"]).expect(0);
        assert_eq!(names(), later);
    }
}

#[test]
fn a_restore_that_is_killed_in_the_middle_is_whole_or_not_there_and_is_done_by_resume() {
    let Some(database) = with_tables() else { return };
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    let old = database.dump();
    database.sql("UPDATE people SET name = 'later'");
    let new = database.dump();
    std::fs::write(rig.path("test.rhai"), playbook("db.restore_from(store, \"a/before.dump\");")).unwrap();
    ended_in_the_middle(&database, &rig, "ACCESS SHARE", "-KILL");
    assert!([&old, &new].contains(&&database.dump()), "half of it is there");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(database.dump(), old);
}

#[test]
fn a_restore_in_doubt_does_not_take_away_what_a_later_run_wrote() {
    let Some(database) = with_tables() else { return };
    let names = |name: &str| database.sql(&format!("SELECT count(*) FROM people WHERE name = '{name}'"));
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    std::fs::write(rig.path("test.rhai"), playbook("db.restore_from(store, \"a/before.dump\");")).unwrap();
    for (doubt, is_there) in [("skip", true), ("retry", false)] {
        rig.killed("3:after");
        let listed = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
        let cut: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let cut = cut[0]["id"].as_str().unwrap();
        let rig = &rig;
        let later = playbook("db.execute(\"UPDATE people SET name = 'later'\", #{ stays: true });");
        std::fs::write(rig.path("later.rhai"), later).unwrap();
        rig.run(&["exec", "later.rhai"]).expect(0);
        let seen = rig.run(&["resume", cut]).expect(8);
        seen.says("is not done again: a later run changed `postgres.main`")
            .says("later.rhai")
            .says("--on-doubt retry");
        assert_ne!(names("later"), "0", "nothing was done");
        rig.run(&["resume", cut, "--on-doubt", doubt]).expect(0);
        assert_eq!(names("later") != "0", is_there, "{doubt}");
    }
    // A backup changes nothing in the database.
    rig.killed("3:after");
    let listed = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
    let cut: serde_json::Value = serde_json::from_str(&listed).unwrap();
    std::fs::write(rig.path("later.rhai"), playbook("db.dump_to(store, \"nightly.dump\");")).unwrap();
    rig.run(&["exec", "later.rhai"]).expect(0);
    rig.run(&["resume", cut[0]["id"].as_str().unwrap()]).expect(0);
}

#[test]
fn a_role_that_may_not_read_a_table_is_told_what_to_grant() {
    let Some(database) = with_tables() else { return };
    let secret =
        "CREATE TABLE hidden (id int); REVOKE ALL ON hidden FROM app; ALTER TABLE hidden OWNER TO postgres";
    database.server.psql(&database.name, secret);
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(1).says("permission denied for table hidden").says("GRANT SELECT ON table hidden TO app");
    assert_eq!(stored(&rig), Vec::<String>::new());
}

#[test]
fn a_rollback_of_a_backup_says_that_it_takes_nothing_back() {
    let Some(database) = with_tables() else { return };
    let (rig, seen) = run(with_store(&database, ""), DUMP);
    seen.expect(0);
    let held = stored(&rig);
    let seen = rig.run(&["rollback", "last"]).expect(0);
    seen.says("there was nothing to take back: what the run did stays as it is");
    assert_eq!(stored(&rig), held);
}
