//! Runs that are gone on with after `kill -9`, after a failure, after an edit.

use rusqlite::Connection;

use crate::rig::Rig;
use crate::rig::seen::Seen;

pub const PROJECT: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"\n\
    [env.local.sqlite.main]\npath = \"data.db\"\naccess = \"write\"\n\
    [env.local.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n";

/// Many forms and kinds of call; what it leaves depends on values from before a crash.
pub const DEPLOY: &str = r#"//! Deploy.
//!
//! uses = ["files.out:destroy", "flags.main:write", "sqlite.main:write"]
import "parts/helper" as helper;

fn write(out, name, text) { out.put(name, text).bytes }

let out = files("out");
let flags = flags("main");
let db = sqlite("main");
let began = now();
let written = 0;
step "Stop the sync" {
    let was = flags.disable("auto_sync").changed;
    log(`it was ${was}`);
} rollback {
    out.put("rolled-back.txt", began);
}
for n in 0..3 {
    step `Turn ${n}` {
        written += write(out, `turn-${n}.txt`, `turn ${n}: ${"x".len() + n}`);
        check "it is there", out.get(`turn-${n}.txt`).starts_with("turn");
    } rollback {
        out.put(`undone-${n}.txt`, `turn ${n} of ${written}`);
    }
}
wait("10ms");
let tries = 0;
retry 3 every "1ms" {
    tries += 1;
    try { out.get("nothing-here.txt"); } catch(error) { log(error.kind); }
    if tries < 2 { fail("not yet"); }
    out.put("tries.txt", `${tries}`);
}
let sizes = parallel([
    || { let n = 0; for i in 0..2 { n += write(out, `a-${i}.txt`, "aaa"); } n },
    || { wait("5ms"); write(out, "b.txt", "bb") },
    || { flags.enable("beta"); 1 },
]);
helper::finish(out, sizes);
out.delete("old.txt");
metric "written", written > 0;
step "Last" { out.put("last.txt", `${written} ${sizes} ${began == began} ${run.id == run.id}`); }
"#;

const HELPER: &str =
    "fn finish(out, sizes) { step \"In a module\" { out.put(\"sizes.txt\", `${sizes}`); } }\n";

/// The project, as it is before any run.
pub fn rig() -> Rig {
    let rig = Rig::new(PROJECT)
        .file("deploy.rhai", DEPLOY)
        .file("parts/helper.rhai", HELPER)
        .file("out/old.txt", "old");
    Connection::open(rig.path("data.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE feature_flags (name TEXT PRIMARY KEY, enabled BOOLEAN NOT NULL);
             INSERT INTO feature_flags VALUES ('auto_sync', 1), ('beta', 0);",
        )
        .unwrap();
    rig
}

/// All that a run can have changed: files with their contents, and flags.
pub fn state(rig: &Rig) -> String {
    let mut files: Vec<String> = std::fs::read_dir(rig.path("out"))
        .unwrap()
        .flatten()
        .filter(|file| file.path().is_file())
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let name = file.file_name().into_string().unwrap();
            // The hour is another in each run.
            if name == "rolled-back.txt" { name } else { format!("{name}: {text}") }
        })
        .collect();
    files.sort();
    let flags: String = Connection::open(rig.path("data.db"))
        .unwrap()
        .query_row("SELECT group_concat(name || '=' || enabled) FROM feature_flags", [], |row| row.get(0))
        .unwrap();
    format!("{}\n{flags}", files.join("\n"))
}

/// Runs the binary so that it dies just before or after its n-th record.
pub fn killed(rig: &Rig, arguments: &[&str], moment: &str) -> Seen {
    let mut command = rig.command(arguments);
    let output = command.env("PLAYBOOK_TEST_KILL_AT", moment).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Seen::new(output.status, text(&output.stdout), text(&output.stderr), rig.folder())
}

pub fn count(rig: &Rig, sql: &str) -> i64 {
    let journal = Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_killed_run_goes_on_with_all_that_it_knew() {
    let whole = rig();
    whole.run(&["exec", "deploy.rhai"]).expect(0);
    let rig = rig();
    killed(&rig, &["exec", "deploy.rhai"], "30:after").expect(137);
    rig.run(&["runs"]).expect(0).says("interrupted");
    rig.run(&["exec", "deploy.rhai", "--dry-run"]).expect(0);
    let seen = rig.run(&["resume", "last"]).expect(0).says("Stop the sync").says("Last");
    let new = seen.stderr.lines().filter(|line| !line.ends_with("recorded")).collect::<String>();
    assert!(seen.stderr.contains("recorded") && new.contains("Last"), "{seen}");
    assert_eq!(state(&rig), state(&whole));
    rig.run(&["verify"]).expect(0);
    rig.run(&["runs"]).expect(0).says("done").hides("interrupted");
    assert_eq!(count(&rig, "SELECT count(*) FROM runs"), 1);
    assert_eq!(count(&rig, "SELECT count(*) FROM entries WHERE word = 'run_resumed'"), 1);
    rig.run(&["resume", "last"]).expect(2).says("is done: there is nothing to go on with");
}

#[test]
fn later_lines_may_be_edited_and_earlier_ones_are_named() {
    let script = |first: &str, second: &str| {
        format!(
            "//! T.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\nstep \"One\" {{ out.put(\"one\", {first}); }}\nout.put(\"two\", {second});\nout.put(\"three\", \"3\");\n"
        )
    };
    let rig = rig().file("t.rhai", &script("\"1\"", "\"2\""));
    killed(&rig, &["exec", "t.rhai"], "5:after").expect(137);
    let rig = rig.file("t.rhai", &script("\"other\"", "\"2\""));
    let before = count(&rig, "SELECT count(*) FROM entries");
    rig.run(&["resume", "last"])
        .expect(8)
        .says("was edited")
        .says("\"1\"")
        .says("\"other\"")
        .says("--accept-changes")
        .says("T  ■ refused, nothing was done")
        .hides("left as it is");
    assert_eq!(count(&rig, "SELECT count(*) FROM entries"), before, "nothing was written");
    rig.run(&["runs"]).expect(0).says("interrupted");
    let rig = rig.file("t.rhai", &script("\"1\"", "\"later\""));
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("out/two")).unwrap(), "later");
    let rig = rig.file("t.rhai", &script("\"1\"", "\"2\""));
    killed(&rig, &["exec", "t.rhai"], "5:after").expect(137);
    let rig = rig.file("t.rhai", &script("\"other\"", "\"2\""));
    rig.run(&["resume", "last", "--accept-changes"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("out/one")).unwrap(), "other");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_run_that_failed_and_was_left_is_tried_again_where_it_broke() {
    let script = "//! T.\n//! uses = [\"files.out:write\"]\n//! on_failure = \"stop\"\nlet out = files(\"out\");\n\
        step \"One\" { out.put(\"one\", run.id); }\n\
        step \"Two\" { let there = out.get(\"gate\"); check \"open\", there == \"open\"; out.put(\"two\", there); }\n";
    let rig = rig().file("t.rhai", script).file("out/gate", "shut");
    rig.run(&["exec", "t.rhai"]).expect(1).says("left as it is");
    let one = std::fs::read_to_string(rig.path("out/one")).unwrap();
    rig.run(&["resume", "last"]).expect(1).says("open");
    let rig = rig.file("out/gate", "open");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("out/two")).unwrap(), "open");
    assert_eq!(std::fs::read_to_string(rig.path("out/one")).unwrap(), one);
    assert_eq!(
        count(&rig, "SELECT count(*) FROM entries WHERE word = 'effect_began' AND body LIKE '%\"one\"%'"),
        1
    );
    rig.run(&["verify"]).expect(0);
}
