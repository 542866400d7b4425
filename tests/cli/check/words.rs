//! The language's own words and functions: literal values of a wrong type, forms that are written halfway, empty names.

use super::{rig, right, shown, wrong};
use crate::rig::Rig;

#[test]
fn what_the_own_functions_are_given() {
    insta::assert_snapshot!(wrong("//! T.\nwait(5);\nretry 3 every 5 { }\nlog(\"rows\", 3);\nfail(3);\nwait_until(\"09:00\", 5);\nparallel(3);\n"), @r#"
error: `wait` takes a duration in quotes, and this is a whole number
  --> deploy.rhai:2:6
  |
2 | wait(5);
  |      ^
  fix: say the unit, in quotes: wait("5s")

error: the pause of a `retry` is a duration in quotes, and this is a whole number
  --> deploy.rhai:3:15
  |
3 | retry 3 every 5 { }
  |               ^
  fix: say the unit: every "5s"

error: `log` takes one text, and it is given 2 values
  --> deploy.rhai:4:5
  |
4 | log("rows", 3);
  |     ^
  fix: write them as one: log(`… ${value}`)

error: `fail` takes a text, and this is a whole number
  --> deploy.rhai:5:6
  |
5 | fail(3);
  |      ^
  fix: write for example fail("what is wrong", #{ why: "…", fix: "…" })

error: `wait_until` takes a duration in quotes, and this is a whole number
  --> deploy.rhai:6:21
  |
6 | wait_until("09:00", 5);
  |                     ^
  fix: say the unit, in quotes: "5s"

error: `parallel` takes an array, and this is a whole number
  --> deploy.rhai:7:10
  |
7 | parallel(3);
  |          ^
  fix: write for example parallel([|| …, || …], #{ limit: 4 })

deploy.rhai: 6 mistakes in the environment `local`
"#);
    right(
        "//! T.\nlet pause = 5;\nfn wait(seconds) { log(seconds); }\nwait(pause);\nwait(5);\nlog(100.0, 10.0);\n",
    );
}

#[test]
fn a_value_that_is_only_known_when_it_runs_is_told_in_the_same_words() {
    let said = |script: &str| Rig::new("").exec(&format!("//! T.\n{script}")).1.expect(1);
    said("let pause = 5; wait(pause);")
        .says("`wait` takes a duration in quotes, and this is a whole number")
        .says("wait(\"5s\")")
        .hides("playbook check");
    said("let pause = 5; retry 3 every pause { }").says("say the unit: every \"5s\"");
    said("let n = 5; metric \"x\", n;").says("a metric needs a yes or no, and this is a whole number");
    said("let n = 5; check n, true;").says("the name of a check must be a text, and it is a whole number");
    said("let yes = true; log(yes - 3);")
        .says("`-` does not go between `true` or `false` and a whole number");
    said("let list = [1]; log(list.pad(\"x\", 3));")
        .says("`pad` does not take an array with a text with a whole number");
}

#[test]
fn names_and_conditions_of_checks_metrics_and_steps() {
    insta::assert_snapshot!(wrong("//! T.\ncheck 5, true;\nmetric \"x\", 5;\ncheck \"sum\", 5 + 3;\ncheck \"word\", \"no\";\nstep \"\" { }\ncheck \" \", true;\n"), @r#"
error: the name of a check is a text, and this is a whole number
  --> deploy.rhai:2:7
  |
2 | check 5, true;
  |       ^
  fix: say what it is: `check "rows", rows == 3`

error: a metric needs a yes or no, and this is a whole number
  --> deploy.rhai:3:13
  |
3 | metric "x", 5;
  |             ^
  fix: compare it with its target: `metric "latency (ms)", took < 500`

error: a check needs a yes or no, and this is the result of a calculation
  --> deploy.rhai:4:16
  |
4 | check "sum", 5 + 3;
  |                ^
  fix: compare it: `check "rows", rows == 3`

error: a check needs a yes or no, and this is a text
  --> deploy.rhai:5:15
  |
5 | check "word", "no";
  |               ^
  fix: compare it: `check "rows", rows == 3`

error: this step has no name
  --> deploy.rhai:6:6
  |
6 | step "" { }
  |      ^
  fix: say what it is: `step "Back up the database" { … }`

error: this check has no name
  --> deploy.rhai:7:7
  |
7 | check " ", true;
  |       ^
  fix: say what it is: `check "rows", rows == 3`

deploy.rhai: 6 mistakes in the environment `local`
"#);
    right(
        "//! T.\nlet rows = [1];\nlet yes = true;\ncheck \"a\", yes;\ncheck \"b\", !yes == false;\nmetric \"c\", rows.len() > 0;\ncheck \"d\", rows.contains(1) && yes;\n",
    );
}

#[test]
fn forms_that_are_written_halfway() {
    for (script, place, said) in [
        ("step { }", "2:1", "this step has no name"),
        ("log(\"step {\");\nstep {\n    log(1);\n}\nstep \"b\" { }", "3:1", "this step has no name"),
        ("rollback { }", "2:1", "this `rollback` belongs to no step"),
        ("step \"a\" { };\nrollback { }", "3:1", "this `rollback` belongs to no step"),
        ("retry { }", "2:1", "this `retry` does not say how often"),
        ("retry 3 { }", "2:9", "write `retry 5 every \"2s\" { … }`"),
        ("check \"x\" 5 == 5;", "2:11", "write `check \"NAME\", CONDITION;`"),
        ("check(\"x\", 1 == 1);", "2:1", "`check` is written without brackets"),
        ("step(\"x\", || { log(1); });", "2:1", "write `step \"NAME\" { … }`"),
        ("log(1); retry (3, \"5s\") { log(1); }", "2:9", "write `retry 5 every \"2s\" { … }`"),
        ("step \"a\" { log(1); } rolback { log(2); }", "2:22", "did you mean `rollback`?"),
        ("stepp(\"x\", 2);", "2:1", "did you mean `step \"NAME\" { … }`?"),
        ("let n = 1;\ncheck \"x\", n.abs() = 1;", "3:1", "write `==` to compare"),
        ("let yes = true and false;", "2:16", "write `&&`"),
        ("if true then { log(1); }", "2:9", "leave it out: the block follows the condition"),
        ("try { log(1); } catch { log(2); } finally { log(3); }", "2:35", "there is none"),
        ("wait_until(\"25:00\");", "2:12", "write for example \"09:00 Europe/Berlin\""),
        ("wait_until(\"09:00 Europe/Berln\");", "2:12", "`Europe/Berln` is no time zone"),
        ("metric \"x\";", "2:11", "write `metric \"NAME\", ACTUAL < TARGET;`"),
    ] {
        let seen = wrong(&format!("//! T.\n{script}\n"));
        assert!(seen.contains(said) && seen.contains(&format!("deploy.rhai:{place}\n")), "{script}: {seen}");
    }
}

#[test]
fn a_gate_without_people() {
    for (script, said) in [
        ("gate(\"go\");", "write for example gate("),
        ("gate(\"go\", #{ within: \"2h\" });", "this gate does not say who may approve"),
        (
            "gate(\"go\", #{ approvers: [\"ann\"] });",
            "fix: add [people.ann] or [groups.ann] to playbook.toml",
        ),
    ] {
        let seen = wrong(&format!("//! T.\n{script}\n"));
        assert!(seen.contains(said), "{seen}");
    }
}

#[test]
fn one_mistake_is_told_once() {
    let seen = wrong("//! T.\n//! uses = [\"sqlite.main:read\"]\nsqlite(\"mian\").query(\"SELECT 1\");\n");
    assert!(seen.contains("did you mean `sqlite(\"main\")`?"), "{seen}");
    assert!(seen.contains("1 mistake in") && !seen.contains("does not ask"), "{seen}");
}

#[test]
fn a_playbook_in_which_there_is_nothing() {
    for script in ["", "//! T.\n//!\n//! timeout = \"5m\"\n", "// nothing yet\n"] {
        let seen = right(script);
        assert!(seen.contains("warning: there is nothing in this playbook that could be run"), "{seen}");
    }
    let module = right("fn one() { 1 }\n");
    assert!(!module.contains("warning"), "{module}");
}

#[test]
fn a_rollback_block_that_would_never_run() {
    let header = "//! T.\n//! uses = [\"files.backups:write\"]\nlet out = files(\"backups\");\nfn keep(out) { out.put(\"a\", \"1\"); }\n\
        let later = || out.put(\"b\", \"1\");\n";
    let warning = "warning: the rollback block of this step would never run";
    for idle in ["", "log(\"x\");", "check \"is there\", out.head(\"a\") == ();", "let n = [1, 2].len();"] {
        let script =
            format!("{header}keep(out);\nlater.call();\nstep \"S\" {{ {idle} }} rollback {{ keep(out); }}\n");
        let seen = right(&script);
        assert!(seen.contains(warning) && seen.contains("deploy.rhai:8:1"), "{idle}: {seen}");
    }
    for busy in [
        "out.put(\"a\", \"1\");",
        "keep(out);",
        "later.call();",
        "parallel([|| out.put(\"a\", \"1\")]);",
        "for key in [\"a\"] { out.put(key, \"1\"); }",
        "step \"inner\" { out.put(\"a\", \"1\"); }",
        "[out].for_each(|one| one.put(\"a\", \"1\"));",
    ] {
        let seen = right(&format!(
            "{header}keep(out);\nlater.call();\nstep \"S\" {{ {busy} }} rollback {{ log(\"x\"); }}\n"
        ));
        assert!(!seen.contains("never run"), "{busy}: {seen}");
    }
}

#[test]
fn what_leads_out_of_a_store_and_a_release_that_has_no_place() {
    let rig = rig(
        "//! T.\n//! uses = [\"files.backups:write\", \"service.app:write\", \"sqlite.main:write\"]\n\
        files(\"backups\").put(\"../x\", \"y\");\nsqlite(\"main\").dump_to(files(\"backups\"), \"/abs\");\n\
        service(\"app\").start(\"1\");\nservice(\"app\").start();\nfiles(\"backups\").put(\"a/b..c\", \"y\");\n",
    );
    let settings =
        format!("{}\n[env.local.service.app]\nprogram = \"app\"\naccess = \"write\"\n", super::SETTINGS);
    insta::assert_snapshot!(shown(&rig.file("playbook.toml", &settings), 2), @r#"
error: `key` of `files.backups.put`: "../x" is no key
  --> deploy.rhai:3:22
  |
3 | files("backups").put("../x", "y");
  |                      ^^^^^^
  why: a key does not lead out of its store
  fix: write it like `2026/11/main.dump`

error: `key` of `sqlite.main.dump_to`: "/abs" is no key
  --> deploy.rhai:4:42
  |
4 | sqlite("main").dump_to(files("backups"), "/abs");
  |                                          ^^^^^^
  why: a key does not lead out of its store
  fix: write it like `2026/11/main.dump`

error: `service.app` has no releases
  --> deploy.rhai:5:16
  |
5 | service("app").start("1");
  |                ^^^^^
  why: its settings say `{release}` nowhere
  fix: put `{release}` into `program` or `args` of [env.local.service.app], or leave the release out

deploy.rhai: 3 mistakes in the environment `local`
"#);
}

#[test]
fn what_may_not_be_done_twice_is_not_tried_again() {
    let seen = wrong(
        "//! T.\n//! uses = [\"sqlite.main:write\"]\n\
        sqlite(\"main\").execute(\"UPDATE a SET b = b + 1\", [], #{ retry: 3 });\n\
        sqlite(\"main\").query(\"SELECT 1\", [], #{ retry: 3 });\n\
        sqlite(\"main\").execute(\"UPDATE a SET b = b + 1\", [], #{ retry: 0 });\n",
    );
    assert!(seen.contains("`sqlite.main.execute` cannot be retried by itself"), "{seen}");
    assert!(seen.contains("deploy.rhai:3:") && seen.contains("1 mistake in"), "{seen}");
}

#[test]
fn an_address_says_how_it_is_reached() {
    let settings = |url: &str| format!("[env.local.http.api]\nurl = \"{url}\"\n");
    let check =
        |url: &str| Rig::new(&settings(url)).file("t.rhai", "//! T.\nlog(1);\n").run(&["check", "t.rhai"]);
    check("api.example.com").expect(2).says("`url`: the address does not begin with `http://` or `https://`");
    check("127.0.0.1:80").expect(2).says("playbook.toml:2:7");
    let seen = wrong(
        "//! T.\n//! uses = [\"http.api:read\"]\nlet api = http(\"api\");\n\
         api.get(\"https://api.example.com/health\");\napi.health(\"/health?to=http://x\");\napi.get(\"api.example.com/x\");\n",
    );
    assert!(seen.contains("it names a host of its own") && seen.contains("deploy.rhai:4:9"), "{seen}");
    assert!(seen.contains("1 mistake in"), "{seen}");
    for good in ["http://127.0.0.1:80", "HTTPS://api.example.com", "env:API_URL"] {
        check(good).expect(0);
    }
}

#[test]
fn a_closure_of_a_module_that_is_called_elsewhere() {
    let module = "fn double() { |x| x * 2 }\nfn twice(f, x) { f.call(f.call(x)) }\n";
    let rig = Rig::new("").file("lib/sums.rhai", module);
    let (rig, seen) =
        rig.exec("//! T.\nimport \"lib/sums\" as sums;\nlet f = sums::double();\nlog(f.call(2));\n");
    seen.expect(1).says("this closure was made in a module").says("test.rhai:4:").hides("anon$");
    rig.exec("//! T.\nimport \"lib/sums\" as sums;\ncheck \"sum\", sums::twice(|x| x * 2, 3) == 12;\n")
        .1
        .expect(0);
}

#[test]
fn times_and_limits_that_cannot_be() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! uses = [\"http.api:read\"]\nhttp(\"api\").health(\"/\", #{ within: \"2s\", holds_for: \"5s\" });\nhttp(\"api\").health(\"/\", #{ holds_for: \"30s\" });\nparallel([|| 1], #{ limit: 0 });\nparallel([|| 1], #{ limits: 4 });\nlet n = 3;\nparallel([|| 1], #{ limit: n });\n"), @r#"
error: it cannot hold for 5s within 2s
  --> deploy.rhai:4:13
  |
4 | http("api").health("/", #{ within: "2s", holds_for: "5s" });
  |             ^^^^^^
  fix: give `within` more time than `holds_for`

error: it cannot hold for 30s within 30s
  --> deploy.rhai:5:13
  |
5 | http("api").health("/", #{ holds_for: "30s" });
  |             ^^^^^^
  fix: give `within` more time than `holds_for`

error: `limit` must be a number from 1 to 256
  --> deploy.rhai:6:21
  |
6 | parallel([|| 1], #{ limit: 0 });
  |                     ^^^^^
  fix: it is how many branches run at once

error: `parallel` has no option `limits`
  --> deploy.rhai:7:21
  |
7 | parallel([|| 1], #{ limits: 4 });
  |                     ^^^^^^
  fix: its one option is `limit`

deploy.rhai: 4 mistakes in the environment `local`
"#);
}
