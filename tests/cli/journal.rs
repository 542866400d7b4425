//! The journal as the commands show it, also after a crash, a tampering and a full disk.

use std::process::{Child, Stdio};

use insta::assert_snapshot;

use crate::rig::{Rig, wait_until};

const PROJECT: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";

const DEPLOY: &str = r#"//! Write two files.
//!
//! params = { version = "string" }
//! uses = ["files.out:write"]
let out = files("out");
step "Write" {
    out.put("one.txt", params.version);
    check "it is there", out.get("one.txt") == params.version;
}
step "Write more" {
    out.put("two.txt", "2");
    if params.version == "bad" { fail("the version is bad"); }
}
"#;

/// Writes a file per turn, until it is killed.
const ENDLESS: &str = "//! Go on.\n//!\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
    step \"Go on\" { for n in 0..100000 { out.put(`${n}.txt`, `${n}`); } }\n";

fn rig() -> Rig {
    Rig::new(PROJECT).file("deploy.rhai", DEPLOY).file("endless.rhai", ENDLESS)
}

fn count(rig: &Rig, sql: &str) -> i64 {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn files(rig: &Rig) -> usize {
    let is_text = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|end| end == "txt");
    std::fs::read_dir(rig.path("out")).map_or(0, |files| files.flatten().filter(is_text).count())
}

/// Starts the endless playbook and waits until it has written `least` files.
fn endless(rig: &Rig, least: usize) -> Child {
    let mut command = rig.command(&["exec", "endless.rhai"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some files are written", 60, || files(rig) >= least);
    child
}

#[test]
fn a_run_is_listed_shown_and_verified() {
    let rig = rig();
    rig.run(&["runs"]).expect(0).says("no runs yet");
    rig.run(&["show"]).expect(2).says("there is no run yet");
    rig.run(&["verify"]).expect(0).says("no runs yet");
    rig.run(&["exec", "deploy.rhai", "--set", "version=v2"]).expect(0);
    assert_snapshot!(rig.run(&["show"]).expect(0), @r#"
    exit code: 0
    --- stdout
    run [run]  done (exit code 0)
      playbook     deploy.rhai: Write two files
      environment  local
      person       tester@rig
      began        [time], took [took]
      parameters   version = "v2"

    ✔ Write  [took]
      • write 2 B to `one.txt`  [took]
      · read `one.txt`  [took]
      ✔ it is there: v2 (== "v2")
    ✔ Write more  [took]
      • write 1 B to `two.txt`  [took]
    --- stderr
    "#);
    rig.run(&["verify"]).expect(0).says("✔").says("head ");
    let runs = rig.run(&["runs"]).expect(0);
    let line = runs.stdout.lines().nth(1).unwrap();
    for word in ["deploy.rhai", "local", "tester@rig", "done", " 2"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn a_failed_run_shows_why_and_what_was_taken_back() {
    let rig = rig();
    rig.run(&["exec", "deploy.rhai", "--set", "version=bad"]).expect(1);
    assert_snapshot!(rig.run(&["show"]).expect(0), @r#"
    exit code: 0
    --- stdout
    run [run]  taken back (exit code 1)
      playbook     deploy.rhai: Write two files
      environment  local
      person       tester@rig
      began        [time], took [took]
      parameters   version = "bad"

    ✔ Write  [took]
      • write 3 B to `one.txt`  [took]  ↩ taken back
      · read `one.txt`  [took]
      ✔ it is there: bad (== "bad")
    ✘ Write more  [took]  failed
      • write 1 B to `two.txt`  [took]  ↩ taken back
    ↩ taking back what was done: the version is bad
      ↩ write 1 B to `two.txt`  [took]  by delete `two.txt`
      ↩ write 3 B to `one.txt`  [took]  by delete `one.txt`

    ✘ the version is bad
      --> deploy.rhai:12:34
       |
    12 |     if params.version == "bad" { fail("the version is bad"); }
       |                                  ^
    --- stderr
    "#);
    rig.run(&["runs"]).expect(0).says("taken back");
}

#[test]
fn json_has_the_run_and_its_entries() {
    let rig = rig();
    rig.run(&["exec", "deploy.rhai", "--set", "version=v2"]).expect(0);
    let shown: serde_json::Value =
        serde_json::from_str(&rig.run(&["show", "--output", "json"]).expect(0).stdout).unwrap();
    assert_eq!(shown["run"]["outcome"], "done");
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!((&entries[0]["event"], &entries[0]["seq"]), (&"run_began".into(), &1.into()));
    assert_eq!(entries.last().unwrap()["event"], "run_ended");
    assert!(entries.iter().all(|entry| entry["time"].is_string()), "{shown}");
    let effect = entries.iter().find(|entry| entry["event"] == "effect_began").unwrap();
    assert_eq!(effect["at"]["file"], "deploy.rhai");
    let runs: serde_json::Value =
        serde_json::from_str(&rig.run(&["runs", "--output", "json"]).expect(0).stdout).unwrap();
    assert_eq!(runs[0]["id"], shown["run"]["id"]);
    let verdicts: serde_json::Value =
        serde_json::from_str(&rig.run(&["verify", "--output", "json"]).expect(0).stdout).unwrap();
    assert_eq!(verdicts[0]["fault"], serde_json::Value::Null);
}

#[test]
fn a_killed_run_keeps_every_intent_and_is_called_interrupted() {
    for least in [1, 7, 23] {
        let rig = rig();
        let mut child = endless(&rig, least);
        rig.run(&["runs"]).expect(0).says("running");
        rig.run(&["show"]).expect(0).says("running");
        rig.run(&["verify"]).expect(0);
        child.kill().unwrap();
        child.wait().unwrap();
        let written = i64::try_from(files(&rig)).unwrap();
        let intents = count(&rig, "SELECT count(*) FROM entries WHERE word = 'effect_began'");
        assert!(intents >= written && written >= 1, "{intents} intents for {written} files");
        rig.run(&["runs"]).expect(0).says("interrupted").hides("running");
        rig.run(&["show"]).expect(0).says("is gone and wrote no end").says("? in doubt");
        rig.run(&["verify"]).expect(0).says("✔");
        rig.run(&["exec", "deploy.rhai", "--set", "version=v2"]).expect(0);
        rig.run(&["verify"]).expect(0);
    }
}

#[test]
fn a_tampered_journal_is_named_with_exit_code_7() {
    let rig = rig();
    rig.run(&["exec", "deploy.rhai", "--set", "version=v2"]).expect(0);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let seq: i64 =
        journal.query_row("SELECT seq FROM entries WHERE word = 'judged'", [], |row| row.get(0)).unwrap();
    journal
        .execute("UPDATE entries SET body = replace(body, 'true', 'false') WHERE seq = ?1", [seq])
        .unwrap();
    rig.run(&["verify"]).expect(7).says(&format!("entry {seq} was changed"));
    rig.run(&["verify", "last"]).expect(7);
    journal.execute("DELETE FROM entries WHERE seq >= ?1", [seq]).unwrap();
    rig.run(&["verify"]).expect(7).says(&format!("entry {seq} is missing: the run ended with"));
}

#[test]
fn two_runs_at_once_lose_nothing() {
    let many = "//! Many.\n//!\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
        for n in 0..40 { out.put(`${n}-${run.id}.txt`, \"x\"); }\n";
    let rig = rig().file("many.rhai", many);
    let mut children: Vec<Child> = (0..3)
        .map(|_| {
            rig.command(&["exec", "many.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(files(&rig), 120);
    assert_eq!(count(&rig, "SELECT count(*) FROM entries WHERE word = 'effect_ended'"), 120);
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_journal_that_cannot_grow_stops_the_run_before_the_next_effect() {
    let rig = rig();
    // A limit on the size of files stands for the full disk; `sh` counts in blocks of 512 bytes.
    let script = "trap '' XFSZ; ulimit -f 300; exec \"$0\" exec endless.rhai";
    let path = rig.command(&[]).get_program().to_owned();
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(script).arg(path).current_dir(rig.folder());
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("cannot write the journal"), "{said}");
    let written = i64::try_from(files(&rig)).unwrap();
    let intents = count(&rig, "SELECT count(*) FROM entries WHERE word = 'effect_began'");
    assert!(intents >= written && written > 1, "{intents} intents for {written} files");
    rig.run(&["verify"]).expect(0);
    rig.run(&["runs"]).expect(0).says("interrupted");
}

#[test]
fn a_journal_of_a_newer_playbook_is_refused() {
    let rig = rig();
    rig.run(&["exec", "deploy.rhai", "--set", "version=v2"]).expect(0);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.execute("UPDATE meta SET version = 99", []).unwrap();
    for command in [&["runs"] as &[&str], &["exec", "deploy.rhai", "--set", "version=v3"]] {
        rig.run(command).expect(2).says("the journal was written by a newer playbook");
    }
    assert_eq!(std::fs::read_to_string(rig.path("out/one.txt")).unwrap(), "v2", "nothing was run");
}

#[test]
fn a_journal_that_cannot_be_read_is_not_an_empty_one() {
    let rig = Rig::new("").file(".playbook", "a file in its place");
    for words in [&["verify"][..], &["runs"], &["locks"], &["show", "last"], &["rollback", "last"]] {
        let ended = rig.run(words);
        assert_ne!(ended.code, 0, "{words:?}");
        ended.says(".playbook/journal.db").says("Not a directory");
    }
}

#[test]
fn an_empty_name_means_no_run_though_there_is_only_one() {
    let rig = Rig::new("[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n").file(
        "test.rhai",
        "//! T.\n//! uses = [\"files.store:write\"]\nfiles(\"store\").put(\"a\", \"x\");\n",
    );
    rig.run(&["exec", "test.rhai"]).expect(0);
    for short in ["", "2", "202"] {
        for command in ["rollback", "resume", "cancel", "show"] {
            rig.run(&[command, short]).expect(2).says(&format!("`{short}` names no run")).says("by `last`");
        }
    }
    assert!(rig.path("store/a").exists());
}
