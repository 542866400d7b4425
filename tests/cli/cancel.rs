//! `playbook cancel`: a run is ended from another terminal as Ctrl-C does in its own, and only what is proven to be it.

use std::process::{Child, Stdio};

use crate::rig::seat::Seat;
use crate::rig::seen::normalise;
use crate::rig::{Rig, wait_until};

const SETTINGS: &str = "[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
const SLOW: &str = "step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); } rollback { store.put(\"slow\", \"x\"); wait(\"1h\"); }";

fn project(rest: &str) -> Rig {
    let script =
        format!("//! T.\n//!\n//! uses = [\"files.store:write\"]\nlet store = files(\"store\");\n{rest}");
    Rig::new(SETTINGS).file("test.rhai", &script)
}

fn begun(rest: &str) -> (Rig, Child) {
    let rig = project(rest);
    let child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the write", 60, || rig.path("store/key").exists());
    (rig, child)
}

#[test]
fn a_run_is_ended_from_another_terminal_and_taken_back() {
    let (rig, mut child) = begun("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
    let seen = rig.run(&["cancel", "last"]).expect(0);
    insta::assert_snapshot!(normalise(&seen.all()), @"
    the run [run] was told to stop; waiting until it has ended
    run [run]: taken back after [took] (exit code 130)
      1 thing taken back
      `playbook show [run]`
    ");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!rig.path("store/key").exists());
    rig.run(&["show", "last"]).expect(0).says("stopped by `playbook cancel` of tester@rig");
    rig.run(&["verify"]).expect(0);
    assert_eq!(
        std::fs::read_dir(rig.path(".playbook/live")).unwrap().count(),
        0,
        "something was left behind"
    );
    let seen = rig.run(&["cancel", "last"]).expect(2);
    insta::assert_snapshot!(normalise(&seen.all()), @"
    error: the run [run] has ended: taken back
      why: no run goes on in this project
      fix: `playbook show [run]` tells how it ended
    ");
}

#[test]
fn a_quiet_cancel_tells_only_how_the_run_ended() {
    let (rig, mut child) = begun("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
    rig.run(&["cancel", "last", "-q"]).expect(0).says("1 thing taken back").hides("was told to stop");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn machines_are_told_what_became_of_a_cancelled_run() {
    let (rig, mut child) = begun("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
    let seen = rig.run(&["cancel", "last", "--output", "json"]).expect(0);
    let told: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!((&told["taken_back"], &told["not_taken_back"]), (&1.into(), &0.into()), "{told}");
    assert_eq!((&told["run"]["state"], &told["run"]["exit_code"]), (&"ended".into(), &130.into()), "{told}");
    child.wait().unwrap();
}

#[test]
fn by_force_the_taking_back_ends_too() {
    for again in [false, true] {
        let (rig, mut child) = begun(SLOW);
        if again {
            rig.run(&["cancel", "last", "--no-wait"]).expect(0).says("was told to stop; `playbook show ");
            wait_until("the rollback", 60, || rig.path("store/slow").exists());
        }
        let seen = rig.run(&["cancel", "last", "--force"]).expect(6);
        seen.says("was told to leave everything as it stands")
            .says("could NOT be taken back")
            .says("exit code 6");
        assert_eq!(child.wait().unwrap().code(), Some(6));
        assert!(rig.path("store/key").exists());
        rig.run(&["show", "last"]).expect(0).says("`playbook cancel");
    }
}

#[test]
fn who_cancels_it_again_hastens_nothing() {
    let (rig, mut child) =
        begun(&SLOW.replace(
            "store.put(\"slow\", \"x\"); wait(\"1h\");",
            "store.put(\"slow\", \"x\"); wait(\"10s\");",
        ));
    rig.run(&["cancel", "last", "--no-wait"]).expect(0);
    wait_until("the rollback", 60, || rig.path("store/slow").exists());
    rig.run(&["cancel", "last"]).expect(0).says("taken back").hides("could NOT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!rig.path("store/key").exists());
}

#[test]
fn a_question_at_the_terminal_is_not_answered_by_who_cancels_elsewhere() {
    let rig = project("step \"Put\" { store.put(\"key\", \"value\"); check \"well\", false; }");
    let seat = Seat::at(&rig, &["exec", "test.rhai"]);
    seat.shows("[r]");
    rig.run(&["cancel", "last"]).expect(0).says("1 thing taken back");
    assert!(!rig.path("store/key").exists());
    rig.run(&["show", "last"]).expect(0).hides("left as it stands");
}

#[test]
fn what_stands_because_the_policy_says_so_is_told() {
    let script = "store.put(\"key\", \"value\"); wait(\"1h\");";
    let rig =
        project(script).file("playbook.toml", &format!("[env.local]\non_failure = \"stop\"\n{SETTINGS}"));
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the write", 60, || rig.path("store/key").exists());
    rig.run(&["cancel", "last"]).expect(0).says("what it has done stands: `playbook rollback ");
    assert_eq!((child.wait().unwrap().code(), rig.path("store/key").exists()), (Some(130), true));
}

#[test]
fn of_a_run_that_has_changed_nothing_nothing_is_to_be_taken_back() {
    let rig = project("log(store.list(\"\").len()); wait(\"1h\");");
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let goes_on = || rig.run(&["runs"]).stdout.contains("running");
    wait_until("the run", 60, goes_on);
    rig.run(&["cancel", "last"]).expect(0).says("it had changed nothing").hides("playbook rollback");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn nobody_is_asked_at_the_terminal_of_a_run_that_is_cancelled_elsewhere() {
    let rig = project("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
    let seat = Seat::at(&rig, &["exec", "test.rhai"]);
    wait_until("the write", 60, || rig.path("store/key").exists());
    rig.run(&["cancel", "last"]).expect(0).says("1 thing taken back");
    seat.shows("stopped by `playbook cancel` of tester@rig");
    assert!(!rig.path("store/key").exists() && !seat.screen().contains("[Y/n]"));
}

#[test]
fn what_does_not_go_on_here_is_not_cancelled() {
    let rig = project("store.put(\"key\", \"value\"); wait(\"1h\");");
    rig.run(&["cancel", "last"]).expect(2).says("there is no run yet");
    let (rig, mut child) = begun("store.put(\"key\", \"value\"); wait(\"1h\");");
    rig.run(&["cancel", "2024"]).expect(2).says("there is no run `2024`");
    let live = std::fs::read_dir(rig.path(".playbook/live")).unwrap();
    let lock = live.map(|file| file.unwrap().path()).find(|path| path.extension().is_none()).unwrap();
    let signed = std::fs::read_to_string(&lock).unwrap();
    let (number, host) = signed.trim_end().split_once(' ').unwrap();
    assert_eq!(number, child.id().to_string());
    std::fs::write(&lock, format!("{number} elsewhere.example.com\n")).unwrap();
    let seen = rig.run(&["cancel", "last"]).expect(2);
    seen.says("goes on at another machine: elsewhere.example.com");
    // A number that was given to somebody else: that one is not touched.
    let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(&lock, format!("{} {host}\n", stranger.id())).unwrap();
    rig.run(&["cancel", "last"]).expect(2).says("cannot be seen from here");
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = rig.run(&["cancel", "last"]).expect(2);
    seen.says("was cut off: no process carries it out").says("playbook resume ").says("playbook rollback ");
}

#[test]
fn a_run_that_waits_is_taken_back_and_not_cancelled() {
    let rig = project("store.put(\"key\", \"value\"); wait(\"1h\");");
    rig.run(&["exec", "test.rhai", "--detach"]).expect(10);
    rig.run(&["cancel", "last"])
        .expect(2)
        .says("waits, and no process carries it out")
        .says("playbook rollback ");
}
