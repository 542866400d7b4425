//! What takes long says when it is expected to end, and when it is slower than usual.

use crate::rig::Rig;
use crate::rig::seat::Seat;

const SCRIPT: &str = "//! Slow.\n//! uses = [\"files.out:read\"]\nlet time = files(\"out\").get(\"time\");\nstep \"Wait\" { wait(time); }\n";

fn rig() -> Rig {
    Rig::new("[env.local.files.out]\npath = \"out\"\n").file("slow.rhai", SCRIPT).file("out/time", "3200ms")
}

#[test]
fn the_expected_end_comes_from_runs_of_the_past() {
    let rig = rig();
    rig.run(&["exec", "slow.rhai"]).expect(0);
    let seat = Seat::at(&rig, &["exec", "slow.rhai"]);
    seat.shows("about ").shows("left").shows("expected end");
    assert_eq!(seat.code(), 0);
    let rig = rig.file("out/time", "7500ms");
    let seat = Seat::at(&rig, &["exec", "slow.rhai"]);
    seat.shows("slower than usual");
    assert_eq!(seat.code(), 0);
}

#[test]
fn into_a_pipe_a_slow_step_says_so_at_its_end_without_colours() {
    let rig = rig();
    let rig = rig.file("out/time", "10ms");
    rig.run(&["exec", "slow.rhai"]).expect(0).hides("slower");
    let rig = rig.file("out/time", "2300ms");
    let seen = rig.run(&["exec", "slow.rhai"]).expect(0).says("slower than usual (");
    assert!(!seen.all().contains('\u{1b}'));
}
