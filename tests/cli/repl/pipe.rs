//! Lines out of a pipe: values on standard output, no prompt, the exit code of the first error.

use super::{flag, piped, rig};

#[test]
fn values_come_out_and_variables_functions_and_imports_stay() {
    let rig = rig();
    let seen = piped(
        &rig,
        &[],
        "let db = sqlite(\"main\");\nfn twice(x) {\n  x * 2\n}\nlet add = |a| a + 1;\ntwice(21)\nadd.call(4)\n\
         import \"std/health\" as health;\ndb.query(\"SELECT name, enabled FROM feature_flags ORDER BY name\")\n`n = ${twice(4)}`\n",
    )
    .expect(0);
    insta::assert_snapshot!(seen.stdout, @"
    42
    5
    ┌─────────┬───────────┐
    │ enabled ┆ name      │
    ╞═════════╪═══════════╡
    │ 1       ┆ auto_sync │
    │ 0       ┆ beta      │
    └─────────┴───────────┘
    2 rows
    n = 8
    ");
    assert!(!seen.stdout.contains("local>") && !seen.all().contains('\u{1b}'), "noise:\n{seen}");
    let seen = rig.run(&["show"]).expect(0);
    seen.says("(repl)").says("twice(21)").says("SELECT name, enabled");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn the_first_error_ends_it_with_its_code() {
    let rig = rig();
    let seen = piped(&rig, &[], "1 + 1\nfiles(\"out\").get(\"nothing.txt\")\nlog(\"never\")\n").expect(1);
    assert_eq!(seen.stdout, "2\n");
    seen.says("error: ").says("nothing.txt").says("line 2:1").hides("never");
    piped(&rig, &[], "let x = ;\n").expect(2).says("syntax");
    piped(&rig, &[], "postgres(\"main\")\n").expect(3).says("no resource of the environment `local`");
    piped(&rig, &[], ":sav x\n").expect(2).says("did you mean `:save`");
}

#[test]
fn undo_takes_back_the_last_effect_and_then_the_one_before() {
    let rig = rig();
    let seen = piped(
        &rig,
        &[],
        "flags(\"main\").disable(\"auto_sync\");\nfiles(\"out\").put(\"a.txt\", \"1\");\n:undo\n:standing\n",
    )
    .expect(0);
    seen.says("taken back: ").says("1 change stands").says("playbook rollback ");
    assert!(!rig.path("out/a.txt").exists() && !flag(&rig, "auto_sync"));
    // What stands is taken back later like any other run.
    rig.run(&["rollback", "last"]).expect(0);
    assert!(flag(&rig, "auto_sync"));
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_step_with_its_rollback_is_undone_as_one() {
    let rig = rig();
    let line = "step \"Both\" {\n  flags(\"main\").disable(\"auto_sync\");\n  files(\"out\").put(\"a.txt\", \"1\");\n} rollback {\n  files(\"out\").put(\"undone.txt\", \"yes\");\n}\n";
    piped(&rig, &[], &format!("{line}:undo\n:undo\n")).expect(0).says("nothing to take back");
    assert!(
        flag(&rig, "auto_sync") && rig.path("out/undone.txt").exists() && !rig.path("out/a.txt").exists()
    );
}

#[test]
fn a_rollback_later_refuses_what_somebody_changed_since() {
    let rig = rig();
    piped(&rig, &[], "files(\"out\").put(\"a.txt\", \"mine\");\n").expect(0);
    std::fs::write(rig.path("out/a.txt"), "another's").unwrap();
    rig.run(&["rollback", "last"]).expect(8).says("changed");
    assert_eq!(std::fs::read_to_string(rig.path("out/a.txt")).unwrap(), "another's");
}

#[test]
fn a_plan_has_no_effect() {
    let rig = rig();
    let seen =
        piped(&rig, &[], "let f = flags(\"main\");\n:plan f.disable(\"auto_sync\")\n:plan 1 + 1\n").expect(0);
    seen.says("◇").says("auto_sync").says("it would do nothing");
    let seen = piped(&rig, &[], ":plan on\n1 + 1\nflags(\"main\").disable(\"auto_sync\");\n").expect(3);
    seen.says("2\n").says("is planned, and not done");
    assert!(flag(&rig, "auto_sync"));
}

#[test]
fn a_guarded_environment_changes_nothing_without_a_person() {
    let rig = rig();
    let seen = piped(
        &rig,
        &["--env", "production"],
        "flags(\"main\").get(\"beta\")\nflags(\"main\").enable(\"beta\");\n",
    );
    seen.expect(3).says("guarded environment `production`").says("nobody is at the terminal");
    assert!(!flag(&rig, "beta"));
}

#[test]
fn what_was_done_is_saved_as_a_playbook_without_the_dead_ends() {
    let rig = rig();
    let seen = piped(
        &rig,
        &[],
        "let out = files(\"out\");\nlet unused = out.list(\"\");\nlet name = \"report\";\nout.list(\"\")\n\
         try { out.get(\"nope\"); } catch(e) { log(e.what); }\nout.put(`${name}.txt`, \"it\");\nout.put(\"wrong.txt\", \"x\");\n:undo\n\
         flags(\"main\").enable(\"beta\");\ncheck \"it is there\", out.get(\"report.txt\") == \"it\";\n:save incident.rhai\n:timeline incident.md\n",
    )
    .expect(0);
    seen.says("saved incident.rhai");
    let saved = crate::rig::seen::normalise(&std::fs::read_to_string(rig.path("incident.rhai")).unwrap());
    let saved =
        regex_lite::Regex::new(r"\d{4}-\d{2}-\d{2}").unwrap().replace_all(&saved, "[date]").into_owned();
    insta::assert_snapshot!(saved, @r#"
    //! What was done by hand in local on [date].
    //!
    //! Typed by tester@rig in the run [run].
    //!
    //! uses = ["files.out:write", "flags.main:write"]

    let out = files("out");
    let name = "report";

    step "write 2 B to `report.txt`" {
        out.put(`${name}.txt`, "it");
    }

    step "turn the flag `beta` on" {
        flags("main").enable("beta");
    }
    check "it is there", out.get("report.txt") == "it";
    "#);
    rig.run(&["check", "incident.rhai"]).expect(0);
    piped(&rig, &[], "flags(\"main\").disable(\"beta\");\n").expect(0);
    std::fs::remove_file(rig.path("out/report.txt")).unwrap();
    rig.run(&["exec", "incident.rhai"]).expect(0);
    assert!(flag(&rig, "beta") && rig.path("out/report.txt").exists());
    let timeline = std::fs::read_to_string(rig.path("incident.md")).unwrap();
    for part in [
        "tester@rig began",
        "typed `out.put(\"wrong.txt\", \"x\");`",
        "↩ ",
        "taken back",
        "check “it is there”",
    ] {
        assert!(timeline.contains(part), "no `{part}` in\n{timeline}");
    }
}

#[test]
fn machines_get_values_as_json() {
    let rig = rig();
    let seen = piped(&rig, &["--output", "json"], "flags(\"main\").list()\n").expect(0);
    let value = seen.stdout.lines().find(|line| line.contains("\"event\":\"value\"")).unwrap();
    assert!(value.contains("auto_sync"), "{seen}");
}

#[test]
fn the_manual_is_at_hand() {
    let rig = rig();
    piped(&rig, &[], "let out = files(\"out\");\n?out.put\n")
        .expect(0)
        .says("files.put(")
        .says("for example")
        .says("required");
    piped(&rig, &[], "?files\n?step\n?\n").expect(0).says("files(\"out\")").says(":save");
    piped(&rig, &[], "?files.putt\n").expect(2).says("did you mean `put`");
}
