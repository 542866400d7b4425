//! The mistakes most likely made in `playbook.toml`, in a header and on the command line, each answered whole.

use crate::rig::Rig;

const LOCAL: &str = "[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\n";
const HELLO: &str = "//! Say hello.\n\nlog(\"hello\");\n";

/// What `exec` answers in a project with these settings, everything else being right.
fn exec(settings: &str) -> String {
    let rig = Rig::new(settings).file("hello.rhai", HELLO);
    rig.run(&["exec", "hello.rhai"]).hides("hunter2").to_string()
}

#[test]
fn no_project() {
    let rig = Rig::new("").file("hello.rhai", HELLO);
    std::fs::remove_file(rig.path("playbook.toml")).unwrap();
    insta::assert_snapshot!(rig.run(&["exec", "hello.rhai"]), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: there is no playbook.toml in [project] or above it
      fix: name its folder with --project DIR, or begin a project: write a playbook.toml that says what playbooks may reach here, for example
           [env.local.http.api]
           url = "http://127.0.0.1:[port]"
    "#);
}

#[test]
fn a_project_that_is_none() {
    let rig = Rig::new("").file("hello.rhai", HELLO).file("below/other.txt", "");
    insta::assert_snapshot!(rig.run(&["exec", "hello.rhai", "--project", "below"]), @"
    exit code: 2
    --- stdout
    --- stderr
    error: below has no playbook.toml
      fix: name the folder of playbook.toml with --project, or leave it out to look from here upwards
    ");
}

#[test]
fn an_unknown_environment() {
    let rig = Rig::new("[env.local]\n[env.production]\n").file("hello.rhai", HELLO);
    insta::assert_snapshot!(rig.run(&["exec", "hello.rhai", "--env", "prodction"]), @"
    exit code: 2
    --- stdout
    --- stderr
    error: `prodction` is no environment of playbook.toml
      fix: did you mean `production`? Otherwise choose one of `local`, `production`
    ");
}

#[test]
fn several_environments_and_none_named() {
    insta::assert_snapshot!(exec("[env.staging]\n[env.production]\n"), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: no environment is named
      fix: add --env NAME, one of `production`, `staging`, or put default = "NAME" at the top of playbook.toml
    "#);
}

#[test]
fn an_unknown_family_key_and_access() {
    insta::assert_snapshot!(exec("[env.local.htpp.api]\nurl = \"x\"\n\n[env.local.http.web]\nulr = \"x\"\naccess = \"all\"\n"), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `htpp` is no family of resources
      --> playbook.toml:1:12
      |
    1 | [env.local.htpp.api]
      |            ^^^^
      fix: did you mean `http`?

    error: `ulr` is no setting of `http`
      --> playbook.toml:5:1
      |
    5 | ulr = "x"
      | ^^^
      fix: did you mean `url`?

    error: `all` is no access
      --> playbook.toml:6:10
      |
    6 | access = "all"
      |          ^^^^^
      fix: write `read`, `write` or `destroy`
    "#);
}

#[test]
fn a_secret_in_clear() {
    insta::assert_snapshot!(exec("[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\ntoken = \"hunter2\"\n"), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: the secret `token` may not stand in clear in playbook.toml
      --> playbook.toml:3:9
      |
    3 | token = [secret]
      |         ^
      fix: put its value elsewhere and refer to it: token = "env:NAME" or token = "file:PATH"
    "#);
}

#[test]
fn a_value_without_quotes() {
    insta::assert_snapshot!(exec("[env.local.http.api]\nurl = http://app:hunter2@127.0.0.1:1\n"), @"
    exit code: 2
    --- stdout
    --- stderr
    error: a value is not quoted
      --> playbook.toml:2:7
      |
    2 | url = http://app:[secret]@127.0.0.1:[port]
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      fix: put the value in double quotes
    ");
}

#[test]
fn a_resource_without_a_name() {
    insta::assert_snapshot!(exec("[env.local.http]\nurl = \"http://127.0.0.1:1\"\n"), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: a resource of `http` has no name of its own
      --> playbook.toml:2:1
      |
    2 | url = "http://127.0.0.1:[port]"
      | ^^^
      why: `url` stands right in [env.local.http], and is a string
      fix: give the resource a name: [env.local.http.main]
    "#);
}

#[test]
fn wrong_types_and_limits() {
    insta::assert_snapshot!(exec("[env.local.limits]\ntimeout = 5\nmemory = \"much\"\n\n[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\nfollow = \"many\"\nheaders = { accept = 3 }\n"), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `timeout` takes a string, not a whole number
      --> playbook.toml:2:11
      |
    2 | timeout = 5
      |           ^
      fix: write for example timeout = "45m"

    error: `much` is no size
      --> playbook.toml:3:10
      |
    3 | memory = "much"
      |          ^^^^^^
      fix: write for example "64 KiB", "256 MiB" or "2 GiB"

    error: `follow` takes a whole number, not a string
      --> playbook.toml:7:10
      |
    7 | follow = "many"
      |          ^^^^^^
      fix: write for example follow = 10

    error: `accept` takes a string, not a whole number
      --> playbook.toml:8:22
      |
    8 | headers = { accept = 3 }
      |                      ^
      fix: write for example accept = "…"
    "#);
}

#[test]
fn a_table_that_stands_twice() {
    insta::assert_snapshot!(exec(&format!("{LOCAL}{LOCAL}")), @"
    exit code: 2
    --- stdout
    --- stderr
    error: the table [env.local.http.api] stands twice
      --> playbook.toml:3:17
      |
    3 | [env.local.http.api]
      |                 ^^^
      fix: keep one of the two; the first is on line 1
    ");
}

#[test]
fn a_wrong_header() {
    let rig = Rig::new(LOCAL).file("deploy.rhai", "#!/usr/bin/env -S playbook exec\n//! Deploy.\n//!\n//! uses = [\"http.api\", \"http.api:raed\"]\n//! timeot = \"5m\"\nlog(\"never\");\n");
    insta::assert_snapshot!(rig.run(&["exec", "deploy.rhai"]), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `http.api` names no access
      --> deploy.rhai:4:13
      |
    4 | //! uses = ["http.api", "http.api:raed"]
      |             ^^^^^^^^^^
      fix: write `http.api:read`, `http.api:write` or `http.api:destroy`

    error: `raed` is no access
      --> deploy.rhai:4:25
      |
    4 | //! uses = ["http.api", "http.api:raed"]
      |                         ^^^^^^^^^^^^^^^
      fix: did you mean `read`?

    error: `timeot` is no key of the header
      --> deploy.rhai:5:5
      |
    5 | //! timeot = "5m"
      |     ^^^^^^
      fix: did you mean `timeout`?
    "#);
}

#[test]
fn wrong_parameters() {
    let rig = Rig::new(LOCAL).file("deploy.rhai", "//! Deploy.\n//!\n//! [params]\n//! version = { type = \"string\", about = \"what to deploy\" }\n//! percent = { type = \"int\", default = 5, max = 100 }\n//! color = { default = \"blue\", choices = [\"blue\", \"green\"] }\nlog(\"never\");\n");
    let set = ["exec", "deploy.rhai", "--set", "verison=2", "--set", "percent=all", "--set", "color=gren"];
    insta::assert_snapshot!(rig.run(&set), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `verison` is no parameter of this playbook
      fix: did you mean `version`? Write --set version=2

    error: the parameter `version` has no value
      --> deploy.rhai:4:5
      |
    4 | //! version = { type = "string", about = "what to deploy" }
      |     ^^^^^^^
      why: what to deploy
      fix: add --set version=VALUE, or version = … to [env.local.params] of playbook.toml

    error: `percent` takes a whole number, such as 3, not `all`
      why: given as --set percent=…

    error: `gren` is no choice of `color`
      why: given as --set color=…
      fix: did you mean `green`?
    "#);
}

#[test]
fn machines_are_told_every_mistake() {
    let rig = Rig::new("defualt = \"local\"\n[env.local]\non_failure = \"halt\"\n").file("hello.rhai", HELLO);
    insta::assert_snapshot!(rig.run(&["exec", "hello.rhai", "--output", "json"]), @r#"
    exit code: 2
    --- stdout
    {"event":"error","exit":2,"error":{"kind":"usage","what":"`defualt` is no key of playbook.toml","fix":"did you mean `default`?","at":{"file":"playbook.toml","line":1,"column":1,"source":"defualt = \"local\"","width":7},"others":[{"kind":"usage","what":"`halt` is nothing to do on failure","fix":"choose one of `rollback`, `stop`","at":{"file":"playbook.toml","line":3,"column":14,"source":"on_failure = \"halt\"","width":6}}]}}
    --- stderr
    "#);
}

#[test]
fn what_is_listed_can_be_run_from_where_one_stands() {
    let rig = Rig::new(LOCAL).file("hello.rhai", HELLO).file("lib/deep/words.rhai", "fn hello() {\n}\n");
    let from = |folder: &str, arguments: &[&str]| {
        let output = rig.command(arguments).current_dir(rig.path(folder)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (_, listed) = from("lib/deep", &[]);
    assert!(listed.contains("playbook exec ../../hello.rhai\n"), "{listed}");
    assert_eq!(from("lib/deep", &["exec", "../../hello.rhai"]).0, Some(0));
    let project = rig.path("").canonicalize().unwrap();
    let (name, above) = (project.file_name().unwrap().to_str().unwrap(), project.parent().unwrap());
    let output = rig.command(&["--project", name]).current_dir(above).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains(&format!("playbook exec {name}/hello.rhai\n")), "{listed}");
}

#[test]
fn playbook_alone_lists_what_is_there() {
    let rig = Rig::new(LOCAL).file("hello.rhai", HELLO).file("lib/words.rhai", "fn hello() {\n}\n");
    insta::assert_snapshot!(rig.run(&[]), @"
    exit code: 0
    --- stdout
    Playbooks of [project]
    Environments: local (default)

    hello.rhai  Say hello

    Run one:    playbook exec hello.rhai
    Look first: playbook plan hello.rhai
    --- stderr
    ");
    let seen = rig.run(&["--output", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(json["playbooks"][0]["title"], "Say hello");
}

#[test]
fn the_manual_of_one_thing_is_printed() {
    let rig = Rig::new("");
    rig.run(&["docs", "pm2.reload"])
        .expect(0)
        .says("pm2.reload(name")
        .says("update_env")
        .hides("# Reference");
    rig.run(&["docs", "files"]).expect(0).says("put").says("restore");
    rig.run(&["docs", "gate"]).expect(0).says("people decide");
    rig.run(&["docs", "files.putt"])
        .expect(2)
        .says("`files` has no method `putt`")
        .says("did you mean `put`?");
    rig.run(&["docs", "redsi"]).expect(2).says("did you mean `redis`?");
}

#[test]
fn the_reference_is_printed_written_and_checked() {
    let rig = Rig::new("");
    rig.run(&["docs"]).expect(0).says("### http.get").says("| 130 |");
    rig.run(&["docs", "--check"]).expect(1);
    rig.run(&["docs", "--write"]).expect(0);
    rig.run(&["docs", "--check"]).expect(0);
}

#[test]
fn a_resource_that_another_names_has_to_be_there() {
    let with = |table: &str| {
        Rig::new(&format!("[env.local.sqlite.main]\npath = \"a.db\"\n{table}\n"))
            .file("t.rhai", "//! T.\nlog(\"x\");\n")
            .run(&["check", "t.rhai"])
            .expect(2)
    };
    with("[env.local.flags.main]\ndatabase = \"sqlite.mian\"")
        .says("`sqlite.mian` is no resource of the environment `local`")
        .says("did you mean `sqlite.main`? Otherwise add [env.local.sqlite.mian]")
        .says("database = \"sqlite.mian\"");
    with("[env.local.flags.main]\ndatabase = \"sqlite.others\"").says("choose one of `sqlite.main`, or add");
    with("[env.local.pm2.app]\nover = \"ssh.web\"").says("add [env.local.ssh.web]");
    // What is only wrong, and not absent, is told once.
    with("[env.local.pm2.app]\nover = \"ssh.web\"\n[env.local.ssh.web]\nhosst = [\"a\"]")
        .says("`hosst` is no setting")
        .hides("no resource of the environment");
}
