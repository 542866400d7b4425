//! Mistakes with resources: names, verbs, arguments, options, grants; and what a playbook touches.

use playbook::primitives::FAMILIES;

use super::{rig, right, wrong};
use crate::rig::Rig;

const USES: &str = "//! T.\n//!\n//! uses = [\"sqlite.main:write\"]\n";

fn with(script: &str) -> String {
    format!("{USES}let db = sqlite(\"main\");\n{script}\n")
}

#[test]
fn a_resource_that_is_not_declared() {
    insta::assert_snapshot!(wrong("//! T.\nlet a = sqlite(\"mian\");\nlet b = http(\"shop\");\nlet c = flags(\"main\");\nlet d = sqlite();\n"), @"");
}

#[test]
fn an_unknown_verb_has_a_near_name() {
    insta::assert_snapshot!(wrong(&with("db.qurey(\"SELECT 1\");\ndb.purge();\ndb.execute;\ndb.len();")), @"");
}

#[test]
fn arguments_too_many_too_few_and_of_a_wrong_type() {
    insta::assert_snapshot!(wrong(&with("db.query();\ndb.query(\"SELECT 1\", [], 3);\ndb.query(5);\ndb.execute(\"DELETE FROM t\", #{ parameters: \"x\" });")), @"");
}

#[test]
fn options_unknown_twice_and_of_a_wrong_shape() {
    insta::assert_snapshot!(wrong(&with("db.query(\"SELECT 1\", #{ timeot: \"5s\" });\ndb.query(\"SELECT ?\", [1], #{ sql: \"x\" });\ndb.query(\"SELECT 1\", #{ timeout: \"5 parsecs\", retry: -1 });\nlet options = #{ parametrs: [1] };\ndb.query(\"SELECT 1\", options);")), @"");
}

#[test]
fn an_access_that_the_environment_does_not_grant() {
    insta::assert_snapshot!(super::shown(&rig("//! T.\n//!\n//! uses = [\"sqlite.archive:write\"]\nlet old = sqlite(\"archive\");\nold.value(\"SELECT 1\");\nold.execute(\"DELETE FROM t\");\nold.execute(\"DELETE FROM u\");\n"), 3), @"");
}

#[test]
fn an_access_that_the_header_does_not_ask_for() {
    insta::assert_snapshot!(super::shown(&rig("//! T.\n//!\n//! uses = [\"sqlite.main:read\"]\nlet db = sqlite(\"main\");\ndb.execute(\"DELETE FROM t\");\ndb.dump_to(files(\"backups\"), \"x\");\n"), 3), @"");
}

#[test]
fn a_header_without_uses_is_told_the_whole_line() {
    insta::assert_snapshot!(super::shown(&rig("//! T.\n\nlet api = http(\"api\");\napi.get(\"/\");\nsqlite(\"main\").dump_to(files(\"backups\"), \"x\");\n"), 3), @"");
}

#[test]
fn entries_of_the_header_that_name_nothing() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! uses = [\"sqlite.mian:write\", \"sqllite.main:read\", \"files.other:read\"]\nsqlite(\"main\").value(\"SELECT 1\");\n"), @"");
}

#[test]
fn entries_of_the_header_that_are_not_needed() {
    insta::assert_snapshot!(right("//! T.\n//!\n//! uses = [\"sqlite.main:write\", \"files.backups:read\", \"http.api:read\", \"http.api:write\"]\nsqlite(\"main\").value(\"SELECT 1\");\nhttp(\"api\").post(\"/x\");\n"), @"");
}

#[test]
fn nothing_is_called_needless_when_not_every_use_can_be_followed() {
    insta::assert_snapshot!(right("//! T.\n//!\n//! params = { name = { type = \"string\", default = \"main\" } }\n//! uses = [\"sqlite.main:write\", \"sqlite.archive:read\"]\nfn all() { [sqlite(params.name)] }\nfor db in all() { db.value(\"SELECT 1\"); }\n"), @"");
}

#[test]
fn handles_are_followed_through_variables_functions_modules_and_loops() {
    let script = r#"//! T.
//!
//! uses = ["sqlite.main:write", "sqlite.archive:read", "http.api:read", "files.backups:write"]
import "std/health" as health;
import "lib/store" as store;

fn count(db, table) { db.value(`SELECT count(*) FROM ${table}`) }
fn main_database() { sqlite("main") }
fn rows() { this.query("SELECT 1") }
let db = ();
db = main_database();
let parts = #{ old: sqlite("archive"), store: files("backups") };
check "rows", count(db, "t") == count(parts.old, "t");
for one in [main_database(), parts.old] { log(one.tables().len()); }
[db].for_each(|one| log(one));
log([db, parts.old].map(|one| one.value("SELECT 2")));
db.rows();
step "Back up" {
    let receipt = store::keep(db, parts["store"], `dump-${run.id}`);
    log(receipt.bytes);
} rollback { log(receipt); db.execute("DELETE FROM t"); }
parallel([|| health::wait_for(http("api"), "/", #{ within: "1s" }), || db.execute("UPDATE t SET a = 1", #{ label: "one" })]);
"#;
    let rig = rig(script).file("lib/store.rhai", "fn keep(db, store, key) {\n    db.dump_to(store, key)\n}\nfn unused() { sqlite(\"elsewhere\").execute(\"x\") }\n");
    insta::assert_snapshot!(super::shown(&rig, 0), @"");
    let seen = rig
        .file("deploy.rhai", &script.replace("db.value(`SELECT", "db.vale(`SELECT"))
        .run(&["check", "deploy.rhai"]);
    insta::assert_snapshot!(seen.expect(2).stdout, @"");
}

#[test]
fn exec_and_plan_check_before_anything_happens() {
    let rig = rig(&with("db.execute(\"CREATE TABLE t (a)\");\ndb.qurey(\"SELECT 1\");\nlog(nme);"));
    for command in ["exec", "plan"] {
        let seen = rig.run(&[command, "deploy.rhai"]).expect(2);
        assert_eq!(seen.stdout, "");
        assert!(
            !rig.path(".playbook").exists() && !rig.path("data.db").exists(),
            "{command} left something behind"
        );
        if command == "exec" {
            insta::assert_snapshot!(seen.stderr, @"");
        }
    }
}

#[test]
fn machines_get_one_object() {
    let rig = rig(&with("db.qurey(\"SELECT 1\");\ndb.value(\"SELECT 1\");"));
    let seen = rig.run(&["check", "deploy.rhai", "--output", "json"]).expect(2);
    let one: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&one).unwrap(), @"");
}

#[test]
fn every_example_of_the_manual_is_right() {
    let tables = [
        ("postgres.main", "url = \"postgres://localhost/app\""),
        ("sqlite.main", "path = \"data.db\""),
        ("files.backups", "path = \"backups\""),
        ("http.api", "url = \"http://127.0.0.1:9\""),
        ("program.git", "path = \"git\"\nread = [[\"**\"]]\nwrite = [[\"**\"]]\ndestroy = [[\"**\"]]"),
        ("service.app", "program = \"sleep\""),
        ("flags.main", "database = \"sqlite.main\""),
    ];
    let settings: String =
        tables.iter().map(|(id, rest)| format!("[env.local.{id}]\n{rest}\naccess = \"destroy\"\n")).collect();
    let mut script = String::from("//! Every example.\n//!\n//! uses = [");
    script.extend(tables.iter().map(|(id, _)| format!("\"{id}:destroy\", ")));
    script.push_str("]\n");
    for entry in FAMILIES.iter().flat_map(|family| family.entries) {
        script.push_str(&format!("{{ {}; }}\n", entry.example.trim_end_matches(';')));
    }
    let seen = Rig::new(&settings).file("deploy.rhai", &script).run(&["check", "deploy.rhai"]).expect(0);
    let verbs = FAMILIES.iter().map(|family| family.entries.len()).sum::<usize>();
    assert!(verbs > 30, "{verbs}");
    for entry in FAMILIES.iter().flat_map(|family| family.entries) {
        assert!(seen.stdout.contains(&format!("{} ", entry.name)), "{}:\n{seen}", entry.name);
    }
}
