//! `kill -9` just before and just after every record of the journal; then the run goes on, and all is as if nothing had
//! happened. The same for a run that fails and is taken back, and for a rollback days later.

use std::sync::atomic::{AtomicU64, Ordering};

use super::resume::{DEPLOY, count, killed, rig, state};
use crate::rig::Rig;

/// Calls `test` with each moment until it says that there was no such record any more; two at a time.
fn at_every_record(test: impl Fn(&str) -> bool + Sync) {
    let next = AtomicU64::new(1);
    let last = AtomicU64::new(u64::MAX);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > last.load(Ordering::Relaxed) {
                        return;
                    }
                    let reached = test(&format!("{number}:before")) && test(&format!("{number}:after"));
                    if !reached {
                        last.fetch_min(number, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(last.load(Ordering::Relaxed) > 10, "too few records to mean anything");
}

/// Goes on with the last run, whose end has the exit code `code`; after its last record there is nothing to go on with.
fn go_on(rig: &Rig, code: i32) {
    let seen = rig.run(&["resume", "last"]);
    let is_over = seen.code == 2
        && (seen.all().contains("there is nothing to go on with") || seen.all().contains("was taken back"));
    if !is_over {
        seen.expect(code);
    }
}

/// No call was done twice: each ended well at most once.
fn nothing_twice(rig: &Rig) {
    let twice = "SELECT count(*) FROM (SELECT position FROM entries WHERE word = 'effect_ended' \
        AND json_extract(body, '$.outcome') = 'done' GROUP BY run, position HAVING count(*) > 1)";
    assert_eq!(count(rig, twice), 0);
}

#[test]
fn a_run_killed_at_any_record_ends_as_an_undisturbed_one() {
    let whole = rig();
    whole.run(&["exec", "deploy.rhai"]).expect(0);
    let expected = state(&whole);
    at_every_record(|moment| {
        let rig = rig();
        let first = killed(&rig, &["exec", "deploy.rhai"], moment);
        if first.code == 0 {
            return false;
        }
        let seen = first.expect(137);
        assert_eq!(count(&rig, "SELECT count(*) FROM runs"), 1, "{moment}: {seen}");
        go_on(&rig, 0);
        assert_eq!(state(&rig), expected, "{moment}");
        nothing_twice(&rig);
        rig.run(&["verify"]).expect(0);
        true
    });
}

#[test]
fn a_failing_run_killed_at_any_record_is_taken_back_all_the_same() {
    let failing = |rig: Rig| rig.file("deploy.rhai", &format!("{DEPLOY}step \"Fail\" {{ fail(\"no\"); }}\n"));
    let whole = failing(rig());
    whole.run(&["exec", "deploy.rhai"]).expect(1).says("taken back");
    let expected = state(&whole);
    at_every_record(|moment| {
        let rig = failing(rig());
        let first = killed(&rig, &["exec", "deploy.rhai"], moment);
        if first.code == 1 {
            return false;
        }
        first.expect(137);
        go_on(&rig, 1);
        assert_eq!(state(&rig), expected, "{moment}");
        rig.run(&["verify"]).expect(0);
        true
    });
}

#[test]
fn a_rollback_killed_at_any_record_goes_on() {
    let whole = rig();
    whole.run(&["exec", "deploy.rhai"]).expect(0);
    whole.run(&["rollback", "last"]).expect(0);
    let expected = state(&whole);
    at_every_record(|moment| {
        let rig = rig();
        rig.run(&["exec", "deploy.rhai"]).expect(0);
        let first = killed(&rig, &["rollback", "last"], moment);
        if first.code == 0 {
            return false;
        }
        first.expect(137);
        go_on(&rig, 0);
        assert_eq!(state(&rig), expected, "{moment}");
        rig.run(&["verify"]).expect(0);
        true
    });
}

#[test]
fn a_run_that_met_a_full_disk_goes_on_once_there_is_room() {
    let whole = rig();
    whole.run(&["exec", "deploy.rhai"]).expect(0);
    let mut met = 0;
    for blocks in [130, 180, 230, 280, 330] {
        let rig = rig();
        // A limit on the size of files stands for the full disk; `sh` counts in blocks of 512 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" exec deploy.rhai --output json");
        let path = rig.command(&[]).get_program().to_owned();
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(path)
            .current_dir(rig.folder())
            .output()
            .unwrap();
        if output.status.success() {
            continue;
        }
        met += 1;
        if rig.run(&["runs"]).stdout.contains("deploy.rhai") {
            rig.run(&["resume", "last"]).expect(0);
            assert_eq!(state(&rig), state(&whole), "{blocks} blocks");
            nothing_twice(&rig);
            rig.run(&["verify"]).expect(0);
        }
    }
    assert!(met > 0, "no limit was too small");
}
