//! `playbook exec` from the outside: how it is called, what it takes, and what bad input gets.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.params]\nname = \"from the file\"\n[env.other]\n[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";

#[test]
fn a_playbook_with_a_first_line_for_the_shell_is_a_command() {
    let rig = Rig::new(SETTINGS)
        .file("hello.rhai", "#!/usr/bin/env playbook\n//! Hello.\ncheck \"it runs\", 1 + 1 == 2;\n");
    std::fs::set_permissions(rig.path("hello.rhai"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let beside = std::path::Path::new(env!("CARGO_BIN_EXE_playbook")).parent().unwrap();
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap());
    let mut command = std::process::Command::new(rig.path("hello.rhai"));
    let output = command.current_dir(rig.folder()).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("it runs"));
    rig.run(&["hello.rhai"]).expect(0).says("it runs");
}

#[test]
fn parameters_come_from_the_command_line_before_the_environment_before_the_default() {
    let script = "//! P.\n//!\n//! [params]\n//! name = { type = \"string\", default = \"from the header\" }\nlog(`name: ${params.name}`);";
    let rig = Rig::new(SETTINGS).file("p.rhai", script);
    rig.run(&["exec", "p.rhai", "--set", "name=from the line"]).expect(0).says("name: from the line");
    rig.run(&["exec", "p.rhai"]).expect(0).says("name: from the file");
    rig.run(&["exec", "p.rhai", "--env", "other"]).expect(0).says("name: from the header");
}

#[test]
fn a_run_may_be_left_as_it_stands() {
    let script = "//! T.\n//!\n//! uses = [\"files.store:write\"]\nfiles(\"store\").put(\"key\", \"x\");\nfail(\"now\");";
    let rig = Rig::new(SETTINGS).file("t.rhai", script);
    rig.run(&["exec", "t.rhai", "--no-rollback"]).expect(1).says("now");
    assert!(rig.path("store/key").exists());
    let stopped =
        SETTINGS.replace("[env.local.params]", "[env.local]\non_failure = \"stop\"\n[env.local.params]");
    let rig = Rig::new(&stopped).file("t.rhai", script);
    rig.run(&["exec", "t.rhai"]).expect(1);
    assert!(rig.path("store/key").exists());
}

#[test]
fn a_playbook_that_cannot_be_read_says_why() {
    let rig = Rig::new(SETTINGS);
    rig.run(&["exec", "none.rhai"]).expect(2).says("there is no playbook none.rhai").says("fix:");
    std::fs::write(rig.path("bytes.rhai"), b"//! T.\nlet x = \"\xff\xfe\";\n").unwrap();
    rig.run(&["exec", "bytes.rhai"]).expect(2).says("is not UTF-8 text").says("offset 16");
    std::fs::create_dir(rig.path("folder.rhai")).unwrap();
    let seen = rig.run(&["exec", "folder.rhai"]);
    assert_ne!(seen.code, 0);
    seen.says("folder.rhai");
    rig.file("empty.rhai", "").run(&["exec", "empty.rhai"]).expect(0);
}

#[test]
fn machines_get_one_object_a_line_and_the_error_as_an_object() {
    let rig = Rig::new(SETTINGS).file("t.rhai", "//! T.\nstep \"One\" { check \"sum\", 1 + 1 == 3; }");
    let seen = rig.run(&["exec", "t.rhai", "--output", "json"]).expect(1);
    let events: Vec<serde_json::Value> =
        seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(words, ["run_began", "step_began", "judged", "step_ended", "run_ended"]);
    assert_eq!(events[2]["actual"], 2);
    assert_eq!(events[2]["target"], "== 3");
    assert_eq!(events[4]["error"]["at"]["line"], 2);
    let seen = rig.run(&["exec", "none.rhai", "--output", "json"]).expect(2);
    let error: serde_json::Value = serde_json::from_str(seen.stdout.trim()).unwrap();
    assert_eq!(error["error"]["kind"], "missing");
    assert_eq!(error["exit"], 2);
}

#[test]
fn structured_logs_go_to_standard_error() {
    let rig = Rig::new(SETTINGS).file("t.rhai", "//! T.\nlog(\"said\");");
    rig.run(&["exec", "t.rhai", "--log", "info"]).expect(0).says("event=\"logged\"");
    rig.run(&["exec", "t.rhai", "--log", "play=book=x"]).expect(2).says("is no log filter");
}

#[test]
fn a_reader_that_leaves_early_does_no_harm() {
    let rig = Rig::new(SETTINGS).file("t.rhai", "//! T.\nfor i in 0..2000 { check `turn ${i}`, i >= 0; }");
    let mut child =
        rig.command(&["exec", "t.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    rig.run(&["verify"]).expect(0);
}

#[test]
fn what_cannot_be_run_is_told_in_our_words() {
    let rig = Rig::new("")
        .file("a.rhai", "//! A.\n//! params = { version = \"string\" }\nlet n = 5;\nlog(`${n.foo}`);\n");
    rig.run(&["exec", "."]).expect(2).says("is a folder, and no playbook").says("a.rhai");
    rig.run(&["exec", "a.rhai", "--set", "release=9"])
        .expect(2)
        .says("leave it out; the playbook takes `version`")
        .hides("--set version=9");
    rig.run(&["exec", "a.rhai", "--set", "verison=9"]).expect(2).says("Write --set version=9");
    let seen = rig.run(&["exec", "a.rhai", "--set", "version=9"]).expect(1);
    seen.says("a whole number has no property `foo`").says("fix: ").hides("getter");
    rig.run(&["exec", "a.rhai", "--wait", "1s"]).expect(2).says("fix: write --wait=1s");
    rig.run(&["chekc", "a.rhai"]).expect(2).says("did you mean `playbook check`?");
    let rig = rig.file("x.sql", "select 1").file("sub/deploy.rhai", "//! D.\nlog(1);\n").file("p.json", "{}");
    rig.run(&["exec", "x.sql"]).expect(2).says("x.sql is no playbook").says("ends with `.rhai`");
    rig.run(&["exec", "a"]).expect(2).says("did you mean `a.rhai`?");
    rig.run(&["plan", "sub/deplyo.rhai"]).expect(2).says("did you mean `sub/deploy.rhai`?");
    rig.run(&["check", "frobnicate.rhai"]).expect(2).says("`playbook` alone lists the playbooks");
    rig.run(&["exec", "--plan", "p.json"]).expect(2).says("it has no `hash`").hides("line 1");
    let seen = rig.run(&["exec", "--plan", "p.json", "--set", "version=1"]).expect(2);
    seen.says("`--plan` and `--set` do not go together").hides("Usage:");
    rig.run(&["resume"]).expect(2).says("`playbook resume last`").hides("Usage:");
    rig.run(&["report", "--format", "pdf"]).expect(2).says("`--format` does not take `pdf`").says("`junit`");
}

#[test]
fn who_reads_what_a_timer_did_finds_the_project() {
    let rig = Rig::new("").file("t.rhai", "//! T.\nlog(\"x\");\n");
    let path = rig.path("t.rhai");
    let output = rig.command(&["exec", path.to_str().unwrap()]).current_dir("/").output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let folder = rig.folder().canonicalize().unwrap();
    assert!(said.contains(&format!("playbook --project {} show", folder.display())), "{said}");
}

#[test]
fn what_a_person_is_told_to_write_instead_can_be_meant() {
    let script = "//! T.\n//! params = { release = { type = \"string\", choices = [\"1.0\", \"2.0\"] }, color = { type = \"string\", choices = [\"green\", \"red\"], default = \"red\" } }\nlog(\"x\");\n";
    let rig = Rig::new("[env.local]\n").file("t.rhai", script);
    let set =
        |release: &str, color: &str| rig.run(&["exec", "t.rhai", "--set", release, "--set", color]).expect(2);
    set("release=3.0", "color=red").says("choose one of `1.0`, `2.0`").hides("did you mean");
    set("release=1.0", "color=gren").says("did you mean `green`?");
    let table = "[env.local.sqlite.main]\npath = \"a.db\"\nbusy_timeout = 5\n";
    Rig::new(table)
        .file("t.rhai", "log(1);")
        .run(&["exec", "t.rhai"])
        .expect(2)
        .says("busy_timeout = \"30s\"");
}

#[test]
fn a_damaged_journal_is_set_aside_without_the_services() {
    let rig = Rig::new("[env.local]\n").file("t.rhai", "log(1);");
    rig.run(&["exec", "t.rhai"]).expect(0);
    let rig = rig.file(".playbook/journal.db", &"garbage ".repeat(1000));
    let seen = rig.run(&["runs"]).all();
    assert!(
        seen.contains("move `.playbook/journal.db` and the files beside it that begin so aside"),
        "{seen}"
    );
}
