//! The record of a run, stored by the run itself.

use serde_json::Value;

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.files.box]\npath = \"box\"\naccess = \"write\"\n\
                        [env.local.program.sh]\nread = [[\"-c\", \"**\"]]\nenv = { TOKEN = \"env:DEPLOY_TOKEN\" }\n";

fn script(body: &str) -> String {
    format!(
        "//! The record.\n//!\n//! uses = [\"files.box:write\", \"program.sh:read\"]\nlet box = files(\"box\");\n{body}\n"
    )
}

#[test]
fn a_run_stores_its_own_record_so_far_without_secrets() {
    let body = r#"
        step "work" { box.put("a", "1"); log(program("sh").read(["-c", "echo it is $TOKEN"]).stdout); }
        let kept = step "keep the record" {
            journal().archive_to(box, `runs/${run.id}.jsonl.zst`, #{ compression: "none" })
        };
        log(`lines ${kept.lines}`);
        check "sha256", box.checksum(kept.key) == kept.sha256;
    "#;
    let rig = Rig::new(SETTINGS).variable("DEPLOY_TOKEN", "tr0ub4dor&3");
    let (rig, seen) = rig.exec(&script(body));
    seen.expect(0);
    let shown: Value =
        serde_json::from_str(&rig.run(&["show", "last", "--output", "json"]).expect(0).stdout).unwrap();
    let entries = shown["entries"].as_array().unwrap();
    let id = shown["run"]["id"].as_str().unwrap();
    let text = std::fs::read_to_string(rig.path(&format!("box/runs/{id}.jsonl.zst"))).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 5 && lines[..] == entries[..lines.len()], "{text}");
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["call"]["verb"]), (&"effect_began".into(), &"archive_to".into()));
    assert!(text.contains("[secret]") && !text.contains("tr0ub4dor&3"), "{text}");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_long_record_is_whole() {
    let body = r#"
        for n in 0..500 { log(`line ${n}`); }
        check "lines", journal().archive_to(box, "x").lines > 500;
        try { journal().archive_to(box, "x"); } catch (error) { check "taken", error.what.contains("already holds"); }
    "#;
    Rig::new(SETTINGS).exec(&script(body)).1.expect(0);
}

#[test]
fn it_needs_no_table_and_no_name_but_the_store_has_to_be_granted() {
    let denied = "//! The record.\n//!\n//! uses = [\"files.box:read\"]\njournal().archive_to(files(\"box\"), \"x\");\n";
    let (rig, seen) = Rig::new(SETTINGS).exec(denied);
    seen.expect(3).says("files.box:write");
    assert!(!rig.path("box").exists());
    let rig = rig.file("test.rhai", &script("program(\"sh\");\njournal().archive_to(box, \"x\");"));
    rig.run(&["check", "test.rhai"]).expect(0).hides("journal.run:");
    let rig = rig.file("test.rhai", &script("program(\"sh\");\njournal(\"x\").archive_to(box, \"x\");"));
    rig.run(&["check", "test.rhai"]).says("`journal` takes no name").says("write journal()");
    let asked = script("program(\"sh\");\njournal().archive_to(box, \"x\");")
        .replace("uses = [", "uses = [\"journal.run:read\", ");
    let rig = rig.file("test.rhai", &asked);
    rig.run(&["check", "test.rhai"]).says("`journal.run` is not to be asked for").says("leave it out");
    let rig = rig.file("playbook.toml", &format!("{SETTINGS}[env.local.journal.run]\naccess = \"read\"\n"));
    rig.run(&["check", "test.rhai"]).says("leave this table out");
}

#[test]
fn a_plan_may_name_it_after_something_that_is_not_known_yet() {
    let body =
        "let put = box.put(\"a\", \"1\");\njournal().archive_to(box, put.key + \".zst\");\nprogram(\"sh\");";
    let rig = Rig::new(SETTINGS).file("test.rhai", &script(body));
    rig.run(&["plan", "test.rhai"]).expect(0).says("archive_to");
    assert!(!rig.path("box").exists());
}
