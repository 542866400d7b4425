//! A run that fails while other runs change the same things: what they did is not lost to its taking back.

use super::repl::{flag, piped};
use super::resume::state;
use crate::rig::Rig;

const OTHER: &str = "//! O.\n//! uses = [\"files.out:destroy\"]\nlet out = files(\"out\");\n";

/// The project of resumes, in which a playbook can run another one while it goes on.
fn rig(others: &str) -> Rig {
    let rig = super::resume::rig();
    let binary = env!("CARGO_BIN_EXE_playbook");
    let program = format!(
        "[env.local.program.other]\npath = \"{binary}\"\nread = [[\"exec\", \"other.rhai\", \"**\"]]\naccess = \"read\"\n\
         env = {{ HOME = \"env:HOME\", PLAYBOOK_PERSON = \"env:PLAYBOOK_PERSON\" }}\n"
    );
    let project = std::fs::read_to_string(rig.path("playbook.toml")).unwrap() + "\n" + &program;
    rig.file("playbook.toml", &project).file("other.rhai", &format!("{OTHER}{others}\n"))
}

/// A playbook that changes two things, lets the other one run, and fails.
fn failing(before: &str) -> String {
    format!(
        "//! T.\n//! uses = [\"files.out:destroy\", \"flags.main:write\", \"program.other:read\"]\n\
         let out = files(\"out\");\nflags(\"main\").disable(\"auto_sync\");\n{before}\n\
         try {{ program(\"other\").read([\"exec\", \"other.rhai\"]); }} catch {{}}\nfail(\"no\");\n"
    )
}

fn only(rig: &Rig, playbook: &str) -> String {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    journal.query_row("SELECT id FROM runs WHERE playbook = ?", [playbook], |row| row.get(0)).unwrap()
}

fn text(rig: &Rig, name: &str) -> String {
    std::fs::read_to_string(rig.path(&format!("out/{name}"))).unwrap_or_default()
}

#[test]
fn what_another_run_changed_since_stays_and_the_rest_is_taken_back() {
    let rig = rig("out.put(\"one.txt\", \"other\");");
    let before = state(&rig);
    let body = "out.put(\"one.txt\", \"mine\");\nout.put(\"one.txt\", \"mine again\");\nout.put(\"two.txt\", \"2\");";
    let rig = rig.file("t.rhai", &failing(body));
    let seen = rig.run(&["exec", "t.rhai"]).expect(6);
    let (own, other) = (only(&rig, "t.rhai"), only(&rig, "other.rhai"));
    let seen = seen
        .says(&format!("another run changed it since: {other} of other.rhai"))
        .says("what that run did with `files.out.put` would be lost")
        .says(&format!("playbook rollback {other}"))
        .says(&format!("playbook rollback {own} --force files.out"));
    seen.says("NOT taken back, because it was changed since:")
        .hides("is still there")
        .hides("try the rest again");
    assert_eq!((text(&rig, "one.txt").as_str(), text(&rig, "two.txt").as_str()), ("other", ""));
    assert!(flag(&rig, "auto_sync"));
    let seen = rig.run(&["rollback", &own]).expect(8).says(&format!(", by the run {other} of other.rhai"));
    seen.says(&format!("take that run back first, `playbook rollback {other}`")).says("--force files.out");
    // As it says: that run first, and then this one.
    rig.run(&["rollback", &other]).expect(0);
    assert_eq!(text(&rig, "one.txt"), "mine again");
    rig.run(&["rollback", &own]).expect(0);
    assert_eq!(state(&rig), before);
    rig.run(&["verify"]).expect(0);
}

#[test]
fn who_insists_loses_what_the_other_run_did() {
    let rig = rig("out.delete(\"one.txt\");");
    let rig = rig.file("out/one.txt", "before").file("t.rhai", &failing("out.put(\"one.txt\", \"mine\");"));
    rig.run(&["exec", "t.rhai"]).expect(6).says("with `files.out.delete` would be lost");
    assert!(!rig.path("out/one.txt").exists());
    let own = only(&rig, "t.rhai");
    rig.run(&["rollback", &own]).expect(8).says("somebody changed since");
    rig.run(&["rollback", &own, "--force", "files.out"]).expect(0);
    assert_eq!(text(&rig, "one.txt"), "before");
}

#[test]
fn what_the_other_run_did_elsewhere_or_took_back_hinders_nobody() {
    for others in [
        "out.put(\"three.txt\", \"3\");",
        "out.copy(\"old.txt\", \"three.txt\");",
        "out.put(\"one.txt\", \"other\"); fail(\"it too\");",
    ] {
        let rig = rig(others).file("t.rhai", &failing("out.put(\"one.txt\", \"mine\");"));
        rig.run(&["exec", "t.rhai"]).expect(1).says("taken back").hides("another run changed it");
        assert_eq!(text(&rig, "one.txt"), "", "{others}");
        assert!(flag(&rig, "auto_sync"));
    }
}

#[test]
fn what_the_other_run_did_before_hinders_nobody() {
    let rig = rig("out.put(\"one.txt\", \"other\");");
    let script = "//! T.\n//! uses = [\"files.out:write\", \"program.other:read\"]\nprogram(\"other\").read([\"exec\", \"other.rhai\"]);\n\
         files(\"out\").put(\"one.txt\", \"mine\");\nfail(\"no\");\n";
    rig.file("t.rhai", script).run(&["exec", "t.rhai"]).expect(1);
}

#[test]
fn in_a_step_with_a_block_it_stays_too() {
    let rig = rig("out.put(\"one.txt\", \"other\");");
    let body =
        "step \"One\" { out.put(\"one.txt\", \"mine\"); } rollback { out.put(\"told.txt\", \"it ran\"); }";
    let rig = rig.file("t.rhai", &failing(body));
    rig.run(&["exec", "t.rhai"]).expect(6).says("another run changed it since");
    assert_eq!((text(&rig, "one.txt").as_str(), text(&rig, "told.txt").as_str()), ("other", "it ran"));
}

const MIGRATE: &str = "let key = `before-${run.id}.db`;\nstep \"Migrate\" { db.dump_to(out, key); ALSO db.execute(\"DELETE FROM feature_flags\"); }\n    \
    rollback { log(\"the block ran\"); db.restore_from(out, key); }\n";

/// A project in which the other playbook writes a flag, or nothing, into the database.
fn writing(write: &str, script: &str) -> Rig {
    let rig = rig("");
    let project = std::fs::read_to_string(rig.path("playbook.toml")).unwrap();
    let project = project.replace("data.db\"\naccess = \"write\"", "data.db\"\naccess = \"destroy\"");
    let other = format!(
        "//! O.\n//! uses = [\"sqlite.main:write\"]\nif \"{write}\" != \"\" {{ sqlite(\"main\").execute(\"{write}\", [], #{{ stays: true }}); }}\n"
    );
    let script = format!(
        "//! T.\n//! uses = [\"files.out:write\", \"sqlite.main:destroy\", \"program.other:read\"]\nlet db = sqlite(\"main\");\n\
         let out = files(\"out\");\nlet other = program(\"other\");\n{script}\nfail(\"no\");\n"
    );
    rig.file("playbook.toml", &project).file("other.rhai", &other).file("t.rhai", &script)
}

const WRITE: &str = "INSERT INTO feature_flags VALUES ('new', 1)";
const LET_IT: &str = "other.read([\"exec\", \"other.rhai\"]);";

fn flags(rig: &Rig) -> Vec<String> {
    let database = rusqlite::Connection::open(rig.path("data.db")).unwrap();
    let mut statement = database.prepare("SELECT name FROM feature_flags ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_database_is_not_put_back_as_a_whole_over_what_another_run_wrote_into_it() {
    let restore = "db.dump_to(out, \"a.db\");\ndb.restore_from(out, \"a.db\", #{ undo: \"a.db\" });\n";
    let script = format!("{restore}{LET_IT}");
    let rig = writing(WRITE, &script);
    rig.run(&["exec", "t.rhai"]).expect(6).says("another run changed it since");
    assert_eq!(flags(&rig), ["auto_sync", "beta", "new"]);
    let rig = writing("", &script);
    rig.run(&["exec", "t.rhai"]).expect(1);
    assert_eq!(flags(&rig), ["auto_sync", "beta"]);
}

#[test]
fn nor_is_it_by_the_block_of_a_step() {
    let rig = writing(WRITE, &format!("{}{LET_IT}", MIGRATE.replace("ALSO", "")));
    let seen = rig.run(&["exec", "t.rhai"]).expect(6).says("the block ran");
    seen.says("another run changed it since").says("would be lost").says("--force sqlite.main");
    assert_eq!(flags(&rig), ["new"]);
    let (own, other) = (only(&rig, "t.rhai"), only(&rig, "other.rhai"));
    rig.run(&["rollback", &own]).expect(8).says(&other);
    rig.run(&["rollback", &own, "--force", "sqlite.main"]).expect(0);
    assert_eq!(flags(&rig), ["auto_sync", "beta"]);
}

#[test]
fn what_the_other_run_wrote_before_that_state_was_kept_is_not_lost_by_it() {
    let rig = writing(WRITE, &format!("{LET_IT}{}", MIGRATE.replace("ALSO", "")));
    rig.run(&["exec", "t.rhai"]).expect(1).says("taken back").hides("another run changed it");
    assert_eq!(flags(&rig), ["auto_sync", "beta", "new"]);
    // While the step goes on it is lost as well as behind it.
    let rig = writing(WRITE, &MIGRATE.replace("ALSO", LET_IT));
    rig.run(&["exec", "t.rhai"]).expect(6).says("another run changed it since");
    assert_eq!(flags(&rig), Vec::<String>::new());
}

#[test]
fn at_the_prompt_undo_spares_it_too() {
    let rig = rig("out.put(\"a.txt\", \"other\");");
    let lines = "files(\"out\").put(\"a.txt\", \"mine\");\nprogram(\"other\").read([\"exec\", \"other.rhai\"]);\n:undo\n";
    piped(&rig, &[], lines).says("another run changed it since");
    assert_eq!(text(&rig, "a.txt"), "other");
}

#[test]
fn who_begins_beside_another_run_that_may_change_the_same_is_told_of_it() {
    let other = |uses: &str| format!("//! O.\n//! uses = [{uses}]\nlog(\"here\");\n");
    let told = |uses: &str| {
        let rig = rig("").file("other.rhai", &other(uses)).file("t.rhai", &failing(""));
        rig.run(&["exec", "t.rhai"]).expect(1);
        let seen = rig.run(&["show", &only(&rig, "other.rhai")]).expect(0).says("here");
        (only(&rig, "t.rhai"), seen)
    };
    let (own, seen) = told("\"flags.main:write\", \"files.out:write\"");
    seen.says(&format!(
        "warning: run {own} of t.rhai, begun by tester@rig, goes on, and may change `flags.main` too"
    ))
    .says("the same `lock = \"…\"` in both headers would keep them apart");
    // To look is no change, and two runs may well add to one store.
    told("\"flags.main:read\", \"files.out:write\"").1.hides("warning");
}

#[test]
fn who_begins_beside_a_run_that_waits_is_told_of_it() {
    let text = "//! W.\n//! uses = [\"flags.main:write\"]\nwait(\"1h\");\n";
    let rig = rig("").file("t.rhai", text).file("other.rhai", &text.replace("wait(\"1h\")", "log(\"here\")"));
    rig.run(&["exec", "t.rhai", "--detach=1s"]).expect(10);
    rig.run(&["exec", "other.rhai"])
        .expect(0)
        .says("waits, and goes on later, and may change `flags.main` too");
    rig.run(&["exec", "other.rhai"]).expect(0);
    rig.run(&["rollback", &only(&rig, "t.rhai")]).says("nothing");
    rig.run(&["verify"]).expect(0);
}
