//! Reports of real runs: one with a gate that is approved, one that fails and is taken back, and what is no report.

use std::process::Stdio;

use insta::assert_snapshot;

use crate::rig::seen::normalise;
use crate::rig::{Rig, wait_until};

const PROJECT: &str = "[people.cy]\n[env.local]\nself_approval = true\n[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";

const GOOD: &str = r#"//! Write two files.
//!
//! params = { version = "string" }
//! uses = ["files.out:write"]
let out = files("out");
step "Write" {
    out.put("one.txt", params.version);
    metric "bytes", out.get("one.txt").len == 3;
}
gate("Go", #{ approvers: ["cy"] });
step "Write more" {
    step "Inside" { out.put("two.txt", "2"); }
    check "it is there", out.get("two.txt") == "2";
}
"#;

const BAD: &str = r#"//! Write and fail.
//!
//! uses = ["files.out:write"]
let out = files("out");
step "Write" {
    out.put("one.txt", "1");
    metric "size", out.get("one.txt").len > 5;
}
"#;

/// A document without what changes from run to run: lengths, shares and pictures too.
fn steady(text: &str) -> String {
    let rules = [("`[·█▒]+`", "`[picture]`"), (r"\b[0-9]+ %", "[share]"), (r"Slowest: .*", "Slowest: […]")];
    rules.iter().fold(normalise(text), |text, (pattern, with)| {
        regex_lite::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[test]
fn a_run_with_a_gate_is_reported_whole() {
    let rig = Rig::new(PROJECT).file("deploy.rhai", GOOD);
    let mut command = rig.command(&["exec", "deploy.rhai", "--set", "version=1.0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the gate is open", 60, || rig.run(&["show"]).stdout.contains("asks cy"));
    rig.run(&["report"])
        .expect(0)
        .says("| ▸ | gate: Go | nobody has decided | asks cy | open |")
        .says("▸ running");
    let mut approve = rig.command(&["approve", "last", "-m", "go | on"]);
    assert!(approve.env("PLAYBOOK_PERSON", "cy@desk").output().unwrap().status.success());
    assert!(child.wait().unwrap().success());
    let seen = rig.run(&["report", "last", "--format", "md"]).expect(0);
    assert_snapshot!(steady(&seen.stdout));
}

#[test]
fn a_run_that_failed_and_was_taken_back_is_reported_whole() {
    let rig = Rig::new(PROJECT).file("deploy.rhai", BAD);
    rig.run(&["exec", "deploy.rhai"]).expect(1);
    assert_snapshot!(steady(&rig.run(&["report"]).expect(0).stdout));
    let junit = rig.run(&["report", "--format", "junit"]).expect(0).stdout;
    assert!(
        junit.contains("failure message=\"1 (wanted &gt; 5)\"")
            && junit.contains("tests=\"2\" failures=\"1\" errors=\"1\"")
    );
}

#[test]
fn junit_is_red_for_a_run_that_did_not_end_well_and_for_no_other() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"\n";
    let told = |body: &str, code: i32| {
        let script =
            format!("//! T.\n//! uses = [\"files.out:destroy\"]\nlet out = files(\"out\");\n{body}\n");
        let rig = Rig::new(settings).file("out/k.txt", "k").file("t.rhai", &script);
        rig.run(&["exec", "t.rhai"]).expect(code);
        rig.run(&["report", "--format", "junit"]).expect(0).stdout
    };
    let junit = told("fail(\"no\");", 1);
    assert!(junit.contains("errors=\"1\"") && junit.contains("name=\"the run\""), "{junit}");
    let junit = told("step \"A\" { out.delete(\"k.txt\", #{ keep: false }); } out.get(\"none\");", 6);
    assert!(junit.contains("not all that it did could be taken back"), "{junit}");
    let junit = told("let n = 0; retry 3 every \"10ms\" { n += 1; check \"ready\", n == 3; }", 0);
    assert!(junit.contains("failures=\"0\" errors=\"0\"") && !junit.contains("the run"), "{junit}");
    let junit = told("step \"A\" { check \"never\", 1 == 2; }", 1);
    assert!(junit.contains("failures=\"1\" errors=\"1\"") && !junit.contains("the run"), "{junit}");
}

#[test]
fn the_form_follows_the_name_of_the_file() {
    let rig = Rig::new(PROJECT).file("deploy.rhai", BAD);
    rig.run(&["report"]).expect(2).says("there is no run yet");
    rig.run(&["exec", "deploy.rhai"]).expect(1);
    for (file, begin) in
        [("r.html", "<!DOCTYPE html>"), ("in/r.json", "{"), ("r.xml", "<?xml"), ("r.md", "# "), ("r", "# ")]
    {
        rig.run(&["report", "last", "--out", file]).expect(0).says(&format!("is in {file}"));
        let text = std::fs::read_to_string(rig.path(file)).unwrap();
        assert!(text.starts_with(begin), "{file}: {text}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(rig.path("in/r.json")).unwrap()).unwrap();
    assert_eq!(json["checklist"][2]["actual"], "1");
    assert_eq!(json["taken_back"][0]["state"], "taken back");
    assert!(rig.run(&["report", "--output", "json"]).expect(0).stdout.starts_with('{'));
    rig.run(&["report", "nothing"]).expect(2).says("there is no run `nothing`");
    rig.run(&["report", "--format", "pdf"]).expect(2).says("junit");
    rig.run(&["report", "--out", "r.pdf"]).expect(2).says("`r.pdf` says no form").says("`--format`");
    rig.run(&["report", "--out", "r.pdf", "--format", "md"]).expect(0);
}

#[test]
fn a_record_that_was_changed_says_so_in_its_report() {
    let rig = Rig::new(PROJECT).file("deploy.rhai", BAD);
    rig.run(&["exec", "deploy.rhai"]).expect(1);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.execute("UPDATE entries SET body = replace(body, '\"passed\":false', '\"passed\":true') WHERE word = 'judged'", []).unwrap();
    rig.run(&["report"]).expect(0).says("THE RECORD DOES NOT VERIFY: entry");
}
