//! What takes long says when it is expected to end, and when it is slower than usual.

use crate::rig::Rig;
use crate::rig::seat::Seat;

const SCRIPT: &str = "//! Slow.\n//! uses = [\"files.out:read\", \"program.sleep:read\"]\nlet out = files(\"out\");\n\
    step \"Work\" { wait(out.get(\"wait\")); program(\"sleep\").read([out.get(\"time\")]); }\n";

fn rig() -> Rig {
    let settings = "[env.local.files.out]\npath = \"out\"\n\
        [env.local.program.sleep]\nread = [[\"*\"]]\n";
    Rig::new(settings).file("slow.rhai", SCRIPT).file("out/time", "3.2").file("out/wait", "0ms")
}

#[test]
fn the_expected_end_comes_from_runs_of_the_past() {
    let rig = rig();
    rig.run(&["exec", "slow.rhai"]).expect(0);
    let seat = Seat::at(&rig, &["exec", "slow.rhai"]);
    seat.shows("about ").shows("left").shows("expected end");
    assert_eq!(seat.code(), 0);
    let rig = rig.file("out/time", "60");
    let seat = Seat::at(&rig, &["exec", "slow.rhai"]);
    seat.shows("slower than usual").press("\u{3}");
    assert_eq!(seat.code(), 130);
}

#[test]
fn into_a_pipe_a_slow_step_says_so_at_its_end_without_colours() {
    let rig = rig().file("out/time", "0");
    rig.run(&["exec", "slow.rhai"]).expect(0).hides("slower");
    let rig = rig.file("out/time", "6");
    let seen = rig.run(&["exec", "slow.rhai"]).expect(0).says("slower than usual (");
    assert!(!seen.all().contains('\u{1b}'));
}

#[test]
fn time_that_was_asked_for_is_not_slow() {
    let rig = rig().file("out/time", "0");
    rig.run(&["exec", "slow.rhai"]).expect(0);
    let rig = rig.file("out/wait", "2300ms");
    rig.run(&["exec", "slow.rhai"]).expect(0).says("wait 2.3s").hides("slower");
}
