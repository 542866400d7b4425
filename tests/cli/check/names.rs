//! Names that are not there: variables, parameters, modules.

use super::{rig, shown, wrong};

#[test]
fn variables_that_are_not_there() {
    let script = r#"//! T.
let total = 1;
fn show() { log(total); }
show();
log(totl);
if total > 0 { let inner = 1; }
log(inner);
let f = |x| x + other;
step "One" { let made = 1; } rollback { log(made); log(lost); }
"#;
    insta::assert_snapshot!(wrong(script), @r#"
error: there is no variable `total`
  --> deploy.rhai:3:17
  |
3 | fn show() { log(total); }
  |                 ^^^^^
  fix: a function does not see the variables around it: give it `total` as an argument

error: there is no variable `totl`
  --> deploy.rhai:5:5
  |
5 | log(totl);
  |     ^^^^
  fix: did you mean `total`?

error: there is no variable `inner`
  --> deploy.rhai:7:5
  |
7 | log(inner);
  |     ^^^^^
  fix: `inner` is seen only in the block that declares it, and after its `let`: declare it earlier

error: there is no variable `other`
  --> deploy.rhai:8:17
  |
8 | let f = |x| x + other;
  |                 ^^^^^
  fix: declare it with `let other = …`, or put it in quotes if it is a text

error: there is no variable `lost`
  --> deploy.rhai:9:56
  |
9 | step "One" { let made = 1; } rollback { log(made); log(lost); }
  |                                                        ^^^^
  fix: declare it with `let lost = …`, or put it in quotes if it is a text

deploy.rhai: 5 mistakes in the environment `local`
"#);
}

#[test]
fn parameters_and_facts_that_are_not_there() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! params = { version = \"string\" }\nlog(params.versoin);\nlog(params[\"colour\"]);\nlog([1].map(|x| params.verion));\nlog(run.environmnt);\n"), @r#"
error: `versoin` is no parameter of this playbook
  --> deploy.rhai:4:12
  |
4 | log(params.versoin);
  |            ^^^^^^^
  fix: did you mean `params.version`? Otherwise add it to `params` in the header: versoin = "string"

error: `colour` is no parameter of this playbook
  --> deploy.rhai:5:12
  |
5 | log(params["colour"]);
  |            ^^^^^^
  fix: add it to `params` in the header: colour = "string"

error: `verion` is no parameter of this playbook
  --> deploy.rhai:6:24
  |
6 | log([1].map(|x| params.verion));
  |                        ^^^^^^
  fix: did you mean `params.version`? Otherwise add it to `params` in the header: verion = "string"

error: `run` holds no `environmnt`
  --> deploy.rhai:7:9
  |
7 | log(run.environmnt);
  |         ^^^^^^^^^^
  fix: did you mean `environment`?

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn modules_that_are_not_there_or_have_no_such_function() {
    let script = "//! T.\nimport \"std/helth\" as health;\nimport \"lib/common\" as common;\nimport \"../elsewhere\" as other;\nimport \"lib/none\" as none;\ncommon::greet();\ncommon::great(\"you\");\ncommon::secret();\ncomon::greet(\"you\");\n";
    let rig = rig(script).file("lib/common.rhai", "fn greet(name) { log(nme); }\nprivate fn secret() { }\n");
    insta::assert_snapshot!(shown(&rig, 2), @r#"
error: there is no module `std/helth`
  --> deploy.rhai:2:8
  |
2 | import "std/helth" as health;
  |        ^^^^^^^^^^^
  fix: did you mean `std/health`?

error: `../elsewhere.rhai` lies outside the project
  --> deploy.rhai:4:8
  |
4 | import "../elsewhere" as other;
  |        ^^^^^^^^^^^^^^
  fix: name a path below the folder of playbook.toml, without `..`

error: there is no module `lib/none`
  --> deploy.rhai:5:8
  |
5 | import "lib/none" as none;
  |        ^^^^^^^^^^
  why: lib/none.rhai is not below the project
  fix: name a .rhai file by its path from the folder of playbook.toml, without `.rhai`

error: `common::greet` takes 1 value, and it is given 0
  --> deploy.rhai:6:9
  |
6 | common::greet();
  |         ^^^^^
  fix: write `common::greet(name)`

error: the module `lib/common` has no function `great`
  --> deploy.rhai:7:9
  |
7 | common::great("you");
  |         ^^^^^
  fix: did you mean `greet`?

error: `common::secret` is private to its module
  --> deploy.rhai:8:9
  |
8 | common::secret();
  |         ^^^^^^
  fix: take `private` away from it in lib/common

error: no module is imported as `comon`
  --> deploy.rhai:9:1
  |
9 | comon::greet("you");
  | ^^^^^
  fix: did you mean `common`?

error: there is no variable `nme`
  --> lib/common:1:22
  |
1 | fn greet(name) { log(nme); }
  |                      ^^^
  fix: did you mean `name`?

deploy.rhai: 8 mistakes in the environment `local`
"#);
}

#[test]
fn modules_in_a_circle_and_modules_that_do_not_parse() {
    let rig = rig("//! T.\nimport \"a\" as a;\nimport \"c\" as c;\na::one();\n")
        .file("a.rhai", "import \"b\" as b;\nfn one() { b::two() }\n")
        .file("b.rhai", "import \"a\" as a;\nfn two() { a::one() }\n")
        .file("c.rhai", "fn three( { }\n");
    insta::assert_snapshot!(shown(&rig, 2), @r#"
error: modules import each other in a circle: a → b → a
  --> b:1:8
  |
1 | import "a" as a;
  |        ^^^
  fix: move what both need into a third module

error: `)` is missing here
  --> c:1:11
  |
1 | fn three( { }
  |           ^
  why: to close the parameters list of function 'three'
  fix: put `)` there

deploy.rhai: 2 mistakes in the environment `local`
"#);
}

#[test]
fn literal_options_that_cannot_be_read() {
    let script = r#"//! T.
//! uses = ["http.api:read", "sqlite.main:read", "files.backups:write"]
http("api").health("/health", #{ within: "3 parsecs", under: "500" });
sqlite("main").dump_to("backups", "a.db");
sqlite("main").dump_to(files("backups"), "a.db", #{ compression: "rar" });
"#;
    insta::assert_snapshot!(wrong(script), @r#"
error: `within` of `http.api.health`: `3 parsecs` is no duration
  --> deploy.rhai:3:42
  |
3 | http("api").health("/health", #{ within: "3 parsecs", under: "500" });
  |                                          ^^^^^^^^^^^
  fix: write for example "250ms", "30s", "5m" or "1h30m"

error: `under` of `http.api.health`: `500` is no duration
  --> deploy.rhai:3:62
  |
3 | http("api").health("/health", #{ within: "3 parsecs", under: "500" });
  |                                                              ^^^^^
  fix: write for example "250ms", "30s", "5m" or "1h30m"

error: `store` of `sqlite.main.dump_to`: `backups` is no resource
  --> deploy.rhai:4:24
  |
4 | sqlite("main").dump_to("backups", "a.db");
  |                        ^^^^^^^^^
  fix: give the resource itself, as `files("backups")`, or its name as "files.backups"

error: `compression` of `sqlite.main.dump_to`: `rar` is none of its words
  --> deploy.rhai:5:66
  |
5 | sqlite("main").dump_to(files("backups"), "a.db", #{ compression: "rar" });
  |                                                                  ^^^^^
  fix: choose one of `zstd`, `gzip`, `none`

deploy.rhai: 4 mistakes in the environment `local`
"#);
}
