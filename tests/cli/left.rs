//! A run that was left half way, and what others change meanwhile.

use super::resume::{count, rig, state};
use crate::rig::Rig;

const LEFT: &str = "//! T.\n//! uses = [\"files.out:write\", \"flags.main:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { out.put(\"one.txt\", \"1\"); }\n\
    step \"Two\" { out.get(\"go.txt\"); out.put(\"two.txt\", \"2\"); }\n";

const OTHER: &str = "//! O.\n//! uses = [\"files.out:write\"]\nfiles(\"out\").put(\"one.txt\", \"other\");\n";

const ELSEWHERE: &str =
    "//! E.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").disable(\"auto_sync\");\n";

/// A project with a run that failed and was left as it was.
fn left() -> (Rig, String) {
    let rig = rig().file("t.rhai", LEFT).file("other.rhai", OTHER).file("elsewhere.rhai", ELSEWHERE);
    rig.run(&["exec", "t.rhai", "--no-rollback"]).expect(1).says("left as it is");
    let id = newest(&rig);
    (rig.file("out/go.txt", "go"), id)
}

fn newest(rig: &Rig) -> String {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.query_row("SELECT id FROM runs ORDER BY number DESC LIMIT 1", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_run_does_not_go_on_into_what_another_changed_meanwhile() {
    let (rig, id) = left();
    rig.run(&["exec", "other.rhai"]).expect(0);
    let (other, before) = (newest(&rig), state(&rig));
    let entries = count(&rig, "SELECT count(*) FROM entries");
    rig.run(&["resume", &id])
        .expect(8)
        .says(&format!("another run changed what the run {id} had changed, after it had stopped"))
        .says(&format!("files.out: by the run {other} of other.rhai"))
        .says(&format!("playbook rollback {other}"))
        .says("playbook exec t.rhai")
        .says("--force files.out");
    assert_eq!(
        (state(&rig), count(&rig, "SELECT count(*) FROM entries")),
        (before, entries),
        "nothing was done"
    );
    rig.run(&["runs"]).expect(0).says("failed");
    rig.run(&["resume", &id, "--force", "files.uot"]).expect(2).says("did you mean `files.out`?");
    rig.run(&["rollback", &other]).expect(0);
    rig.run(&["resume", &id]).expect(0);
    assert!(rig.path("out/two.txt").exists());
    rig.run(&["verify"]).expect(0);
}

#[test]
fn who_insists_goes_on_and_that_is_recorded() {
    for force in ["files.out", "files.out.put", "all"] {
        let (rig, id) = left();
        rig.run(&["exec", "other.rhai"]).expect(0);
        rig.run(&["resume", &id, "--force", force]).expect(0);
        assert!(rig.path("out/two.txt").exists());
        rig.run(&["show", &id])
            .expect(0)
            .says("by --force, although changed meanwhile: files.out: by the run");
    }
}

#[test]
fn what_changed_elsewhere_or_does_not_stand_hinders_nobody() {
    let (rig, id) = left();
    rig.run(&["exec", "elsewhere.rhai"]).expect(0);
    rig.run(&["resume", &id]).expect(0);
    // A run that had changed nothing mixes with nothing.
    let nothing = "//! N.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\nout.get(\"later.txt\");\nout.put(\"n.txt\", \"n\");\n";
    let rig = rig.file("nothing.rhai", nothing);
    rig.run(&["exec", "nothing.rhai", "--no-rollback"]).expect(1);
    let id = newest(&rig);
    rig.run(&["exec", "other.rhai"]).expect(0).hides("was left half way");
    let rig = rig.file("out/later.txt", "");
    rig.run(&["resume", &id]).expect(0);
}

#[test]
fn another_thing_of_the_same_resource_hinders_nobody_whatever_the_verb() {
    for (change, exit) in [
        ("out.put(\"other.txt\", \"1\")", 0),
        ("out.copy(\"one.txt\", \"other.txt\")", 0),
        ("out.copy(\"go.txt\", \"one.txt\")", 8),
        ("out.delete(\"one.txt\")", 8),
    ] {
        let (rig, id) = left();
        let script =
            format!("//! O.\n//! uses = [\"files.out:destroy\"]\nlet out = files(\"out\");\n{change};\n");
        let rig = rig.file("other.rhai", &script);
        rig.run(&["exec", "other.rhai"]).expect(0);
        rig.run(&["resume", &id]).expect(exit);
    }
}

#[test]
fn who_begins_a_run_is_told_of_one_that_was_left() {
    let (rig, id) = left();
    rig.run(&["exec", "elsewhere.rhai"])
        .expect(0)
        .says(&format!("warning: run {id} of t.rhai failed, and was left half way"))
        .says(&format!("playbook resume {id}"));
    // It is told once, by the next run; and of one that was taken back there is nothing to tell.
    rig.run(&["exec", "elsewhere.rhai"]).expect(0).hides("was left half way");
    rig.run(&["exec", "t.rhai", "--no-rollback", "--env", "local"]).expect(0);
    let (rig, id) = left();
    rig.run(&["rollback", &id]).expect(0);
    rig.run(&["exec", "elsewhere.rhai"]).expect(0).hides("was left half way");
}

#[test]
fn where_all_was_as_wanted_already_there_is_nothing_to_take_back() {
    let script = "//! T.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").disable(\"auto_sync\");\ncheck \"well\", false;\n";
    let rig = rig().file("t.rhai", script).file("elsewhere.rhai", ELSEWHERE);
    rig.run(&["exec", "t.rhai"]).expect(1).says("↩").says("taken back").hides("left as it is");
    rig.run(&["exec", "elsewhere.rhai"]).expect(0);
    rig.run(&["exec", "t.rhai"])
        .expect(1)
        .says("left as it is, with nothing to take back:")
        .says("turn the flag `auto_sync` off")
        .says("playbook resume")
        .hides("playbook rollback");
}
