//! What a playbook touches, against what its header asks for and what the environment grants.

use super::{rig, right, shown, wrong};

#[test]
fn an_access_that_the_environment_does_not_grant() {
    insta::assert_snapshot!(shown(&rig("//! T.\n//!\n//! uses = [\"sqlite.archive:write\"]\nlet old = sqlite(\"archive\");\nold.value(\"SELECT 1\");\nold.execute(\"DELETE FROM t\");\nold.execute(\"DELETE FROM u\");\n"), 3), @r#"
error: `execute` needs `sqlite.archive:write`, which `local` does not grant
  --> deploy.rhai:6:5
  |
6 | old.execute("DELETE FROM t");
  |     ^^^^^^^
  why: it grants `sqlite.archive:read`
  fix: set access = "write" in [env.local.sqlite.archive] of playbook.toml

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn an_access_that_the_header_does_not_ask_for() {
    insta::assert_snapshot!(shown(&rig("//! T.\n//!\n//! uses = [\"sqlite.main:read\"]\nlet db = sqlite(\"main\");\ndb.execute(\"DELETE FROM t\");\ndb.dump_to(files(\"backups\"), \"x\");\n"), 3), @r#"
error: `execute` needs `sqlite.main:write`, and the header does not ask for it
  --> deploy.rhai:5:4
  |
5 | db.execute("DELETE FROM t");
  |    ^^^^^^^
  fix: write "sqlite.main:write" instead of "sqlite.main:read" in `uses` of the header

error: `dump_to` needs `files.backups:write`, and the header does not ask for it
  --> deploy.rhai:6:4
  |
6 | db.dump_to(files("backups"), "x");
  |    ^^^^^^^
  fix: add "files.backups:write" to `uses` in the header

deploy.rhai: 2 mistakes in the environment `local`
"#);
}

#[test]
fn a_header_without_uses_is_told_the_whole_line() {
    insta::assert_snapshot!(shown(&rig("//! T.\n\nlet api = http(\"api\");\napi.get(\"/\");\nsqlite(\"main\").dump_to(files(\"backups\"), \"x\");\n"), 3), @r#"
error: the header does not say what the playbook uses
  --> deploy.rhai:3:11
  |
3 | let api = http("api");
  |           ^^^^
  fix: add the line: //! uses = ["files.backups:write", "http.api:read", "sqlite.main:read"]

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn entries_of_the_header_that_name_nothing() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! uses = [\"sqlite.mian:write\", \"sqllite.main:read\", \"files.other:read\"]\nsqlite(\"main\").value(\"SELECT 1\");\n"), @r#"
error: `sqlite.mian` is no resource of the environment `local`
  --> deploy.rhai:3:13
  |
3 | //! uses = ["sqlite.mian:write", "sqllite.main:read", "files.other:read"]
  |             ^^^^^^^^^^^^^^^^^^^
  fix: did you mean `sqlite.main`? Otherwise add [env.local.sqlite.mian] to playbook.toml

error: `sqllite` is no family of resources
  --> deploy.rhai:3:34
  |
3 | //! uses = ["sqlite.mian:write", "sqllite.main:read", "files.other:read"]
  |                                  ^^^^^^^^^^^^^^^^^^^
  fix: did you mean `sqlite`?

error: `files.other` is no resource of the environment `local`
  --> deploy.rhai:3:55
  |
3 | //! uses = ["sqlite.mian:write", "sqllite.main:read", "files.other:read"]
  |                                                       ^^^^^^^^^^^^^^^^^^
  fix: add [env.local.files.other] to playbook.toml

error: the header does not ask for `sqlite.main:read`
  --> deploy.rhai:4:1
  |
4 | sqlite("main").value("SELECT 1");
  | ^^^^^^
  fix: add "sqlite.main:read" to `uses` in the header

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn entries_of_the_header_that_are_not_needed() {
    insta::assert_snapshot!(right("//! T.\n//!\n//! uses = [\"sqlite.main:write\", \"files.backups:read\", \"http.api:read\", \"http.api:write\"]\nsqlite(\"main\").value(\"SELECT 1\");\nhttp(\"api\").post(\"/x\");\n"), @r#"
warning: the header asks for `sqlite.main:write`, and `read` is enough
  --> deploy.rhai:3:13
  |
3 | //! uses = ["sqlite.main:write", "files.backups:read", "http.api:read", "http.api:write"]
  |             ^^^^^^^^^^^^^^^^^^^
  fix: write "sqlite.main:read"

warning: the playbook never uses `files.backups`
  --> deploy.rhai:3:34
  |
3 | //! uses = ["sqlite.main:write", "files.backups:read", "http.api:read", "http.api:write"]
  |                                  ^^^^^^^^^^^^^^^^^^^^
  fix: take "files.backups:read" out of `uses`

warning: `http.api:read` is covered by another entry
  --> deploy.rhai:3:56
  |
3 | //! uses = ["sqlite.main:write", "files.backups:read", "http.api:read", "http.api:write"]
  |                                                        ^^^^^^^^^^^^^^^
  fix: leave it out

deploy.rhai: nothing wrong in the environment `local`

It touches
  resource     access  header  calls, with their lines
  http.api     write   write   post 5
  sqlite.main  read    write   value 4
"#);
}

#[test]
fn an_option_that_is_computed_is_there_all_the_same() {
    let script = |access: &str| {
        format!(
            "//! T.\n//!\n//! params = {{ keep = {{ type = \"int\", default = 3 }} }}\n//! uses = [\"sqlite.main:read\", \"files.backups:{access}\"]\nsqlite(\"main\").dump_to(files(\"backups\"), \"a.db\", #{{ keep: params.keep }});\n"
        )
    };
    for access in ["write", "destroy"] {
        let told = shown(&rig(&script(access)), 3);
        assert!(told.contains("`dump_to` needs `files.backups:destroy`"), "{told}");
        assert!(!told.contains("is enough"), "{told}");
    }
}

#[test]
fn nothing_is_called_needless_when_not_every_use_can_be_followed() {
    insta::assert_snapshot!(right("//! T.\n//!\n//! params = { name = { type = \"string\", default = \"main\" } }\n//! uses = [\"sqlite.main:write\", \"sqlite.archive:read\"]\nfn all() { [sqlite(params.name)] }\nfor db in all() { db.value(\"SELECT 1\"); }\n"), @r#"
deploy.rhai: nothing wrong in the environment `local`

Not every use of `sqlite` can be followed: a name or a handle is computed.
"#);
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
    insta::assert_snapshot!(shown(&rig, 0), @r#"
deploy.rhai: nothing wrong in the environment `local`

It touches
  resource        access  header  calls, with their lines
  files.backups   write   write   dump_to lib/store:2
  http.api        read    read    health std/health:9
  sqlite.archive  read    read    value 7 16, tables 14
  sqlite.main     write   write   value 7 16, query 9, tables 14, execute 21 22, dump_to lib/store:2
"#);
    let seen = rig
        .file("deploy.rhai", &script.replace("db.value(`SELECT", "db.vale(`SELECT"))
        .run(&["check", "deploy.rhai"]);
    insta::assert_snapshot!(seen.expect(2).stdout, @r#"
error: `sqlite.archive` or `sqlite.main` has no method `vale`
  --> deploy.rhai:7:26
  |
7 | fn count(db, table) { db.vale(`SELECT count(*) FROM ${table}`) }
  |                          ^^^^
  fix: did you mean `value`?

deploy.rhai: 1 mistake in the environment `local`
"#);
}
