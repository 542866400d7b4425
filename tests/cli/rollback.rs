//! `playbook rollback RUN`: what a run did is taken back days later, unless somebody changed it since.

use super::resume::{count, killed, rig, state};

const TWO: &str = "//! T.\n//! uses = [\"files.out:write\", \"flags.main:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { let name = \"kept in a variable\"; out.put(\"one.txt\", \"1\"); }\n    rollback { out.put(\"told.txt\", name); }\n\
    step \"Two\" { flags(\"main\").disable(\"auto_sync\"); out.put(\"two.txt\", \"2\"); }\n";

#[test]
fn a_finished_run_is_taken_back_with_its_blocks() {
    let rig = rig().file("t.rhai", TWO);
    let before = state(&rig);
    rig.run(&["exec", "t.rhai"]).expect(0);
    assert_ne!(state(&rig), before);
    let done = state(&rig);
    let seen = rig.run(&["rollback", "last", "--plan"]).expect(0).says("two.txt").says("rollback of “One”");
    seen.says("4 things would be taken back").hides("no changes");
    assert_eq!(state(&rig), done, "a plan does nothing");
    assert_eq!(count(&rig, "SELECT count(*) FROM runs"), 1);
    // The playbook of today is another one, and does not matter.
    let rig = rig.file("t.rhai", "fail(\"another\");");
    rig.run(&["rollback", "last"]).expect(0).says("taken back");
    assert_eq!(std::fs::read_to_string(rig.path("out/told.txt")).unwrap(), "kept in a variable");
    std::fs::remove_file(rig.path("out/told.txt")).unwrap();
    assert_eq!(state(&rig), before);
    let listed = rig.run(&["runs"]).expect(0).says("done, taken back");
    assert_eq!(listed.stdout.matches("taken back").count(), 1, "{listed}");
    rig.run(&["runs", "--output", "json"]).expect(0).says("\"taken_back_by\"");
    rig.run(&["show", "last"]).expect(0).says("takes back");
    rig.run(&["verify"]).expect(0);
    let id = first(&rig);
    rig.run(&["show", &id]).expect(0).says("taken back   ").says("by the run");
    rig.run(&["rollback", &id]).expect(2).says("was taken back already, by the run");
    assert!(!rig.path("out/told.txt").exists(), "nothing is taken back twice");
}

#[test]
fn the_plan_of_a_rollback_says_what_the_rollback_says() {
    let rig =
        crate::rig::Rig::new("[env.local.sqlite.main]\npath = \"a.db\"\ncreate = true\naccess = \"write\"\n");
    let (rig, seen) = rig.exec(
        "//! T.\n//! uses = [\"sqlite.main:write\"]\nlet db = sqlite(\"main\");\n\
         db.execute(\"CREATE TABLE t (a INT)\", [], #{ undo: \"DROP TABLE t\" });\n\
         db.transaction([\"INSERT INTO t VALUES (2)\"], #{ undo: [\"DELETE FROM t WHERE a = 2\"] });\n",
    );
    seen.expect(0);
    let ways = ["by execute `DELETE FROM t WHERE a = 2` in a transaction", "by execute `DROP TABLE t`"];
    for arguments in [&["rollback", "last", "--plan"][..], &["rollback", "last"]] {
        rig.run(arguments).expect(0).hides("sqlite.main.transaction").says(ways[0]).says(ways[1]);
    }
}

#[test]
fn what_takes_changes_into_use_is_undone_after_they_are_taken_back() {
    let project = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n\
        [env.local.program.cp]\nwrite = [[\"out/conf\", \"running\"], [\"-f\", \"out/conf\", \"running\"]]\naccess = \"write\"\n";
    for (undo, running) in [("take", "old"), ("[\"-f\"] + take", "new")] {
        for end in ["fail(\"no\");", ""] {
            let rig = crate::rig::Rig::new(project).file("out/conf", "old").file("running", "old");
            let (rig, seen) = rig.exec(&format!(
                "//! T.\n//! uses = [\"files.out:write\", \"program.cp:write\"]\nlet take = [\"out/conf\", \"running\"];\n\
                 files(\"out\").put(\"conf\", \"new\");\nprogram(\"cp\").run(take, #{{ undo: {undo} }});\n\
                 files(\"out\").put(\"more\", \"new\");\n{end}"
            ));
            if end.is_empty() {
                seen.expect(0);
                rig.run(&["rollback", "last", "--plan"]).expect(0);
                rig.run(&["rollback", "last"]).expect(0).says("taken back");
            } else {
                seen.expect(1).says("taken back");
            }
            let is = |name: &str| std::fs::read_to_string(rig.path(name)).unwrap();
            assert_eq!((is("out/conf").as_str(), is("running").as_str()), ("old", running), "{undo} {end}");
        }
    }
}

fn first(rig: &crate::rig::Rig) -> String {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.query_row("SELECT id FROM runs WHERE number = 1", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_somebody_changed_since_is_named_and_refused() {
    let rig = rig().file("t.rhai", TWO);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let rig = rig.file("out/two.txt", "edited by hand");
    let before = state(&rig);
    let id = first(&rig);
    let seen = rig
        .run(&["rollback", &id])
        .expect(8)
        .says("somebody changed since")
        .says("files.out")
        .says("two.txt");
    seen.says("look at them").hides("by the run");
    assert_eq!(state(&rig), before, "nothing was done");
    rig.run(&["rollback", &id, "--plan"]).expect(8).says("--force files.out");
    // The last is the rollback that was refused; what it would take back is meant.
    rig.run(&["rollback", "last", "--force", "files.uot"]).expect(2).says("did you mean `files.out`?");
    rig.run(&["rollback", "last", "--force", "files.out"]).expect(0);
    assert!(!rig.path("out/two.txt").exists());
}

#[test]
fn what_a_later_run_changed_is_not_lost_to_a_rollback_block() {
    let rig = rig().file("t.rhai", TWO);
    let before = state(&rig);
    rig.run(&["exec", "t.rhai"]).expect(0);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let done = state(&rig);
    let id = first(&rig);
    rig.run(&["rollback", &id])
        .expect(8)
        .says("a later run changed what a rollback block would bring back")
        .says("files.out: by the run")
        .says("--force files.out");
    assert_eq!(state(&rig), done, "nothing was done");
    // The later one first; its block is then in nobody's way.
    let later = last(&rig, "exec");
    rig.run(&["rollback", &later]).expect(0);
    rig.run(&["rollback", &id]).expect(0);
    std::fs::remove_file(rig.path("out/told.txt")).unwrap();
    assert_eq!(state(&rig), before);
    // Or it is lost on purpose.
    rig.run(&["exec", "t.rhai"]).expect(0);
    let older = last(&rig, "exec");
    rig.run(&["exec", "t.rhai"]).expect(0);
    rig.run(&["rollback", &older, "--plan"]).expect(8);
    rig.run(&["rollback", &older, "--force", "files.out"]).expect(0);
}

/// The newest run of that kind.
fn last(rig: &crate::rig::Rig, kind: &str) -> String {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let sql = "SELECT id FROM runs WHERE kind = ?1 ORDER BY number DESC LIMIT 1";
    journal.query_row(sql, [kind], |row| row.get(0)).unwrap()
}

#[test]
fn an_interrupted_run_is_taken_back_too() {
    let rig = rig().file("t.rhai", TWO);
    let before = state(&rig);
    // Within the second step, after its first call.
    killed(&rig, &["exec", "t.rhai"], "9:before").expect(137);
    rig.run(&["rollback", "last"]).expect(0);
    std::fs::remove_file(rig.path("out/told.txt")).unwrap();
    assert_eq!(state(&rig), before);
    rig.run(&["rollback", "last"]).expect(2).says("was taken back already");
}

#[test]
fn a_record_that_was_changed_is_neither_gone_on_with_nor_taken_back() {
    let rig = rig().file("t.rhai", TWO);
    killed(&rig, &["exec", "t.rhai"], "9:before").expect(137);
    let before = state(&rig);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let change =
        "UPDATE entries SET inverse = replace(inverse, 'one.txt', 'zzz.txt') WHERE inverse LIKE '%one.txt%'";
    assert_eq!(journal.execute(change, []).unwrap(), 1);
    drop(journal);
    rig.run(&["verify"]).expect(7);
    rig.run(&["resume", "last"]).expect(7).says("does not verify").says("inverse that was changed");
    rig.run(&["rollback", "last"]).expect(7).says("does not verify");
    assert_eq!(state(&rig), before, "nothing was done");
}

#[test]
fn what_the_block_of_a_step_restored_is_nobody_elses_change() {
    let script = "//! T.\n//! uses = [\"files.out:destroy\"]\nlet out = files(\"out\");\n\
        step \"One\" { out.put(\"one.txt\", \"1\"); } rollback { out.delete(\"one.txt\"); }\n";
    let rig = rig().file("t.rhai", script);
    rig.run(&["exec", "t.rhai"]).expect(0);
    rig.run(&["rollback", "last"]).expect(0).hides("somebody changed").hides("NOT");
    assert!(!rig.path("out/one.txt").exists());
}

const WAITS: &str = "//! W.\n//! uses = [\"files.out:write\"]\n//! lock = \"w\"\nlet out = files(\"out\");\n\
    out.put(\"first.txt\", \"1\");\nwait(\"2s\");\nout.put(\"second.txt\", \"2\");\n";

#[test]
fn a_run_that_was_taken_back_while_it_waited_does_not_go_on() {
    let rig = rig().file("t.rhai", WAITS);
    rig.run(&["exec", "t.rhai", "--detach=1s"]).expect(10);
    let id = first(&rig);
    rig.run(&["rollback", &id]).expect(0).says("taken back");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    rig.run(&["tick"]).expect(0);
    rig.run(&["resume", &id])
        .expect(2)
        .says("was taken back, by the run")
        .says("begin anew: `playbook exec t.rhai`");
    rig.run(&["show", &id]).expect(0).hides("playbook resume").hides("playbook rollback");
    assert!(!rig.path("out/first.txt").exists() && !rig.path("out/second.txt").exists());
}

#[test]
fn a_run_that_was_cut_off_and_taken_back_does_not_go_on_either() {
    let rig = rig().file("t.rhai", &WAITS.replace("2s", "1ms"));
    killed(&rig, &["exec", "t.rhai"], "4:after").expect(137);
    let id = first(&rig);
    rig.run(&["rollback", &id]).expect(0);
    rig.run(&["resume", &id]).expect(2).says("was taken back, by the run");
    assert!(!rig.path("out/second.txt").exists());
    // One that was refused has taken nothing back, and hinders nobody.
    let rig = super::resume::rig().file("t.rhai", &WAITS.replace("2s", "1ms"));
    rig.run(&["exec", "t.rhai", "--no-rollback"]).expect(0);
    let rig = rig.file("t.rhai", "//! W.\n//! uses = [\"files.out:write\"]\nfiles(\"out\").put(\"first.txt\", \"mine\");\nfail(\"no\");\n");
    rig.run(&["exec", "t.rhai", "--no-rollback"]).expect(1);
    let id = last(&rig, "exec");
    let rig = rig.file("out/first.txt", "by hand");
    rig.run(&["rollback", &id]).expect(8);
    rig.run(&["resume", &id]).expect(1).says("no").hides("was taken back");
}

#[test]
fn where_nothing_was_taken_back_nothing_is_told_to_be() {
    let script = "//! R.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").disable(\"auto_sync\", #{ stays: true });\n";
    let rig = rig().file("t.rhai", script);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let id = first(&rig);
    for _ in 0..2 {
        rig.run(&["rollback", &id]).expect(0).says("there was nothing to take back");
    }
    rig.run(&["show", &id]).expect(0).hides("taken back");
    let listed: serde_json::Value =
        serde_json::from_str(&rig.run(&["runs", "--output", "json"]).expect(0).stdout).unwrap();
    assert!(!listed.to_string().contains("taken_back_by"), "{listed}");
}

#[test]
fn a_flag_lies_in_the_database_that_a_block_brings_back() {
    let project =
        super::resume::PROJECT.replace("data.db\"\naccess = \"write\"", "data.db\"\naccess = \"destroy\"");
    let migrate = "//! M.\n//! uses = [\"sqlite.main:destroy\", \"files.out:write\"]\nlet db = sqlite(\"main\");\n\
        step \"Migrate\" { db.dump_to(files(\"out\"), \"a.db\"); db.execute(\"DELETE FROM feature_flags WHERE name = 'beta'\"); }\n    \
        rollback { db.restore_from(files(\"out\"), \"a.db\"); }\n";
    let flag = "//! F.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").disable(\"auto_sync\");\n";
    let rig = rig().file("playbook.toml", &project).file("m.rhai", migrate).file("f.rhai", flag);
    rig.run(&["exec", "m.rhai"]).expect(0);
    let id = first(&rig);
    rig.run(&["exec", "f.rhai"]).expect(0);
    rig.run(&["rollback", &id])
        .expect(8)
        .says("a later run changed what a rollback block would bring back")
        .says("sqlite.main: by the run")
        .says("of f.rhai");
}

#[test]
fn what_came_back_before_a_block_that_had_failed_comes_back_again_behind_it() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.local.sqlite.main]\npath = \"data.db\"\naccess = \"destroy\"\n\
        [env.local.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"sqlite.main:destroy\", \"files.out:write\", \"flags.main:write\"]\nlet db = sqlite(\"main\");\n\
        flags(\"main\").disable(\"auto_sync\");\n\
        step \"Migrate\" { db.dump_to(files(\"out\"), \"a.db\"); db.execute(\"INSERT INTO t VALUES (2)\"); }\n\
        rollback { db.restore_from(files(\"out\"), \"a.db\"); }\n";
    let rig = crate::rig::Rig::new(settings).file("t.rhai", script);
    let database = || rusqlite::Connection::open(rig.path("data.db")).unwrap();
    database()
        .execute_batch(
            "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1); CREATE TABLE feature_flags (name TEXT PRIMARY KEY, enabled INTEGER NOT NULL); \
             INSERT INTO feature_flags VALUES ('auto_sync', 1);",
        )
        .unwrap();
    let seen = || {
        let ask = "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT enabled FROM feature_flags)";
        database().query_row(ask, [], |row| row.get::<_, String>(0)).unwrap()
    };
    rig.run(&["exec", "t.rhai"]).expect(0);
    std::fs::rename(rig.path("out/a.db"), rig.path("away.db")).unwrap();
    rig.run(&["rollback", "last", "--force", "sqlite.main"]).expect(6);
    assert_eq!(seen(), "2 1", "the flag came back, the table did not");
    std::fs::rename(rig.path("away.db"), rig.path("out/a.db")).unwrap();
    rig.run(&["rollback", "last", "--force", "sqlite.main"])
        .expect(0)
        .says("↩ turn the flag `auto_sync` off");
    assert_eq!(seen(), "1 1", "the flag came back once more, behind the table");
    rig.run(&["rollback", "last"]).expect(2).says("was taken back already");
}

#[test]
fn a_restore_that_failed_is_not_taken_for_the_dump() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.local.sqlite.main]\npath = \"data.db\"\naccess = \"destroy\"\n";
    // Moments are told in seconds: the restore is tried in another one than the dump.
    let script = "//! T.\n//! uses = [\"sqlite.main:destroy\", \"files.out:write\"]\nlet db = sqlite(\"main\");\n\
        step \"Migrate\" { db.dump_to(files(\"out\"), \"a.db\"); wait(\"1.1s\"); files(\"out\").put(\"a.db\", \"damaged\"); fail(\"no\"); }\n\
        rollback { db.restore_from(files(\"out\"), \"a.db\"); }\n";
    let rig = crate::rig::Rig::new(settings).file("t.rhai", script);
    rusqlite::Connection::open(rig.path("data.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (id INTEGER)")
        .unwrap();
    rig.run(&["exec", "t.rhai"]).expect(6).says("is no sound SQLite database");
    let shown: serde_json::Value =
        serde_json::from_str(&rig.run(&["show", "last", "--output", "json"]).expect(0).stdout).unwrap();
    let entries = shown["entries"].as_array().unwrap();
    let dump = entries.iter().find(|entry| entry["event"] == "effect_began").unwrap();
    let (day, time) = dump["time"].as_str().unwrap().split_once('T').unwrap();
    let state = format!("goes back to its state of {day} {}Z", &time[..8]);
    rig.run(&["rollback", "last"]).expect(8).says(&state);
}
