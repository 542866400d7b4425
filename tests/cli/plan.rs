//! `playbook plan`: reads run, writes are only told, and beyond the horizon nothing is guessed.

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.files.store]\npath = \"store\"\naccess = \"destroy\"\n";

fn plan(script: &str) -> (Rig, crate::rig::seen::Seen) {
    let header = "//! A plan.\n//!\n//! uses = [\"files.store:destroy\"]\n";
    let rig = Rig::new(SETTINGS).file("store/there", "old").file("test.rhai", &format!("{header}{script}"));
    let seen = rig.run(&["plan", "test.rhai"]);
    (rig, seen)
}

#[test]
fn reads_run_and_writes_are_only_told() {
    let (rig, seen) = plan(
        "let store = files(\"store\");\nstep \"Look\" { check \"there\", store.get(\"there\") == \"old\"; }\n\
         step \"Change\" { store.put(\"new\", \"x\"); store.delete(\"there\"); wait(\"24h\"); } rollback { fail(\"never\"); }",
    );
    seen.expect(0).says("write 1 B to `new`").says("there: old").hides("never");
    assert!(!rig.path("store/new").exists() && rig.path("store/there").exists());
    assert!(!rig.path(".playbook/journal.db").exists(), "a plan is no run");
}

#[test]
fn a_result_that_is_not_known_can_be_passed_on_but_not_decided_on() {
    let (_, seen) = plan(
        "let store = files(\"store\");\nlet made = store.put(\"new\", \"x\");\nlog(`made ${made.key}`);\n\
         store.put(made.key, \"y\");\ncheck \"size\", made.bytes > 0;\nlet half = made.bytes / 2 + 1;\n\
         if half > 3 {\n    store.delete(\"there\");\n}\n",
    );
    let seen = seen
        .expect(0)
        .says("beyond here")
        .says("test.rhai:10")
        .says("the result of `files.store.put` in line 5");
    seen.hides("delete `there`");
}

#[test]
fn every_way_to_decide_on_it_is_a_horizon() {
    for decision in [
        "if made {}",
        "while made.ok {}",
        "for x in made { log(x); }",
        "switch made.key { \"a\" => 1 }",
        "let n = #{ a: [made] }; switch n.a[0] { 1 => 2, _ => 3 }",
        "let x = made.key == \"k\";",
        "made.key.len();",
        "let y = 1 < made.bytes;",
        "let z = !made.ok;",
        "try { let z = !made.ok; } catch { }",
    ] {
        let (_, seen) = plan(&format!(
            "let made = files(\"store\").put(\"new\", \"x\");\n{decision}\nlog(\"went \" + \"on\");"
        ));
        let seen = seen.expect(0);
        assert!(seen.all().contains("beyond here"), "`{decision}`: {seen}");
        assert!(!seen.all().contains("went on"), "`{decision}` was decided");
    }
}

#[test]
fn what_is_known_is_decided_in_a_plan_too() {
    let (_, seen) = plan(
        "let n = 2;\nswitch n { 1 => log(\"one\"), 2 => log(\"two\"), _ => log(\"more\") }\nfiles(\"store\").put(\"new\", \"x\");",
    );
    seen.expect(0).says("two").hides("one").hides("more").says("write 1 B");
}

#[test]
fn a_check_that_would_fail_now_is_told_and_the_plan_goes_on() {
    let (_, seen) = plan(
        "check \"there\", files(\"store\").get(\"there\") == \"new\";\nfiles(\"store\").put(\"after\", \"x\");",
    );
    seen.expect(0).says("there").says("write 1 B to `after`");
}

#[test]
fn a_read_that_fails_only_because_of_a_planned_write_stands_in() {
    let (_, seen) = plan(
        "let store = files(\"store\");\nstore.put(\"new\", \"x\");\nlet text = store.get(\"new\");\nlog(\"reached\");",
    );
    seen.expect(0).says("reached").hides("failed");
    let (_, seen) = plan("files(\"store\").get(\"none\");");
    seen.says("none").hides("reached");
}

#[test]
fn what_a_rollback_block_takes_back_is_no_point_of_no_return() {
    let script = "let store = files(\"store\");\n\
        step \"Covered\" {\n  step \"Inner\" { store.delete(\"there\", #{ keep: false }); }\n} rollback { store.put(\"there\", \"old\"); }\n";
    let (rig, seen) = plan(script);
    seen.expect(0).says("1 change").hides("cannot be taken back").hides("point of no return");
    let told = rig.run(&["plan", "test.rhai", "--output", "json"]).expect(0);
    told.says("\"inverse\":{\"kind\":\"block\"}");
    let (_, seen) =
        plan(&format!("{script}step \"Bare\" {{ store.delete(\"there\", #{{ keep: false }}); }}\n"));
    seen.expect(0)
        .says("2 changes, 1 cannot be taken back")
        .says("point of no return: delete `there` for good");
}

#[test]
fn a_change_whose_secret_is_not_there_ends_the_plan() {
    let settings = "[env.local.http.api]\nurl = \"http://127.0.0.1:9\"\ntoken = \"env:API_TOKEN\"\naccess = \"write\"\n\
        [env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"http.api:write\", \"files.store:write\"]\nfiles(\"store\").put(\"a\", \"x\");\n\
        http(\"api\").post(\"/x\", #{ json: #{} });\n";
    let rig = Rig::new(settings).file("test.rhai", script);
    let unset = "the secret `env:API_TOKEN` of `http.api` has no value";
    rig.run(&["plan", "test.rhai"]).expect(1).says(unset).says("test.rhai:4").says("fix: export API_TOKEN");
    // Where a playbook is checked need not be where it runs.
    rig.run(&["check", "test.rhai"]).expect(0).says(&format!("warning: {unset}")).says("test.rhai:4");
    let rig = rig.variable("API_TOKEN", "sesame");
    rig.run(&["plan", "test.rhai"]).expect(0).hides("has no value");
    rig.run(&["check", "test.rhai"]).expect(0).hides("warning");
}

#[test]
fn a_plan_that_ends_before_a_secret_is_asked_for_tells_that_it_is_missing() {
    let settings = "[env.local.http.api]\nurl = \"http://127.0.0.1:9\"\ntoken = \"env:API_TOKEN\"\n\
        [env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"http.api:read\", \"files.store:write\"]\nlet made = files(\"store\").put(\"a\", \"x\");\n\
        if made.size > 1 { log(\"large\"); }\nhttp(\"api\").get(\"/\");\n";
    let rig = Rig::new(settings).file("test.rhai", script);
    let unset = "the secret `env:API_TOKEN` of `http.api` has no value";
    let told = format!("it could not be carried out now: {unset}");
    rig.run(&["plan", "test.rhai"]).expect(0).says(&told).says("1 change");
    rig.run(&["exec", "test.rhai"]).expect(2).says(unset).hides("could not be carried out");
    let rig = rig.variable("API_TOKEN", "sesame");
    rig.run(&["plan", "test.rhai"]).expect(0).hides("could not be carried out");
}

#[test]
fn what_changes_a_thing_that_the_plan_makes_first_is_not_called_final() {
    let settings = "[env.local.sqlite.main]\npath = \"main.db\"\ncreate = true\naccess = \"write\"\n\
        [env.local.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"sqlite.main:write\", \"flags.main:write\"]\n\
        sqlite(\"main\").execute(\"CREATE TABLE feature_flags (name TEXT, enabled BOOLEAN)\", #{ undo: \"DROP TABLE feature_flags\" });\n\
        flags(\"main\").enable(\"beta\");\n";
    let rig = Rig::new(settings).file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("2 changes").hides("cannot be taken back");
    let rig = rig
        .file("test.rhai", "//! T.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").enable(\"beta\");\n");
    // Nothing makes it first.
    let seen =
        rig.run(&["plan", "test.rhai"]).expect(0).says("would not begin: `sqlite.main` has no database at");
    let seen = seen.says("let a write of `sqlite.main` make it first").hides("create = true");
    seen.says("1 change, 1 would not begin as things are").hides("cannot be taken back");
}

#[test]
fn a_plan_names_what_a_logged_result_stands_for() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"files.out:write\"]\nlog(files(\"out\").put(\"a\", \"x\"));\n";
    let rig = Rig::new(settings).file("test.rhai", script);
    let seen = rig.run(&["plan", "test.rhai"]).expect(0);
    seen.says("⟨the result of `files.out.put` in line 3⟩").hides("StandIn");
}

#[test]
fn what_is_behind_a_change_is_told_as_it_is_now_and_not_judged() {
    let rig = super::resume::rig();
    let script = "//! T.\n//! uses = [\"flags.main:read\", \"files.out:read\", \"sqlite.main:write\"]\n\
        let out = files(\"out\");\ncheck \"the sync is on\", flags(\"main\").get(\"auto_sync\");\n\
        check \"it is old\", out.get(\"old.txt\") == \"new\";\n\
        sqlite(\"main\").execute(\"UPDATE feature_flags SET enabled = 0\", [], #{ stays: true });\n\
        check \"it is still old\", out.get(\"old.txt\") == \"old\";\n\
        metric \"files\", out.list().len() > 1;\n\
        check \"it is there\", out.head(\"old.txt\") != ();\n\
        check \"the sync is off\", flags(\"main\").get(\"auto_sync\") == false;\n";
    let rig = rig.file("t.rhai", script).file("out/more.txt", "more");
    let seen = rig.run(&["plan", "t.rhai"]).expect(0).says("✔ the sync is on").says("✘ it is old: old");
    seen.says("◌ it is still old: now old (== \"old\"), to be seen after the changes")
        .says("◌ files: now 2 (> 1), to be seen after the changes")
        .says("◌ the sync is off: after the changes (flags(\"main\").get(\"auto_sync\") == false)")
        .says("1 of 6 checks passed, 1 failed, 4 cannot be told before the changes")
        .says("read `old.txt`")
        .says("as it is now")
        .says("where the playbook decides by it, the run may go another way");
    let first = script.split("sqlite(\"main\")").next().unwrap();
    let rig = rig.file("first.rhai", first);
    rig.run(&["plan", "first.rhai"]).expect(0).hides("as it is now").hides("the run may go another way");
    rig.run(&["exec", "t.rhai"]).expect(1);
    let rig = rig.file("t.rhai", &script.replace("== \"new\"", "== \"old\""));
    rig.run(&["exec", "t.rhai"]).expect(0).says("all 6 checks passed");
}

#[test]
fn a_branch_on_a_flag_behind_a_change_of_its_database_is_a_horizon() {
    let script = "//! T.\n//! uses = [\"flags.main:write\", \"files.out:write\", \"sqlite.main:write\"]\n\
        CHANGE\nif READ { files(\"out\").put(\"one.txt\", \"1\"); }\n";
    let of = |change: &str, read: &str| script.replace("CHANGE", change).replace("READ", read);
    let update = "sqlite(\"main\").execute(\"UPDATE feature_flags SET enabled = 0\", [], #{ stays: true });";
    let rig = super::resume::rig().file("a.rhai", &of(update, "flags(\"main\").get(\"auto_sync\")"));
    rig.run(&["plan", "a.rhai"]).expect(0).says("the plan ends").hides("one.txt");
    // A flag is one row of its database: the rest of it is looked at, and told as it is now.
    let rig = rig.file(
        "b.rhai",
        &of("flags(\"main\").disable(\"auto_sync\");", "sqlite(\"main\").value(\"SELECT 1\") == 1"),
    );
    rig.run(&["plan", "b.rhai"]).expect(0).says("one.txt").says("as it is now");
}

#[test]
fn a_loop_that_waits_for_what_only_the_run_brings_about_is_a_horizon() {
    let text = "//! W.\n//!\n//! uses = [\"files.in:read\"]\nlet looks = 0;\n\
        while files(\"in\").list(\"\").len() < 1 { looks += 1; wait(\"1s\"); }\nlog(\"over\");\n";
    let rig = Rig::new("[env.local.files.in]\npath = \"in\"\n").file("w.rhai", text);
    std::fs::create_dir(rig.path("in")).unwrap();
    let seen = rig.run(&["plan", "w.rhai"]).expect(0);
    seen.says("it came 200 times to the same wait").says("the plan ends at w.rhai:5").hides("· over");
    // A wait that is planned as often as it is made has none.
    let rig = rig.file("f.rhai", "//! F.\nfor turn in 0..150 { wait(\"1s\"); }\nlog(\"over\");\n");
    rig.run(&["plan", "f.rhai"]).expect(0).says("over").hides("the plan ends");
}
