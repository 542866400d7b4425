//! `playbook test`: answers in place of systems, runs in a copy of the project, and a crash at every record.

use crate::rig::Rig;

const SETTINGS: &str = "[env.test.files.out]\npath = \"out\"\naccess = \"write\"\n[env.test.http.api]\nurl = \"http://127.0.0.1:1\"\naccess = \"write\"\n";

const SCRIPT: &str = "//! T.\n//! uses = [\"files.out:write\", \"http.api:write\"]\n//! [params]\n//! name = { type = \"string\", default = \"a\" }\n\
    let api = http(\"api\");\nlet out = files(\"out\");\nlet states = [];\n\
    step \"Ask\" { for n in 0..2 { states.push(api.get(\"/state\").body); } }\n\
    step \"Write\" { out.put(`${params.name}.txt`, `${states}`); }\n\
    step \"Tell\" { api.post(\"/done\", #{ json: #{ state: states[0] }, on_doubt: \"retry\" }); }\n";

fn rig(test: &str) -> Rig {
    Rig::new(SETTINGS).file("t.rhai", SCRIPT).file("tests/t.test.rhai", test)
}

const GOOD: &str = "//! It goes well.\nmock(\"http.api.get\", \"/state\").answers_each([#{ body: \"one\" }, #{ body: \"two\" }]);\nmock(\"http.api.post\").answers(#{ status: 200 });\n\
    let run = exec(\"t.rhai\", #{ set: #{ name: \"b\" } });\ncheck \"it is done\", run.outcome == \"done\";\n\
    check \"both were asked\", read(\"out/b.txt\") == `[\"one\", \"two\"]`;\ncheck \"it told\", run.calls.contains(\"http.api.post\");\n";

#[test]
fn a_playbook_runs_in_a_copy_with_answers_in_place_of_systems() {
    let rig = rig(GOOD);
    rig.run(&["test"])
        .expect(0)
        .says("✔ tests/t.test.rhai")
        .says("It goes well")
        .says("✔ both were asked")
        .says("all 1 test passed");
    assert!(!rig.path("out").exists() && !rig.path(".playbook").exists(), "the project was touched");
}

#[test]
fn what_does_not_hold_fails_and_says_why() {
    let rig = rig(
        "//! It fails.\nmock(\"http.api.get\").fails(\"the other side is down\");\nlet run = exec(\"t.rhai\");\n\
        check \"it is done\", run.outcome == \"done\";\ncheck \"it says so\", run.error.contains(\"http.api.get\");\n",
    );
    rig.run(&["test"]).expect(1).says("✘ it is done").says("✔ it says so").says("1 of 1 test failed");
    let rig = rig.file("tests/t.test.rhai", "//! Nothing.\nlet x = 1;\n");
    rig.run(&["test"]).expect(1).says("it checks nothing");
    let rig =
        rig.file("tests/t.test.rhai", "check \"a\", exec(\"none.rhai\").outcome == \"done\";\nlet y = ;\n");
    rig.run(&["test"]).expect(1).says("line 2");
    let rig = rig.file("tests/t.test.rhai", "check \"a\", exec(\"none.rhai\").outcome == \"done\";\n");
    rig.run(&["test"]).expect(1).says("did not begin").says("there is no playbook");
    std::fs::remove_file(rig.path("tests/t.test.rhai")).unwrap();
    rig.run(&["test"]).expect(2).says("there is no test");
}

#[test]
fn killed_at_every_record_it_ends_the_same() {
    let rig = rig(GOOD);
    let seen = rig.run(&["test", "--crash-everywhere"]).expect(0).says("ends the same wherever it is killed");
    let moments =
        seen.stdout.split(" moments").next().unwrap().rsplit(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(moments > 20, "{seen}");
}

#[test]
fn a_playbook_that_does_not_survive_a_crash_is_found() {
    // What it writes depends on how often the world was asked, which no record gives back.
    let rig = Rig::new("[env.test.files.out]\npath = \"out\"\naccess = \"write\"\n[env.test.program.count]\npath = \"bin/count.sh\"\nread = [[]]\nwrite = [[\"more\"]]\naccess = \"write\"\n")
        .file("bin/count.sh", "#!/bin/sh\necho x >> out/count\n")
        .file("out/count", "")
        .file("t.rhai", "//! T.\n//! uses = [\"files.out:write\", \"program.count:read\"]\nprogram(\"count\").read([]);\nfiles(\"out\").put(\"a\", \"b\");\n")
        .file("t.test.rhai", "let run = exec(\"t.rhai\");\ncheck \"done\", run.outcome == \"done\";\n");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(rig.path("bin/count.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    rig.run(&["test"]).expect(0);
    rig.run(&["test", "--crash-everywhere"])
        .expect(1)
        .says("✘ t.rhai ends the same")
        .says("out/count has another content");
}

#[test]
fn a_recorded_run_answers_in_place_of_systems() {
    let rig = rig(GOOD);
    // A run against the real thing is recorded first: here the folder stands for it.
    let rig = rig.file("r.rhai", "//! R.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\nlet text = out.get(\"in.txt\");\nout.put(\"copy.txt\", text);\n").file("out/in.txt", "real");
    rig.run(&["exec", "r.rhai", "--env", "test"]).expect(0);
    let shown = rig.run(&["show", "--output", "json"]).expect(0).stdout;
    let rig = rig.file("tests/good.json", &shown);
    std::fs::remove_dir_all(rig.path("out")).unwrap();
    let rig = rig.file("tests/t.test.rhai", "recorded(\"tests/good.json\");\nlet run = exec(\"r.rhai\");\ncheck \"it is done\", run.outcome == \"done\";\ncheck \"nothing real was touched\", !exists(\"out/copy.txt\");\n");
    rig.run(&["test"]).expect(0);
}
