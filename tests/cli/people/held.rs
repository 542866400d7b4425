//! A run that is held to its plan makes no change that is not in it: it stops before that and takes back what it did.

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"\n[env.local.files.in]\npath = \"in\"\n\
    [env.local.program.touch]\naccess = \"write\"\nwrite = [[\"in/new\"]]\n";
const HEADER: &str = "//! Deploy.\n//!\n//! uses = [\"files.in:read\", \"files.out:destroy\", \"program.touch:write\"]\n\
    let out = files(\"out\");\nlet is_new = || files(\"in\").list(\"\").len() > 1;\n";

/// A playbook with this body, planned: in the plan there is no file `new`, and in the run there is.
fn planned(body: &str) -> Rig {
    let rig = Rig::new(SETTINGS)
        .file("deploy.rhai", &format!("{HEADER}{body}"))
        .file("in/x", "1")
        .file("out/kept", "kept");
    rig.run(&["plan", "deploy.rhai", "--save", "plan.json"]).expect(0);
    rig
}

const NEW: &str = "step \"First\" { out.put(\"first\", \"1\"); }\nprogram(\"touch\").run([\"in/new\"], #{ stays: true });\n";

#[test]
fn a_change_that_is_not_planned_is_not_made_and_cannot_be_caught() {
    let rig =
        planned(&format!("{NEW}try {{ if is_new.call() {{ out.put(\"second\", \"2\"); }} }} catch {{ }}\n"));
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(8)
        .says("`files.out.put` was not begun: it is not in the plan that the run is held to")
        .says("it would write 1 B to `second`: the run went another way than the plan")
        .says("make a new plan: `playbook plan deploy.rhai --save FILE`; where that says the same again, run it without --plan")
        .says("taken back:");
    assert!(!rig.path("out/first").exists() && !rig.path("out/second").exists());
    // Without a plan the playbook decides alone.
    rig.run(&["exec", "deploy.rhai"]).expect(0);
    assert!(rig.path("out/second").exists());
}

#[test]
fn a_change_that_is_other_than_planned_is_not_made() {
    let rig =
        planned(&format!("{NEW}out.put(\"second\", if is_new.call() {{ \"new\" }} else {{ \"old\" }});"));
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(8)
        .says("`files.out.put` was not begun: it is other than in the plan that the run is held to")
        .says("it would write 3 B to `second`, as the plan says, but with other arguments");
    assert!(!rig.path("out/first").exists() && !rig.path("out/second").exists());
}

#[test]
fn a_plan_is_held_to_by_who_goes_on_with_the_run() {
    let rig = planned(&format!("{NEW}wait(\"1s\");\nif is_new.call() {{ out.put(\"second\", \"2\"); }}"));
    rig.run(&["exec", "--plan", "plan.json", "--detach=100ms"]).expect(10);
    std::fs::remove_file(rig.path("plan.json")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    rig.run(&["tick"]).expect(8).says("is not in the plan that the run is held to");
    assert!(!rig.path("out/first").exists() && !rig.path("out/second").exists());
    rig.run(&["bundle", "last", "-o", "run.bundle"]).expect(0);
    assert!(std::fs::read_to_string(rig.path("run.bundle")).unwrap().contains("plan.json"));
    rig.run(&["verify", "run.bundle"]).expect(0);
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_playbook_that_was_edited_since_is_not_gone_on_with_unless_that_is_said() {
    let rig = planned("out.put(\"first\", \"1\");\nwait(\"1s\");\nout.put(\"second\", \"2\");\n");
    rig.run(&["exec", "--plan", "plan.json", "--detach=100ms"]).expect(10);
    let text = std::fs::read_to_string(rig.path("deploy.rhai")).unwrap();
    std::fs::write(rig.path("deploy.rhai"), text.replace("second", "third")).unwrap();
    rig.run(&["resume", "last"])
        .expect(8)
        .says("what the run was planned with was edited since, and it is held to that plan")
        .says("the script deploy.rhai was edited")
        .says("add `--accept-changes`, and the run goes on without the plan");
    rig.run(&["runs"]).expect(0).says("waiting");
    rig.run(&["resume", "last", "--accept-changes"]).expect(0).hides("as planned");
    assert!(rig.path("out/first").exists() && rig.path("out/third").exists());
    // So is what playbook.toml says.
    let rig = planned("out.put(\"first\", \"1\");\nwait(\"1s\");\nout.put(\"second\", \"2\");\n");
    rig.run(&["exec", "--plan", "plan.json", "--detach=100ms"]).expect(10);
    let rig = rig.file("playbook.toml", &SETTINGS.replace("path = \"out\"", "path = \"elsewhere\""));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    rig.run(&["tick"]).expect(8).says("[env.local.files.out] of playbook.toml was edited");
    assert!(!rig.path("elsewhere/second").exists());
}

#[test]
fn another_try_and_what_is_another_word_in_each_run_are_as_planned() {
    let rig = planned(
        "retry 3 every \"10ms\" {\n    let was = is_new.call();\n    out.put(`${run.id}.txt`, \"1\");\n    \
         out.put(`${now()}.txt`, \"2\");\n    program(\"touch\").run([\"in/new\"], #{ stays: true });\n    \
         check \"is new\", was;\n}\n",
    );
    rig.run(&["exec", "--plan", "plan.json"]).expect(0);
}

#[test]
fn another_try_takes_nothing_from_the_steps_behind_it() {
    let rig = planned(
        "step \"A\" { retry 3 every \"10ms\" {\n    let was = is_new.call();\n    out.put(\"shared\", \"1\");\n    \
         program(\"touch\").run([\"in/new\"], #{ stays: true });\n    check \"is new\", was;\n} }\n\
         step \"B\" { out.put(\"shared\", \"1\"); }\n",
    );
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(0)
        .says("3 of 3 changes as planned")
        .hides("not planned")
        .hides("not done");
}

#[test]
fn behind_the_horizon_only_what_can_be_taken_back_is_changed() {
    let known = "let kept = out.put(\"first\", \"1\");\nif kept.bytes > 0 { out.put(\"second\", \"2\"); }\n";
    let rig = planned(known);
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(0)
        .says("1 of 1 changes as planned")
        .says("not planned: write 1 B to `second`");
    let rig = planned(&format!("{known}out.delete(\"kept\");"));
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(8)
        .says("`files.out.delete` was not begun: it destroys, and lies behind the horizon of the plan")
        .says("the plan ends before it: line ")
        .says("let the plan reach it: read what is decided on at the beginning");
    assert!(rig.path("out/kept").exists() && !rig.path("out/first").exists());
}

#[test]
fn what_is_planned_once_is_made_once() {
    let twice = "out.put(\"first\", \"1\");\nprogram(\"touch\").run([\"in/new\"], #{ stays: true });\nout.put(`${now()}`, \"2\");\n";
    let again = planned(&format!("{twice}if is_new.call() {{ out.put(\"first\", \"1\"); }}"));
    again.run(&["exec", "--plan", "plan.json"]).expect(8).says("`files.out.put` was not begun");
    assert!(!again.path("out/first").exists());
    // What could be anything where it was planned is no licence for the same verb elsewhere.
    let other =
        planned(&format!("{twice}step \"More\" {{ if is_new.call() {{ out.put(\"other\", \"1\"); }} }}"));
    other.run(&["exec", "--plan", "plan.json"]).expect(8).says("it would write 1 B to `other`");
    assert!(!other.path("out/other").exists());
    // What is only read more often moves nothing.
    let read = planned(&format!(
        "{NEW}if is_new.call() {{ is_new.call(); is_new.call(); }}\nout.put(\"last\", \"1\");"
    ));
    read.run(&["exec", "--plan", "plan.json"])
        .expect(0)
        .says("3 of 3 changes as planned")
        .hides("not planned");
}

#[test]
fn a_text_that_holds_the_result_of_a_change_is_as_planned() {
    let rig = planned("let kept = out.put(\"first\", \"1\");\nout.put(\"note\", `${kept.bytes} bytes`);\n");
    rig.run(&["exec", "--plan", "plan.json"]).expect(0).says("2 of 2 changes as planned");
    assert_eq!(std::fs::read_to_string(rig.path("out/note")).unwrap(), "1 bytes");
}

#[test]
fn what_a_script_of_sql_holds_is_part_of_the_plan() {
    let settings = "[env.local.sqlite.app]\npath = \"app.db\"\ncreate = true\naccess = \"destroy\"\n";
    let script = |name: &str| {
        let options = "#{ undo: \"undo.sql\", on_doubt: \"fail\", stays: true }";
        format!("sqlite(\"app\").script(\"{name}\", {options});\n")
    };
    let text = format!(
        "//! D.\n//! uses = [\"sqlite.app:destroy\"]\n{}wait(\"8s\");\n{}",
        script("one.sql"),
        script("two.sql")
    );
    let rig = Rig::new(settings)
        .file("one.sql", "CREATE TABLE t (id INTEGER);\n")
        .file("undo.sql", "SELECT 1;\n")
        .file("two.sql", "CREATE TABLE u (id INTEGER);\n")
        .file("d.rhai", &text);
    let edit = |name: &str| std::fs::write(rig.path(name), "CREATE TABLE v (id INTEGER);\n").unwrap();
    rig.run(&["plan", "d.rhai", "--save", "plan.json"]).expect(0);
    for name in ["one.sql", "undo.sql"] {
        let before = std::fs::read(rig.path(name)).unwrap();
        edit(name);
        rig.run(&["exec", "--plan", "plan.json"])
            .expect(8)
            .says("what it takes from its files was edited: run the SQL script one.sql");
        std::fs::write(rig.path(name), before).unwrap();
    }
    // Nor may it be edited while the run goes on.
    rig.run(&["plan", "d.rhai", "--save", "plan.json"]).expect(0);
    let run =
        rig.command(&["exec", "--plan", "plan.json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    crate::rig::wait_until("the first script", 30, || rig.run(&["show", "last"]).stdout.contains("one.sql"));
    edit("two.sql");
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(8));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("takes something else from its files than the plan"), "{said}");
}

#[test]
fn a_horizon_in_one_branch_lets_the_others_be_planned() {
    let body = "parallel([\n    || { let kept = out.put(\"a\", \"1\"); if kept.bytes > 0 { out.put(\"b\", \"1\"); } },\n    \
        || { for name in [\"c\", \"d\", \"e\", \"f\"] { is_new.call(); out.put(name, \"1\"); } },\n]);\n";
    let rig = planned(body);
    let kept = std::fs::read_to_string(rig.path("plan.json")).unwrap();
    assert!(kept.contains("write 1 B to `f`") && !kept.contains("write 1 B to `b`"), "{kept}");
    rig.run(&["exec", "--plan", "plan.json"]).expect(0).says("5 of 5 changes as planned").says("to `b`");
}

#[test]
fn a_plan_takes_the_place_of_nothing_but_a_plan() {
    let rig = planned("out.put(\"first\", \"1\");\n");
    rig.run(&["plan", "deploy.rhai", "--save", "plan.json"]).expect(0);
    let before = std::fs::read_to_string(rig.path("deploy.rhai")).unwrap();
    rig.run(&["plan", "deploy.rhai", "--save", "deploy.rhai"])
        .expect(2)
        .says("deploy.rhai is there already, and is no saved plan");
    assert_eq!(std::fs::read_to_string(rig.path("deploy.rhai")).unwrap(), before);
    std::fs::write(rig.path("deploy.rhai"), format!("{before}fail(\"no\");\n")).unwrap();
    rig.run(&["plan", "deploy.rhai", "--save", "other.json"]).says("nothing was saved");
    assert!(!rig.path("other.json").exists());
}
