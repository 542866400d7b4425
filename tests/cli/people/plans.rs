//! Saved plans: a run is held to one, what moved is named, and how right it was is kept.

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.local.files.in]\npath = \"in\"\n[env.other]\n";

const DEPLOY: &str = r#"//! Copy.
//!
//! params = { name = "string" }
//! uses = ["files.in:read", "files.out:write"]
import "parts" as parts;
let text = files("in").get("source.txt");
step "Copy" {
    files("out").put(params.name, text);
    parts::more(files("out"));
}
"#;

fn rig() -> Rig {
    Rig::new(SETTINGS)
        .file("deploy.rhai", DEPLOY)
        .file("parts.rhai", "fn more(out) { out.put(\"more.txt\", \"1\"); }\n")
        .file("in/source.txt", "one")
}

fn saved() -> Rig {
    let rig = rig();
    rig.run(&["plan", "deploy.rhai", "--set", "name=a.txt", "--save", "plan.json"])
        .expect(0)
        .says("2 changes")
        .says("saved as plan.json · ")
        .says("playbook exec --plan plan.json");
    assert!(!rig.path("out/a.txt").exists());
    rig
}

#[test]
fn a_run_that_is_held_to_a_plan_says_how_right_it_was() {
    let rig = saved();
    rig.run(&["exec", "--plan", "plan.json"]).expect(0).says("2 of 2 changes as planned");
    assert_eq!(std::fs::read_to_string(rig.path("out/a.txt")).unwrap(), "one");
    rig.run(&["show"]).expect(0).says("2 of 2 changes as planned");
    rig.run(&["exec", "--plan", "plan.json"])
        .expect(0)
        .says("over 2 runs this playbook's plans were 100 % right");
    let seen = rig.run(&["exec", "--plan", "plan.json", "--output", "json"]).expect(0);
    seen.says("\"event\":\"plan_compared\"").says("\"accuracy\":1.0").says("\"runs\":3");
    rig.run(&["verify"]).expect(0);
    rig.run(&["plan", "deploy.rhai", "--set", "name=a.txt", "--save", "p.json", "--output", "json"])
        .expect(0)
        .says("\"event\":\"plan_saved\"");
}

#[test]
fn what_moved_since_is_named_and_nothing_is_run() {
    let refused = |change: &dyn Fn(&Rig), says: &str| {
        let rig = saved();
        change(&rig);
        rig.run(&["exec", "--plan", "plan.json"]).expect(8).says("does not hold any more").says(says);
        assert!(!rig.path("out/a.txt").exists());
        rig.run(&["runs"]).expect(0).says("no runs yet");
    };
    let write =
        |name: &'static str, text: String| move |rig: &Rig| std::fs::write(rig.path(name), &text).unwrap();
    refused(
        &write("in/source.txt", "two".to_owned()),
        "`files.in.get` (read `source.txt`): was “one”, is “two”",
    );
    refused(&write("deploy.rhai", format!("{DEPLOY}\nlog(1);\n")), "the script deploy.rhai was edited");
    refused(&write("parts.rhai", "fn more(out) {}\n".to_owned()), "the script parts was edited");
    let settings = SETTINGS.replace("path = \"out\"", "path = \"elsewhere\"");
    refused(&write("playbook.toml", settings), "[env.local.files.out] of playbook.toml was edited");
    refused(&|rig| std::fs::remove_file(rig.path("in/source.txt")).unwrap(), "planning it again fails");
}

#[test]
fn a_plan_that_is_none_or_was_edited_is_refused() {
    let rig = saved();
    rig.run(&["exec", "--plan", "none.json"]).expect(2).says("there is no plan none.json");
    rig.run(&["exec", "--plan", "deploy.rhai"]).expect(2).says("is no saved plan");
    rig.run(&["exec", "--plan", "plan.json", "--env", "other"])
        .expect(2)
        .says("the plan is for `local`, and not for `other`");
    rig.run(&["exec", "--plan", "plan.json", "--set", "name=b.txt"]).expect(2);
    rig.run(&["exec"]).expect(2);
    let text = std::fs::read_to_string(rig.path("plan.json")).unwrap();
    std::fs::write(rig.path("plan.json"), text.replace("a.txt", "b.txt")).unwrap();
    rig.run(&["exec", "--plan", "plan.json"]).expect(7).says("was changed since it was saved");
    // A plan that fails is not kept.
    std::fs::remove_file(rig.path("in/source.txt")).unwrap();
    rig.run(&["plan", "deploy.rhai", "--set", "name=a.txt", "--save", "broken.json"]).hides("saved as");
    assert!(!rig.path("broken.json").exists());
}

#[test]
fn what_differs_by_itself_is_not_held_to() {
    let now = "//! Now.\n//!\n//! uses = [\"program.date:read\", \"files.out:write\"]\n\
        let now = program(\"date\").read([\"+%N\"]);\nfiles(\"out\").put(\"x\", \"1\");\n";
    let settings = format!("{SETTINGS}[env.local.program.date]\nread = [[\"+%N\"]]\n");
    let rig = Rig::new(&settings).file("now.rhai", now);
    rig.run(&["plan", "now.rhai", "--save", "plan.json"]).expect(0);
    let kept = std::fs::read_to_string(rig.path("plan.json")).unwrap();
    assert!(kept.contains("unsteady") && kept.contains("/stdout"), "{kept}");
    rig.run(&["exec", "--plan", "plan.json"]).expect(0).says("1 of 1 changes as planned");
}
