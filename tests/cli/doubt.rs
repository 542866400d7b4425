//! An effect in doubt: it began, the process was killed, and nothing in the system tells whether it was done.

use super::resume::{count, killed};
use crate::rig::Rig;

fn rig(options: &str) -> Rig {
    let script = format!(
        "//! T.\n//! uses = [\"program.sh:write\"]\nlet sh = program(\"sh\");\n\
         sh.run([\"-c\", \"echo once >>log\"]{options});\nsh.run([\"-c\", \"echo end >>log\"]);\n"
    );
    Rig::new("[env.local.program.sh]\naccess = \"write\"\nwrite = [[\"-c\", \"**\"]]\n")
        .file("t.rhai", &script)
}

fn log(rig: &Rig) -> String {
    std::fs::read_to_string(rig.path("log")).unwrap_or_default()
}

/// Killed right after the intent of the first call was durable: nothing was done, and nobody knows.
fn in_doubt(options: &str) -> Rig {
    let rig = rig(options);
    killed(&rig, &["exec", "t.rhai"], "2:after").expect(137);
    assert_eq!(log(&rig), "");
    rig
}

#[test]
fn without_a_policy_and_a_person_the_run_stays_as_it_was() {
    let rig = in_doubt("");
    let before = count(&rig, "SELECT count(*) FROM entries");
    rig.run(&["resume", "last"])
        .expect(5)
        .says("it is not known whether `program.sh.run` was done")
        .says("--on-doubt")
        .hides("resume RUN");
    assert_eq!((count(&rig, "SELECT count(*) FROM entries"), log(&rig).as_str()), (before, ""));
    rig.run(&["resume", "last", "--on-doubt", "retry"]).expect(0);
    assert_eq!(log(&rig), "once\nend\n");
    rig.run(&["show"]).expect(0).says("tried again by policy");
    rig.run(&["verify"]).expect(0);
    let plan = rig.run(&["rollback", "last", "--plan"]).expect(0);
    assert_eq!(plan.all().matches("echo once").count(), 1, "{plan}");
}

#[test]
fn the_policy_at_the_call_decides() {
    let rig = in_doubt(", #{ on_doubt: \"skip\" }");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(log(&rig), "end\n");
    let rig = in_doubt(", #{ on_doubt: \"retry\" }");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(log(&rig), "once\nend\n");
    let rig = in_doubt(", #{ on_doubt: \"fail\" }");
    rig.run(&["resume", "last", "--on-doubt", "retry"]).expect(5);
}

#[test]
fn a_destroy_that_nobody_can_look_at_needs_a_policy() {
    let project = "[env.local.program.sh]\naccess = \"destroy\"\ndestroy = [[\"-c\", \"**\"]]\n";
    let script = |options: &str| {
        format!(
            "//! T.\n//! uses = [\"program.sh:destroy\"]\nprogram(\"sh\").destroy([\"-c\", \"true\"]{options});\n"
        )
    };
    let rig = Rig::new(project).file("t.rhai", &script(""));
    rig.run(&["check", "t.rhai"]).expect(2).says("does not say what happens when a crash leaves it in doubt");
    let rig = rig.file("t.rhai", &script(", #{ on_doubt: \"ask\" }"));
    rig.run(&["exec", "t.rhai"]).expect(0);
}

#[test]
fn a_rollback_block_heeds_the_policy_too() {
    let script = "//! T.\n//! uses = [\"program.sh:write\"]\nlet sh = program(\"sh\");\nstep \"A\" { sh.run([\"-c\", \"true\"], #{ stays: true }); } rollback {\n    \
        sh.run([\"-c\", \"echo back >>log; sleep 3\"], #{ on_doubt: \"fail\" });\n}\nfail(\"no\");\n";
    let rig = Rig::new("[env.local.program.sh]\naccess = \"write\"\nwrite = [[\"-c\", \"**\"]]\n")
        .file("t.rhai", script);
    let mut run = rig.command(&["exec", "t.rhai"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    crate::rig::wait_until("the block", 30, || log(&rig) == "back\n");
    run.kill().unwrap();
    run.wait().unwrap();
    rig.run(&["resume", "last"]).expect(6).says("it is not known whether `program.sh.run` was done");
    assert_eq!(log(&rig), "back\n", "it was not done twice");
    rig.run(&["verify"]).expect(0);
}
