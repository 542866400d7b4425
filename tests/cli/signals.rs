//! Signals: Ctrl-C ends the work, takes back what was done, and leaves the journal whole; twice ends at once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::rig::{Rig, wait_until};

const SETTINGS: &str = "[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";

fn begun(rest: &str) -> (Rig, Child) {
    begun_with(rest, Stdio::null())
}

fn begun_with(rest: &str, output: Stdio) -> (Rig, Child) {
    let script =
        format!("//! T.\n//!\n//! uses = [\"files.store:write\"]\nlet store = files(\"store\");\n{rest}");
    let rig = Rig::new(SETTINGS).file("test.rhai", &script);
    let child = rig.command(&["exec", "test.rhai"]).stdout(output).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the write", 60, || rig.path("store/key").exists());
    (rig, child)
}

fn send(signal: &str, child: &Child) {
    assert!(
        std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

fn code(mut child: Child, within: Duration) -> i32 {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(begin.elapsed() < within, "it did not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_signal_stops_the_run_and_takes_it_back() {
    for signal in ["-INT", "-TERM"] {
        let (rig, child) = begun("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
        send(signal, &child);
        assert_eq!(code(child, Duration::from_secs(30)), 130, "{signal}");
        assert!(!rig.path("store/key").exists(), "{signal}: nothing was taken back");
        rig.run(&["show", "last"]).expect(0).says("stopped by").says("taken back");
        rig.run(&["verify"]).expect(0);
    }
}

#[test]
fn a_signal_reaches_a_busy_script_and_every_branch() {
    for rest in [
        "loop {}",
        "parallel([|| { loop {} }, || wait(\"1h\"), || { retry 9 every \"1h\" { fail(\"x\"); } }]);",
    ] {
        let (rig, child) = begun(&format!("store.put(\"key\", \"value\"); {rest}"));
        send("-INT", &child);
        assert_eq!(code(child, Duration::from_secs(30)), 130);
        assert!(!rig.path("store/key").exists());
        rig.run(&["show", "last"]).expect(0).says("stopped by Ctrl-C").hides("another branch");
    }
}

#[test]
fn a_second_signal_ends_at_once_and_the_journal_tells_how_far_it_came() {
    let (rig, child) = begun(
        "step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); } rollback { store.put(\"slow\", \"x\"); wait(\"1h\"); }",
    );
    send("-INT", &child);
    wait_until("the rollback", 60, || rig.path("store/slow").exists());
    send("-INT", &child);
    assert_ne!(code(child, Duration::from_secs(60)), 0);
    assert!(rig.path("store/key").exists(), "the rollback went on after the second signal");
    rig.run(&["verify"]).expect(0);
    rig.run(&["show", "last"]).expect(0).says("Put");
}

#[test]
fn what_a_second_signal_left_there_has_a_way_back() {
    let (rig, child) = begun_with(
        "step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); } rollback { store.put(\"slow\", \"x\"); wait(\"1h\"); }",
        Stdio::piped(),
    );
    send("-INT", &child);
    wait_until("the rollback", 60, || rig.path("store/slow").exists());
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    let way = said
        .lines()
        .find_map(|line| line.split("`playbook rollback ").nth(1))
        .unwrap_or_else(|| panic!("{said}"));
    rig.run(&["rollback", way.trim_end_matches('`'), "--plan"]).expect(0);
}

#[test]
fn a_killed_process_leaves_a_journal_that_verifies() {
    let (rig, mut child) = begun("step \"Put\" { store.put(\"key\", \"value\"); wait(\"1h\"); }");
    child.kill().unwrap();
    child.wait().unwrap();
    rig.run(&["runs"]).expect(0).says("interrupted");
    rig.run(&["verify"]).expect(0);
    rig.run(&["exec", "test.rhai", "--dry-run"]).expect(0).hides("was cut off");
    let next = rig.file("next.rhai", "//! Next.\nlog(\"here\");");
    next.run(&["exec", "next.rhai"]).expect(0).says("was cut off, and nothing of it was taken back");
    next.run(&["exec", "next.rhai"]).expect(0).hides("was cut off");
}

#[test]
fn two_runs_that_name_the_same_lock_do_not_run_at_the_same_time() {
    let script = "//! T.\n//!\n//! uses = [\"files.store:write\"]\n//! lock = \"store\"\nfiles(\"store\").put(\"key\", \"x\"); wait(\"1h\");";
    let rig = Rig::new(SETTINGS).file("test.rhai", script);
    let child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the write", 60, || rig.path("store/key").exists());
    rig.run(&["exec", "test.rhai"]).expect(9).says("the lock `store` of `local` is held by run");
    rig.run(&["plan", "test.rhai"]).expect(0);
    send("-INT", &child);
    code(child, Duration::from_secs(30));
    let quick = rig.file("quick.rhai", "//! Q.\n//!\n//! lock = \"store\"\nlog(\"free\");");
    quick.run(&["exec", "quick.rhai"]).expect(0);
}
