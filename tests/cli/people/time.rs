//! Time that passes on purpose: compressed, until a clock shows something, and with the process away meanwhile.

use crate::rig::{Rig, wait_until};

const SETTINGS: &str = "[people.cy]\n[env.local]\ntime_scale = 0.00001\n[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n\
    [env.real.files.out]\npath = \"out\"\naccess = \"write\"\n";

const DAY: &str = r#"//! A day later.
//!
//! uses = ["files.out:write"]
import "std/checkpoints" as checkpoints;
let out = files("out");
let deployed = now();
step "Deploy" { out.put("deployed.txt", "1"); }
wait("24h");
checkpoints::after(deployed, ["15m", "25h"], |after| { step `Look ${after} after` { files("out").put(`${after}.txt`, after); } });
"#;

fn rig() -> Rig {
    Rig::new(SETTINGS).file("day.rhai", DAY)
}

#[test]
fn an_environment_makes_a_day_short_and_says_so() {
    let rig = rig();
    rig.run(&["exec", "day.rhai"])
        .expect(0)
        .says("wait 1d 00h  here ")
        .says("time is short in this environment")
        .says("Look 25h after");
    assert!(rig.path("out/25h.txt").exists());
    rig.run(&["show"]).expect(0).says("time is short in this environment");
    let json = rig.run(&["show", "--output", "json"]).expect(0).stdout;
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    let waits: Vec<_> =
        shown["entries"].as_array().unwrap().iter().filter(|entry| entry["event"] == "waiting").collect();
    assert_eq!(waits.len(), 3);
    assert_eq!((&waits[0]["pause"], &waits[0]["scale"]), (&86_400_000.0.into(), &0.00001.into()));
    assert!(waits[0]["until"].is_string() && waits[0]["clock"]["wall"].is_string());
    rig.run(&["plan", "day.rhai"]).expect(0).says("wait 1d 00h");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_clock_by_examples_makes_each_stretch_as_long_as_it_says() {
    let clock =
        SETTINGS.replace("time_scale = 0.00001", "clock = { \"15m\" = \"300ms\", \"24h\" = \"700ms\" }");
    let rig =
        Rig::new(&clock).file("day.rhai", &DAY.replace("wait(\"24h\");", "").replace("\"25h\"", "\"24h\""));
    let begin = std::time::Instant::now();
    rig.run(&["exec", "day.rhai"]).expect(0).says("time is short in this environment").says("Look 24h after");
    assert!(begin.elapsed() >= std::time::Duration::from_millis(690));
    let json = rig.run(&["show", "--output", "json"]).expect(0).stdout;
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    let entries = shown["entries"].as_array().unwrap();
    let of = |word: &str| entries.iter().filter(|one| one["event"] == word).collect::<Vec<_>>();
    let (marks, waits) = (of("clock_read"), of("waiting"));
    let at = |text: &serde_json::Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // Until when it waits does not depend on how quick the machine is; for how long does. The former is written in whole
    // milliseconds, and the clock that nobody sets counts in hundredths of a second.
    let since = |wait: &serde_json::Value| at(&wait["until"]).duration_since(at(&marks[0]["at"])).as_millis();
    let lasts = |wait: &serde_json::Value| {
        wait["pause"].as_f64().unwrap() * wait["scale"].as_f64().unwrap_or_default()
    };
    assert!(since(waits[0]) >= 299 && since(waits[1]) >= 699, "{marks:?} {waits:?}");
    assert!(lasts(waits[0]) <= 300.0 && lasts(waits[1]) <= 410.0, "{waits:?}");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_wait_until_a_clock_shows_something() {
    let soon = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(2)).unwrap();
    let script = |text: &str| format!("//! Wait.\nwait_until(\"{text}\");\nlog(\"over\");\n");
    let rig = rig()
        .file("soon.rhai", &script(&soon.to_string()))
        .file("wrong.rhai", &script("later"))
        .file("past.rhai", &script("2020-01-01"));
    rig.run(&["exec", "soon.rhai", "--env", "real"]).expect(0).says("over");
    assert!(jiff::Timestamp::now() >= soon);
    rig.run(&["exec", "past.rhai", "--env", "real"]).expect(0).says("over");
    rig.run(&["exec", "wrong.rhai"]).expect(2).says("`later` is no point in time");
    let wrong = |clock: &str| {
        let rig = Rig::new(&format!("[env.local]\nclock = {clock}\n")).file("x.rhai", "//! X.\n");
        rig.run(&["check", "x.rhai"]).expect(2)
    };
    wrong("{ \"1h\" = \"2h\" }").says("makes 1h 00m longer");
    wrong("{ \"1h\" = \"2s\", \"2h\" = \"1s\" }").says("which is no longer than what is shorter");
    wrong("{ \"soon\" = \"2s\" }").says("no duration");
    wrong("{ \"1h\" = \"2s\" }\ntime_scale = 0.5").says("both say how fast time passes");
    let wrong = Rig::new("[env.local]\ntime_scale = 2\n").file("x.rhai", "//! X.\n");
    wrong.run(&["check", "x.rhai"]).expect(2).says("`time_scale` takes a number above 0 and at most 1");
}

#[test]
fn a_long_wait_may_end_the_process_and_the_run_keeps_its_lock() {
    let script = "//! Wait.\n//!\n//! lock = \"api\"\n//! uses = [\"files.out:write\"]\nstep \"Write\" { files(\"out\").put(\"one.txt\", \"1\"); }\n\
        step \"Wait\" { try { wait(\"24h\"); } catch { log(\"caught\"); } }\nlog(\"over\");\n";
    let rig = rig().file("wait.rhai", script).file("quick.rhai", "//! Q.\n//!\n//! lock = \"api\"\n");
    rig.run(&["exec", "wait.rhai", "--env", "real", "--detach"])
        .expect(10)
        .says("the run waits until ")
        .says("playbook tick")
        .hides("taken back")
        .hides("caught");
    assert!(rig.path("out/one.txt").exists());
    rig.run(&["runs"]).expect(0).says("waiting").says("the run waits  until ");
    rig.run(&["show"]).expect(0).says("… waiting: the run waits until ");
    rig.run(&["locks"])
        .expect(0)
        .says("kept: its run waits")
        .says("`playbook runs` shows what for")
        .hides("should end")
        .hides("process ");
    let held = rig.run(&["exec", "quick.rhai", "--env", "real"]).expect(9).says("which waits");
    held.says("no process carries it out meanwhile").hides("should end");
    rig.run(&["verify"]).expect(0);
    // Where the wait is short enough the process stays.
    rig.run(&["exec", "day.rhai", "--detach"]).expect(0).says("Look 25h after");
}

#[test]
fn a_gate_ends_the_process_where_that_was_asked_for() {
    let gate = "//! Gate.\ngate(\"Go\", #{ approvers: [\"cy\"], within: \"2h\" });\nlog(\"went\");\n";
    let rig = rig().file("gate.rhai", gate);
    rig.run(&["exec", "gate.rhai", "--detach"]).expect(10).says("the run waits at the gate “Go” until ");
    rig.run(&["runs"]).expect(0).says("the run waits at the gate “Go”");
}

#[test]
fn a_tick_goes_on_when_it_is_time_and_only_then() {
    let script = "//! Wait.\n//!\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\nstep \"Before\" { out.put(\"one.txt\", \"1\"); }\n\
        step \"Wait\" { wait(\"2s\"); }\nstep \"After\" { out.put(\"two.txt\", \"2\"); }\n";
    let rig = rig().file("wait.rhai", script);
    rig.run(&["exec", "wait.rhai", "--env", "real", "--detach=100ms"]).expect(10);
    assert!(!rig.path("out/two.txt").exists());
    wait_until("the run goes on", 30, || {
        rig.run(&["tick"]).expect(0);
        rig.path("out/two.txt").exists()
    });
    rig.run(&["runs"]).expect(0).says("done").hides("waiting");
    rig.run(&["show"]).expect(0).says("gone on with by").says("✔ After");
    rig.run(&["verify"]).expect(0);
    rig.run(&["tick"]).expect(0);
    assert_eq!(rig.run(&["runs"]).stdout.lines().count(), 2, "the write before the wait was not done twice");
}

#[test]
fn a_run_that_cannot_go_on_holds_up_no_other() {
    let script = "//! Wait.\nwait(\"1s\");\nlog(\"went on\");\n";
    let rig = rig().file("broken.rhai", script).file("well.rhai", script);
    rig.run(&["exec", "broken.rhai", "--env", "real", "--detach=100ms"]).expect(10);
    rig.run(&["exec", "well.rhai", "--env", "real", "--detach=100ms"]).expect(10);
    std::fs::write(rig.path("broken.rhai"), "//! Wait.\nwait(\"1s\"\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1200));
    rig.run(&["tick"])
        .expect(2)
        .says("broken.rhai:")
        .says("of broken.rhai waits until that is mended")
        .says("went on");
    rig.run(&["runs"]).expect(0).says("waiting").says("done");
    std::fs::write(rig.path("broken.rhai"), script).unwrap();
    rig.run(&["tick"]).expect(0).says("went on");
    rig.run(&["runs"]).expect(0).hides("waiting");
}

#[test]
fn a_tick_goes_on_once_the_gate_was_answered() {
    let gate = "//! Gate.\n//!\n//! uses = [\"files.out:write\"]\nfiles(\"out\").put(\"one.txt\", \"1\");\n\
        gate(\"Go\", #{ approvers: [\"cy\"], within: \"2h\" });\nfiles(\"out\").put(\"two.txt\", \"2\");\n";
    let rig = rig().file("gate.rhai", gate);
    rig.run(&["exec", "gate.rhai", "--env", "real", "--detach"]).expect(10);
    rig.run(&["tick"]).expect(0);
    rig.run(&["runs"]).expect(0).says("waiting");
    let cy =
        rig.command(&["approve", "last", "-m", "go"]).env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap();
    assert!(cy.status.success(), "{cy:?}");
    rig.run(&["tick"]).expect(0).says("approved by cy");
    assert!(rig.path("out/two.txt").exists());
    rig.run(&["verify"]).expect(0).says("cy approved “Go”");
}

#[test]
fn a_tick_ends_a_run_whose_gate_somebody_declines_after_they_had_approved() {
    let gate = "//! Gate.\n//!\n//! uses = [\"files.out:write\"]\nfiles(\"out\").put(\"one.txt\", \"1\");\n\
        gate(\"Go\", #{ approvers: [\"cy\", \"ada\"], quorum: 2, within: \"2h\" });\n";
    let rig = Rig::new(&SETTINGS.replace("[people.cy]", "[people.cy]\n[people.ada]")).file("gate.rhai", gate);
    rig.run(&["exec", "gate.rhai", "--env", "real", "--detach"]).expect(10);
    let cy = |more: &[&str]| {
        let arguments = [&["approve", "last"], more].concat();
        let done = rig.command(&arguments).env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    cy(&["-m", "go"]);
    rig.run(&["tick"]).expect(0);
    rig.run(&["runs"]).expect(0).says("waiting");
    rig.run(&["tick"]).expect(0).hides("Go");
    cy(&["--decline", "-m", "no"]);
    rig.run(&["tick"]).expect(1).says("declined by cy");
    assert!(!rig.path("out/one.txt").exists());
}

#[test]
fn an_answer_falls_when_the_playbook_moves_before_the_run_goes_on() {
    let gate = "//! Gate.\ngate(\"Go\", #{ approvers: [\"cy\"], within: \"2h\" });\nlog(\"went\");\n";
    let rig = rig().file("gate.rhai", gate);
    rig.run(&["exec", "gate.rhai", "--detach"]).expect(10);
    let cy = rig.command(&["approve", "last"]).env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap();
    assert!(cy.status.success(), "{cy:?}");
    let rig = rig.file("gate.rhai", &gate.replace("went", "went elsewhere"));
    rig.run(&["resume", "last", "--detach"])
        .expect(10)
        .says("the gate “Go” is asked anew: the playbook, or what it asks, was edited since")
        .hides("went elsewhere");
    rig.run(&["runs"]).expect(0).says("waiting");
}
