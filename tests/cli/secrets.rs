//! Secrets of the environment before anything asks for one: known to the redactor, and looked for before a run begins.

use crate::rig::Rig;

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
