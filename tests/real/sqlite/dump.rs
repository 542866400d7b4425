//! Backups of real databases: while others write, with damage, on a full disk, killed in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::real::files::SmallDisk;

/// Two tables that hold as many rows whenever nobody is in the middle of a transaction.
const PAIR: &str = "CREATE TABLE one (a, b); CREATE TABLE two (a, b);";

fn fill(rig: &Rig, rows: u32) {
    let mut connection = open(rig);
    let all = connection.transaction().unwrap();
    for table in ["one", "two"] {
        all.execute(
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
                 INSERT INTO {table} SELECT i, hex(randomblob(200)) FROM n"
            ),
            [],
        )
        .unwrap();
    }
    all.commit().unwrap();
}

/// A backup with its compression taken off, as a database.
fn unpacked(rig: &Rig, key: &str) -> Connection {
    let plain = zstd::decode_all(std::fs::File::open(rig.path("box").join(key)).unwrap()).unwrap();
    std::fs::write(rig.path("unpacked.db"), plain).unwrap();
    Connection::open(rig.path("unpacked.db")).unwrap()
}

#[test]
fn a_backup_is_verified_published_and_restored() {
    let (rig, seen) = run(
        project(USERS),
        r#"
        let dump = db.dump_to(box, "a/main.db");
        check "bytes", dump.bytes == box.head("a/main.db").bytes;
        check "sha256", dump.sha256 == box.checksum("a/main.db");
        check "tables", dump.tables == 1;
        check "rows", dump.rows == 2;
        check "store", dump.store == "files.box" && dump.key == "a/main.db";
        check "took", dump.took_ms >= 0.0 && dump.mib_per_s > 0.0;
        db.execute("DROP TABLE users");
        let back = db.restore_from(box, "a/main.db");
        check "the same", back.sha256 == dump.sha256 && back.rows == 2;
        check "back", db.value("SELECT count(*) FROM users") == 2;
        db.execute("DELETE FROM users WHERE id = 1");
        check "replaced", db.dump_to(box, "a/main.db", #{ replace: true }).rows == 1;
        db.dump_to(box, "a/main.db");
        "#,
    );
    seen.expect(6).says("already holds `a/main.db`").says("replace: true");
    let backup = unpacked(&rig, "a/main.db");
    assert_eq!(backup.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn a_backup_is_drilled_and_old_ones_go() {
    let (rig, seen) = run(
        project(USERS),
        r#"
        for compression in ["zstd", "gzip", "none"] {
            db.dump_to(box, `a/${compression}`, #{ compression: compression });
            let drill = db.verify_restore(box, `a/${compression}`);
            check "drilled", drill.rows == 2 && drill.tables == 1 && drill.compared == (compression != "none");
        }
        let kept = db.dump_to(box, "a/new", #{ keep: 2 });
        check "the oldest went", kept.removed == ["a/zstd"] && kept.not_removed == [];
        "#,
    );
    seen.expect(0);
    assert!(!rig.path("box/a/zstd").exists() && rig.path("box/a/none").exists());
    // A backup that is sound, and lacks a row.
    std::fs::copy(rig.path("box/a/new"), rig.path("marked")).unwrap();
    open(&rig).execute_batch("DELETE FROM users WHERE id = 1").unwrap();
    let other = zstd::encode_all(&std::fs::read(rig.path("data.db")).unwrap()[..], 1).unwrap();
    let marked = std::fs::read(rig.path("marked")).unwrap();
    let mark = 8 + u32::from_le_bytes(marked[4..8].try_into().unwrap()) as usize;
    std::fs::write(rig.path("box/a/new"), [&marked[..mark], &other].concat()).unwrap();
    let (rig, seen) = run(rig, "db.verify_restore(box, \"a/new\");");
    seen.expect(1).says("does not hold what was backed up");
    std::fs::write(rig.path("box/a/new"), &marked[..marked.len() - 9]).unwrap();
    run(rig, "db.verify_restore(box, \"a/new\");").1.expect(1).says("cannot read `a/new` of `files.box`");
}

#[test]
fn a_plan_makes_no_backup() {
    let rig = project(USERS).file(
        "test.rhai",
        &script("db.dump_to(box, \"x\", #{ replace: true }); db.restore_from(box, \"x\");"),
    );
    rig.run(&["plan", "test.rhai"]).expect(0);
    assert!(!rig.path("box").exists());
}

#[test]
fn a_restore_is_taken_back_by_the_backup_that_it_names() {
    let (rig, seen) = run(
        project(USERS),
        r#"
        db.dump_to(box, "old");
        db.execute("DELETE FROM users", #{ undo: "SELECT 1 FROM users" });
        step "restore" {
            let now = db.dump_to(box, "now");
            db.restore_from(box, "old", #{ undo: now.key });
            check "two", db.value("SELECT count(*) FROM users") == 2;
            check "no", false;
        }
        "#,
    );
    seen.expect(1).says("two: 2");
    assert_eq!(count(&rig, "users"), 0);
}

#[test]
fn a_backup_is_one_moment_while_others_write() {
    for mode in ["WAL", "DELETE"] {
        let rig = project(&format!("PRAGMA journal_mode = {mode}; {PAIR}"));
        fill(&rig, 20_000);
        let stop = Arc::new(AtomicBool::new(false));
        let (connection, stopped) = (open(&rig), Arc::clone(&stop));
        let writer = std::thread::spawn(move || {
            let mut written = 0_u32;
            while !stopped.load(Ordering::Acquire) {
                connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO one VALUES (0, 0); INSERT INTO two VALUES (0, 0); COMMIT").unwrap();
                written += 1;
            }
            written
        });
        let rig = rig.file("playbook.toml", &SETTINGS.replace("300ms", "30s"));
        let (rig, seen) = run(
            rig,
            "let dump = db.dump_to(box, \"x\"); check \"even\", dump.rows % 2 == 0; check \"many\", dump.rows >= 40000;",
        );
        stop.store(true, Ordering::Release);
        seen.expect(0);
        assert!(writer.join().unwrap() > 0, "{mode}: nobody wrote");
        let backup = unpacked(&rig, "x");
        let count = |table: &str| -> i64 {
            backup.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count("one"), count("two"), "{mode}");
    }
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_lost() {
    let rig = project(PAIR);
    fill(&rig, 2_000);
    let (rig, seen) = run(rig, "db.dump_to(box, \"good\", #{ compression: \"none\" });");
    seen.expect(0);
    let good = std::fs::read(rig.path("box/good")).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2..good.len() / 2 + 4096].fill(0xa5);
    for (name, bytes) in [
        ("flipped", flipped.as_slice()),
        ("cut", &good[..good.len() / 2]),
        ("text", b"this is no database".as_slice()),
        ("nothing", b"".as_slice()),
    ] {
        std::fs::write(rig.path("box").join(name), bytes).unwrap();
        std::fs::write(rig.path("test.rhai"), script(&format!("db.restore_from(box, \"{name}\");"))).unwrap();
        let seen = rig.run(&["exec", "test.rhai"]).expect(1).says(&format!("`{name}` of `files.box`"));
        assert!(
            ["is damaged", "is no sound SQLite database", "is empty"]
                .iter()
                .any(|why| seen.all().contains(why)),
            "{seen}"
        );
        assert_eq!((count(&rig, "one"), count(&rig, "two")), (2000, 2000), "{name}");
    }
    std::fs::write(rig.path("test.rhai"), script("db.restore_from(box, \"none\");")).unwrap();
    rig.run(&["exec", "test.rhai"]).expect(1).says("has no object `none`");
}

#[test]
fn a_damaged_database_is_not_backed_up() {
    let rig = project(PAIR);
    fill(&rig, 2_000);
    let mut bytes = std::fs::read(rig.path("data.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(rig.path("data.db"), bytes).unwrap();
    let (rig, seen) = run(rig, "db.dump_to(box, \"x\");");
    seen.expect(1).says("malformed");
    assert!(!rig.path("box/x").exists());
}

#[test]
fn a_restore_reaches_those_who_have_the_database_open() {
    for (mode, page) in [("WAL", 4096), ("DELETE", 4096), ("WAL", 1024), ("DELETE", 8192)] {
        let rig = project(&format!("PRAGMA page_size = {page}; PRAGMA journal_mode = {mode}; {PAIR}"));
        fill(&rig, 100);
        let (rig, seen) = run(rig, "db.dump_to(box, \"x\");");
        seen.expect(0);
        let other = Rig::new(SETTINGS);
        open(&other)
            .execute_batch(&format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE old (a); INSERT INTO old VALUES (1)"
            ))
            .unwrap();
        std::fs::create_dir(other.path("box")).unwrap();
        std::fs::copy(rig.path("box/x"), other.path("box/x")).unwrap();
        let user = open(&other);
        let read = |sql: &str| user.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(read("SELECT a FROM old").unwrap(), 1.into());
        let (other, seen) = run(other, "db.restore_from(box, \"x\");");
        seen.expect(0);
        assert_eq!(read("SELECT count(*) FROM one").unwrap(), 100.into(), "{mode} {page}");
        assert_eq!(read("PRAGMA journal_mode").unwrap(), mode.to_lowercase().into());
        assert_eq!(read("PRAGMA integrity_check").unwrap(), "ok".to_owned().into());
        user.execute("INSERT INTO one VALUES (1, 2)", []).unwrap();
        assert_eq!(count(&other, "one"), 101);
    }
}

#[test]
fn a_restore_waits_for_locks_and_then_leaves_everything_as_it_was() {
    let (rig, seen) = run(project(USERS), "db.dump_to(box, \"x\");");
    seen.expect(0);
    let other = open(&rig);
    other.execute_batch("INSERT INTO users VALUES (3, 'mary'); BEGIN; SELECT * FROM users").unwrap();
    let _reads: i64 = other.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    let (rig, seen) = run(rig, "db.restore_from(box, \"x\");");
    seen.expect(1).says("locked");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&rig, "users"), 3);
}

#[test]
fn a_full_disk_of_the_store_leaves_nothing_under_the_key() {
    let rig = project(PAIR);
    fill(&rig, 4_000);
    let Some(_disk) = SmallDisk::mount(&rig.path("box")) else { return };
    let (rig, seen) = run(rig, "db.dump_to(box, \"x\");");
    seen.expect(1).says("No space left");
    assert!(std::fs::read_dir(rig.path("box")).unwrap().next().is_none());
}

#[test]
fn a_full_disk_for_copies_is_named() {
    let rig = project(PAIR);
    fill(&rig, 4_000);
    let Some(_disk) = SmallDisk::mount(&rig.path("scratch")) else { return };
    let rig = rig.file(
        "playbook.toml",
        &SETTINGS.replace("path = \"data.db\"", "path = \"data.db\"\nscratch = \"scratch\""),
    );
    let (rig, seen) = run(rig, "db.dump_to(box, \"x\");");
    seen.expect(1).says("full").says("scratch");
    assert!(!rig.path("box/x").exists());
    assert!(std::fs::read_dir(rig.path("scratch")).unwrap().next().is_none());
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_under_the_key() {
    let rig = large();
    let rig = rig.file("test.rhai", &script("db.dump_to(box, \"x\");"));
    let pending = || std::fs::read_dir(rig.path("box/.incoming")).is_ok_and(|mut all| all.next().is_some());
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the dump streams", 60, pending);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(pending(), "it was killed too late to show anything");
    assert!(!rig.path("box/x").exists());
    let (rig, seen) = run(rig, "check \"again\", db.dump_to(box, \"x\").rows == 120000;");
    seen.expect(0);
    assert!(!rig.path("box/.incoming").exists(), "what the killed one left is gone");
}

/// A project whose copies take long enough to be killed in the middle; what that leaves behind goes with the project.
fn large() -> Rig {
    let rig = project(PAIR);
    let temporary = rig.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    fill(&rig, 60_000);
    rig.variable("TMPDIR", temporary.to_str().unwrap())
}

#[test]
fn a_kill_in_the_middle_of_a_restore_loses_neither_the_old_nor_the_new() {
    let (rig, seen) = run(large(), "db.dump_to(box, \"x\");");
    seen.expect(0);
    let rig = rig.file("test.rhai", &script("db.restore_from(box, \"x\");"));
    // A busy machine may come too late once: then all of the backup is there.
    let is_caught = || {
        open(&rig).execute_batch("DELETE FROM one WHERE a % 2 = 0").unwrap();
        let mut command = rig.command(&["exec", "test.rhai"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the restore writes", 60, || {
            rig.path("data.db-journal").exists() || child.try_wait().unwrap().is_some()
        });
        let _ = child.kill();
        child.wait().unwrap();
        let sound: String = open(&rig).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let there = (count(&rig, "one"), count(&rig, "two"));
        assert!(
            [(30_000, 60_000), (60_000, 60_000)].contains(&there),
            "half of the backup is there: {there:?}"
        );
        there.0 == 30_000
    };
    assert!((0..5).any(|_| is_caught()), "it was killed too late to show anything");
    let (rig, seen) = run(rig, "db.restore_from(box, \"x\");");
    seen.expect(0);
    assert_eq!((count(&rig, "one"), count(&rig, "two")), (60_000, 60_000));
}

#[test]
fn a_crash_around_a_restore_and_a_drill_is_survived() {
    use crate::rig::crash::{AFTER, BEFORE};
    let (rig, seen) = run(project(USERS), "db.dump_to(box, \"old\");");
    seen.expect(0);
    let restore = "db.restore_from(box, \"old\", #{ undo: \"now\" })";
    for moment in [BEFORE, AFTER] {
        open(&rig).execute_batch("DELETE FROM users WHERE id = 1").unwrap();
        std::fs::write(rig.path("test.rhai"), script("db.dump_to(box, \"now\", #{ replace: true });"))
            .unwrap();
        rig.run(&["exec", "test.rhai"]).expect(0);
        let text = script(&format!("check \"receipt\", {restore}.rows == 2;"));
        std::fs::write(rig.path("test.rhai"), text).unwrap();
        rig.killed(moment);
        assert_eq!(count(&rig, "users"), if moment == AFTER { 2 } else { 1 });
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(count(&rig, "users"), 2);
        // The way back restores too, and is cut off as well.
        let (at, left) = if moment == AFTER { ("4:before", 1) } else { ("3:after", 2) };
        rig.killed_in(&["rollback", "last"], at);
        assert_eq!(count(&rig, "users"), left, "{at}");
        rig.run(&["rollback", "last"]).expect(0);
        assert_eq!(count(&rig, "users"), 1);
        let drill = script("check \"rows\", db.verify_restore(box, \"old\").rows == 2;");
        std::fs::write(rig.path("test.rhai"), drill).unwrap();
        rig.killed(moment);
        rig.run(&["resume", "last"]).expect(0).says("rows");
        assert_eq!(count(&rig, "users"), 1);
        open(&rig).execute_batch("INSERT INTO users VALUES (1, 'ada')").unwrap();
    }
}
