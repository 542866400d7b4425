//! What a run says when little is wanted, when a machine reads, and when a notice reached nobody.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::rig::seat::Seat;
use crate::rig::seen::normalise;

const SETTINGS: &str = "[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n\
    [env.local.chat.team]\nkind = \"slack\"\nwebhook = \"env:HOOK\"\naccess = \"write\"\n";
const HEADER: &str = "//! Deploy.\n//!\n//! uses = [\"files.store:write\", \"chat.team:write\"]\nlet store = files(\"store\");\n";

fn project(rest: &str) -> Rig {
    Rig::new(SETTINGS)
        .file("test.rhai", &format!("{HEADER}{rest}"))
        .variable("HOOK", "http://127.0.0.1:1/services/x")
}

/// The last event that a machine gets of a run.
fn end(rig: &Rig, arguments: &[&str], code: i32) -> Value {
    let seen = rig.run(&[arguments, &["--output", "json"]].concat()).expect(code);
    serde_json::from_str(seen.stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn a_quiet_run_says_how_it_ended_and_what_went_wrong() {
    let rig =
        project("step \"Put\" { store.put(\"key\", \"x\"); check \"sum\", 1 + 1 == 2; log(\"said\"); }");
    let seen = rig.run(&["exec", "test.rhai", "--quiet"]).expect(0);
    insta::assert_snapshot!(normalise(&seen.all()), @"Deploy  ✔ done in [took]");
    let rig = project("step \"Put\" { store.put(\"key\", \"x\"); check \"sum\", 1 + 1 == 3; }");
    let seen = rig.run(&["exec", "test.rhai", "-q"]).expect(1);
    insta::assert_snapshot!(normalise(&seen.all()), @r#"
    Deploy  ↩ failed, taken back in [took]

    ✘ check “sum” does not hold
      --> test.rhai:5:43
      |
    5 | step "Put" { store.put("key", "x"); check "sum", 1 + 1 == 3; }
      |                                           ^
      why: it is 2, and should be == 3

    taken back:
      ↩ write 1 B to `key`  [took]  by delete `key`

    run [run] in local by tester@rig · playbook show [run]
    "#);
    rig.run(&["exec", "none.rhai", "-q"]).expect(2).says("there is no playbook none.rhai");
    rig.run(&["exec", "test.rhai", "-q", "--output", "json"]).expect(2).says("do not go together");
    rig.run(&["runs", "-q"]).expect(2).says("`--quiet` is for what runs");
}

#[test]
fn the_last_event_of_a_run_tells_a_machine_how_to_go_on() {
    let rig = project("store.put(\"a\", \"x\"); store.put(\"b\", \"x\"); fail(\"now\");");
    let told = end(&rig, &["exec", "test.rhai"], 1);
    assert_eq!((&told["event"], &told["outcome"]), (&json!("run_ended"), &json!("taken_back")), "{told}");
    assert_eq!((&told["exit"], &told["state"]), (&json!(1), &json!("ended")), "{told}");
    assert_eq!((&told["taken_back"], &told["not_taken_back"]), (&json!(2), &json!(0)), "{told}");
    rig.run(&["show", told["run"].as_str().unwrap()]).expect(0).says("now");
    assert!(end(&rig, &["plan", "test.rhai"], 1).get("run").is_none());
    let rig = project("store.put(\"a\", \"x\"); wait(\"1h\");");
    let told = end(&rig, &["exec", "test.rhai", "--detach"], 10);
    assert_eq!((&told["event"], &told["exit"]), (&json!("suspended"), &json!(10)), "{told}");
    assert_eq!(&told["state"], &json!("waiting"), "{told}");
    let run = told["run"].as_str().unwrap().to_owned();
    let told = end(&rig, &["rollback", &run], 0);
    assert_eq!((&told["taken_back"], &told["exit"]), (&json!(1), &json!(0)), "{told}");
}

#[test]
fn a_notice_that_reached_nobody_is_counted() {
    let rig = project("step \"Tell\" { chat(\"team\").post(\"hello\"); }");
    let seen = rig.run(&["exec", "test.rhai"]).expect(0);
    insta::assert_snapshot!(normalise(&seen.stdout), @"
    Deploy  ✔ done in [took]

    ✔ Tell  [took]

    1 notice could not be sent
    run [run] in local by tester@rig · playbook show [run]
    ");
    rig.run(&["exec", "test.rhai", "-q"]).expect(0).says("1 notice could not be sent");
    let told = end(&rig, &["exec", "test.rhai"], 0);
    assert_eq!((&told["not_sent"], &told["outcome"]), (&json!(1), &json!("done")), "{told}");
    let rig = project("for i in 0..3 { chat(\"team\").post(\"hello\"); }");
    rig.run(&["exec", "test.rhai"]).expect(0).says("3 notices could not be sent");
}

#[test]
fn the_table_of_runs_fits_a_narrow_terminal() {
    let rig = project("log(1);").file("a-playbook-with-quite-a-long-name.rhai", "//! L.\nlog(1);");
    rig.run(&["exec", "test.rhai"]).expect(0);
    rig.run(&["exec", "a-playbook-with-quite-a-long-name.rhai"]).expect(0);
    let table = |columns: u16| {
        let seat = Seat::sized(&rig, &["runs"], columns);
        seat.shows("run  ").shows("test.rhai");
        assert_eq!(seat.screen().trim_end().lines().count(), 3, "{columns}:\n{}", seat.screen());
        normalise(&seat.screen())
    };
    insta::assert_snapshot!(table(45), @"
    run                   playbook        outcome
    [run]  a-playbook-wi…  done
    [run]  test.rhai       done
    ");
    let (common, wide) = (table(80), table(110));
    assert!(
        common.contains("environment") && common.contains("took") && !common.contains("person"),
        "{common}"
    );
    assert!(wide.contains("person") && wide.contains("a-playbook-with-qui…"), "{wide}");
}

#[test]
fn a_machine_reads_a_mistaken_command_line_as_json_too() {
    let rig = project("");
    let told = |arguments: &[&str]| -> Value {
        let seen = rig.run(arguments).expect(2);
        assert_eq!(seen.stderr, "", "{arguments:?}");
        serde_json::from_str(&seen.stdout).unwrap()
    };
    let told_of_option = told(&["exec", "test.rhai", "--quite", "--output", "json"]);
    assert_eq!((&told_of_option["event"], &told_of_option["exit"]), (&json!("error"), &json!(2)));
    assert_eq!(told_of_option["error"]["what"], json!("there is no option `--quite`"));
    assert_eq!(
        told(&["--output=json", "exce", "test.rhai"])["error"]["what"],
        json!("there is no command `exce`")
    );
    // What the parser says itself.
    let twice = told(&["exec", "test.rhai", "--output", "json", "--project", "a", "--project", "b"]);
    assert!(twice["error"]["what"].as_str().unwrap().contains("--project"), "{twice}");
    rig.run(&["exec", "--help", "--output", "json"]).expect(0).says("Usage");
}

#[test]
fn who_wants_to_be_told_more_is_told_how() {
    let rig = project("");
    for word in ["-v", "--verbose"] {
        rig.run(&["exec", "test.rhai", word])
            .expect(2)
            .says(&format!("there is no option `{word}`"))
            .says("`--log debug`");
    }
}
