//! Secrets of the environment before anything asks for one: known to the redactor, and looked for before a run begins.

use std::process::Stdio;

use crate::rig::{Rig, wait_until};

const PROJECT: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n\
    [env.local.http.api]\nurl = \"http://127.0.0.1:1\"\nheaders = { authorization = \"env:API_TOKEN\" }\n\
    [env.local.http.other]\nurl = \"http://127.0.0.1:1\"\nheaders = { authorization = \"file:token.txt\" }\n";

const OUT: &str = "//! T.\n//! uses = [\"files.out:write\", \"http.api:read\"]\nlet out = files(\"out\");\n";

#[test]
fn what_a_system_shows_is_masked_before_the_secret_was_ever_asked_for() {
    let rig =
        Rig::new(PROJECT).variable("API_TOKEN", "token-Secret-9x").file("token.txt", "other-Secret-7y\n");
    let rig = rig.file("out/leak.txt", "one token-Secret-9x, one other-Secret-7y");
    let script = format!("{OUT}log(out.get(\"leak.txt\"));\nout.put(\"copy.txt\", out.get(\"leak.txt\"));\n");
    let (rig, seen) = rig.exec(&script);
    seen.expect(0).says("one [secret], one [secret]").hides("Secret-9x").hides("Secret-7y");
    rig.run(&["show", "last"]).expect(0).hides("Secret-9x").hides("Secret-7y");
    rig.run(&["plan", "test.rhai"]).expect(0).hides("Secret-9x").hides("Secret-7y");
    let copied = std::fs::read_to_string(rig.path("out/copy.txt")).unwrap();
    assert_eq!(copied, "one token-Secret-9x, one other-Secret-7y", "what is written is whole");
}

#[test]
fn a_run_that_lacks_a_secret_does_not_begin() {
    let late = format!("{OUT}out.put(\"first.txt\", \"1\");\nhttp(\"api\").get(\"/\");\n");
    let (rig, seen) = Rig::new(PROJECT).exec(&late);
    seen.expect(2)
        .says("the secret `env:API_TOKEN` of `http.api` has no value")
        .says("export API_TOKEN before running playbook")
        .says("test.rhai:5");
    assert!(!rig.path("out/first.txt").exists() && !rig.path(".playbook/journal.db").exists());
    // One that is declared and not touched is nobody's business.
    let (_, seen) = rig.exec(&format!("{OUT}out.put(\"first.txt\", \"1\");\n"));
    seen.expect(0);
}

/// Two things, of which the older one needs a secret to be taken back, cut off by `kill -9` behind both.
fn cut_off(variable: &str) -> Rig {
    let settings = "[env.local.program.tool]\npath = \"/bin/sh\"\nwrite = [[\"-c\", \"**\"]]\nenv = { TOKEN = \"env:TOOL_TOKEN\" }\naccess = \"write\"\n\
        [env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"program.tool:write\", \"files.store:write\"]\n\
        program(\"tool\").run([\"-c\", \"touch made\"], #{ undo: [\"-c\", \"rm made\"] });\n\
        files(\"store\").put(\"a\", \"x\");\nwait(\"2s\");\n";
    let rig = Rig::new(settings).file("test.rhai", script).variable("TOOL_TOKEN", "sesame");
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the write", 60, || rig.path("store/a").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    rig.variable("TOOL_TOKEN", variable)
}

const UNSET: &str = "the secret `env:TOOL_TOKEN` of `program.tool` has no value";

#[test]
fn a_run_does_not_go_on_without_a_secret_that_it_began_with() {
    let rig = cut_off("");
    rig.run(&["resume", "last"]).expect(2).says(UNSET).says("fix: export TOOL_TOKEN").hides("taken back");
    assert!(rig.path("made").exists() && rig.path("store/a").exists());
    let rig = rig.variable("TOOL_TOKEN", "sesame");
    rig.run(&["resume", "last"]).expect(0).says("done");
}

#[test]
fn nothing_is_taken_back_while_a_secret_is_missing_that_one_of_the_things_needs() {
    let rig = cut_off("");
    let told = rig.run(&["rollback", "last", "--plan"]).expect(0);
    told.says(&format!("it could not be carried out now: {UNSET}")).says("2 things would be taken back");
    rig.run(&["rollback", "last"]).expect(2).says(UNSET).says("fix: export TOOL_TOKEN").hides("↩");
    assert!(rig.path("made").exists() && rig.path("store/a").exists());
    let rig = rig.variable("TOOL_TOKEN", "sesame");
    rig.run(&["rollback", "test.rhai"]).expect(2);
    let runs = rig.run(&["runs", "--output", "json"]).expect(0);
    let runs: serde_json::Value = serde_json::from_str(&runs.stdout).unwrap();
    let cut = runs.as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
    rig.run(&["rollback", cut]).expect(0).says("done");
    assert!(!rig.path("made").exists() && !rig.path("store/a").exists());
}
