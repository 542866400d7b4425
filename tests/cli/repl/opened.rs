//! A run that failed is opened: its variables are there, what is done in it is journalled in it, and it goes on afterwards.

use super::{flag, piped, rig};
use crate::rig::Rig;

const SCRIPT: &str = "//! T.\n//! uses = [\"files.out:write\", \"flags.main:write\"]\nfn shout(text) { text.to_upper() }\nlet out = files(\"out\");\nlet count = 3;\n\
    step \"One\" { out.put(\"one\", \"1\"); }\nstep \"Two\" {\n  let name = `gate-${count}`;\n  let text = out.get(name);\n  out.put(\"two\", `got ${text}`);\n}\n";

fn failed() -> Rig {
    let rig = rig().file("t.rhai", SCRIPT);
    rig.run(&["exec", "t.rhai", "--no-rollback"]).expect(1);
    rig
}

#[test]
fn what_was_known_where_it_failed_is_known_at_the_prompt() {
    let rig = failed();
    let seen = piped(&rig, &[], ":open last\nname\ncount + 1\nshout(name)\nout\n").expect(0);
    for part in ["✔ One", "✘ Two", "gate-3\n4\nGATE-3\nfiles.out"] {
        assert!(seen.stdout.contains(part), "no `{part}`:\n{seen}");
    }
    // It stands as it stood, with what was typed in it.
    rig.run(&["show"]).expect(0).says("failed").says("shout(name)").says("playbook resume");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn what_is_mended_inside_lets_the_run_go_on() {
    let rig = failed();
    let seen =
        piped(&rig, &["--open", "last"], "out.put(name, \"it\");\nflags(\"main\").enable(\"beta\");\n")
            .expect(0);
    seen.says("2 changes stand");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("out/two")).unwrap(), "got it");
    rig.run(&["show"]).expect(0).says("done").says("out.put(name");
    // A rollback takes back what was typed inside, too.
    rig.run(&["rollback", "last"]).expect(0);
    assert!(!rig.path("out/gate-3").exists() && !rig.path("out/two").exists() && !flag(&rig, "beta"));
    rig.run(&["verify"]).expect(0);
}

#[test]
fn only_what_was_typed_is_undone() {
    let rig = failed();
    piped(&rig, &["--open", "last"], "out.put(\"extra\", \"it\");\n:undo all\n:undo\n")
        .expect(0)
        .says("nothing to take back");
    assert!(!rig.path("out/extra").exists() && rig.path("out/one").exists());
    rig.run(&["show"]).expect(0).says("failed");
}

#[test]
fn a_playbook_saved_inside_knows_the_handles_of_the_run() {
    let rig = failed();
    piped(&rig, &["--open", "last"], "out.put(name, \"it\");\n:save fix.rhai\n").expect(0);
    let saved = std::fs::read_to_string(rig.path("fix.rhai")).unwrap();
    assert!(
        saved.contains("let out = files(\"out\");") && saved.contains("let name = \"gate-3\";"),
        "{saved}"
    );
    std::fs::remove_file(rig.path("out/gate-3")).unwrap();
    rig.run(&["exec", "fix.rhai"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("out/gate-3")).unwrap(), "it");
}

#[test]
fn a_run_that_is_done_is_only_looked_at() {
    let rig = rig().file("done.rhai", "//! Done.\nstep \"Nothing\" { log(\"hello\"); }\n");
    rig.run(&["exec", "done.rhai"]).expect(0);
    piped(&rig, &[], ":open last\n").expect(2).says("hello").says("is done");
    let rig = failed();
    piped(&rig, &["--env", "production"], ":open last\n").expect(2).says("--env local --open");
}
