//! `kill -9` just before and just after every record of a run that changes real servers of every kind; then the run goes
//! on, and the servers are as if nothing had happened: no effect is lost, none was done twice.

mod scene;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::resume::{count, killed};
use crate::rig::seen::Seen;
use scene::{Project, Scene};

/// Calls `test` with scenes of its own and each moment from the record `first` on, until it says that there was no such
/// record any more; two at a time.
fn at_every_record(scenes: &mut [Scene], first: u64, test: impl Fn(&Scene, &str) -> bool + Sync) {
    let (next, last) = (AtomicU64::new(first), AtomicU64::new(u64::MAX));
    std::thread::scope(|scope| {
        for scene in scenes {
            let (next, last, test) = (&next, &last, &test);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > last.load(Ordering::Relaxed) {
                        return;
                    }
                    let reached =
                        test(scene, &format!("{number}:before")) && test(scene, &format!("{number}:after"));
                    if !reached {
                        last.fetch_min(number, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let over = last.load(Ordering::Relaxed);
    assert!(over > first + 20, "from {first} to {over}: too few records to mean anything");
}

/// Two scenes, one for each thread.
fn scenes() -> Option<[Scene; 2]> {
    Some([Scene::start()?, Scene::start()?])
}

/// Goes on with the last run until it ends with `code`. What no system tells, somebody looks at, and says.
fn go_on(project: &Project<'_>, code: i32, moment: &str) {
    let mut seen = project.rig.run(&["resume", "last"]);
    for _ in 0..3 {
        if seen.code != 5 {
            break;
        }
        let call = doubtful(&seen);
        let choice = if project.was_done(&call) { "skip" } else { "retry" };
        seen = project.rig.run(&["resume", "last", "--on-doubt", choice]);
    }
    let is_over = seen.code == 2
        && (seen.all().contains("there is nothing to go on with") || seen.all().contains("was taken back"));
    assert!(is_over || seen.code == code, "killed at {moment}, then not {code}:\n{seen}");
}

/// The call that a run says it does not know of.
fn doubtful(seen: &Seen) -> String {
    let text = seen.all();
    let call = text.split("it is not known whether `").nth(1).and_then(|rest| rest.split('`').next());
    call.unwrap_or_else(|| panic!("no doubt is named:\n{seen}")).to_owned()
}

fn records(project: &Project<'_>) -> u64 {
    u64::try_from(count(&project.rig, "SELECT count(*) FROM entries")).unwrap()
}

#[test]
fn a_run_on_real_servers_killed_at_any_record_ends_as_an_undisturbed_one() {
    let Some(mut scenes) = scenes() else { return };
    let expected = {
        let whole = scenes[0].project("");
        whole.rig.run(&["exec", "deploy.rhai"]).expect(0);
        whole.state()
    };
    at_every_record(&mut scenes, 1, |scene, moment| {
        let project = scene.project("");
        let first = killed(&project.rig, &["exec", "deploy.rhai"], moment);
        if first.code == 0 {
            return false;
        }
        first.expect(137);
        go_on(&project, 0, moment);
        assert_eq!(project.state(), expected, "killed at {moment}");
        assert_eq!(count(&project.rig, "SELECT count(*) FROM runs"), 1, "{moment}");
        project.rig.run(&["verify"]).expect(0);
        true
    });
}

#[test]
fn a_run_on_real_servers_killed_while_it_is_taken_back_is_taken_back_all_the_same() {
    let Some(mut scenes) = scenes() else { return };
    let failing = "step \"Fail\" { fail(\"no\"); }\n";
    let (expected, first) = {
        let done = scenes[0].project("");
        done.rig.run(&["exec", "deploy.rhai"]).expect(0);
        let whole = scenes[1].project(failing);
        whole.rig.run(&["exec", "deploy.rhai"]).expect(1).says("taken back");
        (whole.state(), records(&done))
    };
    at_every_record(&mut scenes, first, |scene, moment| {
        let project = scene.project(failing);
        let first = killed(&project.rig, &["exec", "deploy.rhai"], moment);
        if first.code == 1 {
            return false;
        }
        first.expect(137);
        go_on(&project, 1, moment);
        assert_eq!(project.state(), expected, "killed at {moment}");
        project.rig.run(&["verify"]).expect(0);
        true
    });
}
