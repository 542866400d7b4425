//! What a wrong `playbook.toml` is answered with, whole.

use super::wrong;

#[test]
fn every_mistake_of_the_file_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"defualt = "local"
default = "prod"
[env.production]
on_failure = "rolback"
[env.production.limits]
timeout = "soon"
memory = 5
call_depth = 0
expression_depth = 100000
operation = 3
"#), @r#"
    `defualt` is no key of playbook.toml
      --> playbook.toml:1:1
      |
    1 | defualt = "local"
      | ^^^^^^^
      fix: did you mean `default`?

    `prod` is no environment of this file
      --> playbook.toml:2:11
      |
    2 | default = "prod"
      |           ^^^^^^
      fix: choose one of `production`

    `rolback` is nothing to do on failure
      --> playbook.toml:4:14
      |
    4 | on_failure = "rolback"
      |              ^^^^^^^^^
      fix: did you mean `rollback`?

    `soon` is no duration
      --> playbook.toml:6:11
      |
    6 | timeout = "soon"
      |           ^^^^^^
      fix: write for example "250ms", "30s", "5m" or "1h30m"

    `memory` takes a string, not a whole number
      --> playbook.toml:7:10
      |
    7 | memory = 5
      |          ^
      fix: write for example memory = "256 MiB"

    the limit `call_depth` must be greater than nothing
      --> playbook.toml:8:14
      |
    8 | call_depth = 0
      |              ^
      fix: the default is 64

    the limit `expression_depth` may be at most 512
      --> playbook.toml:9:20
      |
    9 | expression_depth = 100000
      |                    ^^^^^^
      fix: deeper scripts are better written as loops

    `operation` is no key of `limits`
      --> playbook.toml:10:1
       |
    10 | operation = 3
       | ^^^^^^^^^
      fix: did you mean `operations`?
    "#);
}

#[test]
fn every_mistake_of_a_name_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"[env.production.databse.main]
url = "env:X"
[env.production.database]
url = "env:X"
[env.staging.database."a b"]
url = "env:X"
"#), @r#"
    `databse` is no family of resources
      --> playbook.toml:1:17
      |
    1 | [env.production.databse.main]
      |                 ^^^^^^^
      fix: did you mean `database`?

    a resource of `database` has no name of its own
      --> playbook.toml:4:1
      |
    4 | url = "env:X"
      | ^^^
      why: `url` stands right in [env.production.database], and is a string
      fix: give the resource a name: [env.production.database.main]

    `a b` is no name for a resource
      --> playbook.toml:5:23
      |
    5 | [env.staging.database."a b"]
      |                       ^^^^^
      fix: use letters, digits, `_` and `-`
    "#);
}

#[test]
fn every_mistake_of_a_resource_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"[env.local.database.main]
acess = "write"
access = "wirte"
pasword = "hunter2"
connections = "four"
mode = "ful"
"#), @r#"
    `url` is missing in [env.local.database.main]
      --> playbook.toml:1:21
      |
    1 | [env.local.database.main]
      |                     ^^^^
      why: Where it is.
      fix: add url = "…"

    `acess` is no setting of `database`
      --> playbook.toml:2:1
      |
    2 | acess = "write"
      | ^^^^^
      fix: did you mean `access`?

    `wirte` is no access
      --> playbook.toml:3:10
      |
    3 | access = "wirte"
      |          ^^^^^^^
      fix: did you mean `write`?

    `pasword` is no setting of `database`
      --> playbook.toml:4:1
      |
    4 | pasword = [secret]
      | ^^^^^^^
      fix: did you mean `password`?

    `connections` takes a whole number, not a string
      --> playbook.toml:5:15
      |
    5 | connections = "four"
      |               ^^^^^^
      fix: write for example connections = 10

    `ful` is no choice of `mode`
      --> playbook.toml:6:8
      |
    6 | mode = "ful"
      |        ^^^^^
      fix: did you mean `full`?
    "#);
}

#[test]
fn every_mistake_inside_a_setting_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"[env.local.database.main]
url = "env:X"
rules = [{ patern = "x" }, 3, {}]
labels = { team = 3 }
[env.local.database.other]
url = "env:X"
connections = 70000
[env.local.database.third]
url = "env:X"
even = 3
"#), @r#"
    `pattern` is missing in `rules` of [env.local.database.main]
      --> playbook.toml:3:1
      |
    3 | rules = [{ patern = "x" }, 3, {}]
      | ^^^^^
      why: What it matches.
      fix: add pattern = "…"

    `patern` is no setting of `database`
      --> playbook.toml:3:12
      |
    3 | rules = [{ patern = "x" }, 3, {}]
      |            ^^^^^^
      fix: did you mean `pattern`?

    an element of `rules` is a table, not a whole number
      --> playbook.toml:3:28
      |
    3 | rules = [{ patern = "x" }, 3, {}]
      |                            ^
      fix: write for example rules = [{ … }]

    `team` takes a string, not a whole number
      --> playbook.toml:4:19
      |
    4 | labels = { team = 3 }
      |                   ^
      fix: write for example team = "…"

    `connections` must be at most 65535, not 70000
      --> playbook.toml:7:15
      |
    7 | connections = 70000
      |               ^^^^^

    `even`: this must be even
      --> playbook.toml:10:8
       |
    10 | even = 3
       |        ^
      fix: write 2
    "#);
}

#[test]
fn a_secret_in_clear_is_refused_and_not_shown() {
    insta::assert_snapshot!(wrong(r#"[env.local.database.main]
url = "env:X"
password = "hunter2"
[env.local.database.other]
url = "env:X"
password = "evn:hunter2"
[env.local.database.third]
url = 5 # postgres://app:hunter2@db/app
password = 5
"#), @r#"
    the secret `password` may not stand in clear in playbook.toml
      --> playbook.toml:3:12
      |
    3 | password = [secret]
      |            ^
      fix: put its value elsewhere and refer to it: password = "env:NAME" or password = "file:PATH"

    the secret `password` may not stand in clear in playbook.toml
      --> playbook.toml:6:12
      |
    6 | password = [secret]
      |            ^
      fix: did you mean "env:…"? put its value elsewhere and refer to it: password = "env:NAME" or password = "file:PATH"

    `url` takes a string, not a whole number
      --> playbook.toml:8:7
      |
    8 | url = 5 # postgres://app:[secret]@db/app
      |       ^
      fix: write for example url = "…"

    the secret `password` may not stand in clear in playbook.toml
      --> playbook.toml:9:12
      |
    9 | password = [secret]
      |            ^
      fix: put its value elsewhere and refer to it: password = "env:NAME" or password = "file:PATH"
    "#);
    insta::assert_snapshot!(wrong("[env.local.database]\nmain = { url = \"env:X\", password = \"hunter2\", conections = 3 }\n"), @r#"
    the secret `password` may not stand in clear in playbook.toml
      --> playbook.toml:2:36
      |
    2 | main = { url = "env:X", password = [secret], conections = 3 }
      |                                    ^
      fix: put its value elsewhere and refer to it: password = "env:NAME" or password = "file:PATH"

    `conections` is no setting of `database`
      --> playbook.toml:2:47
      |
    2 | main = { url = "env:X", password = •••••••••, conections = 3 }
      |                                               ^^^^^^^^^^
      fix: did you mean `connections`?
    "#);
}

#[test]
fn syntax_errors_and_duplicates_are_shown_without_secrets() {
    insta::assert_snapshot!(wrong("[env.local.database.main]\nurl = \"env:X\"\npassword = hunter2\npassword = \"hunter2\"\n[env.local\n"), @"
    a value is not quoted
      --> playbook.toml:3:12
      |
    3 | password = [secret]
      |            ^^^^^^^
      fix: put the value in double quotes

    `password` stands twice
      --> playbook.toml:4:1
      |
    4 | password = [secret]
      | ^^^^^^^^
      fix: keep one of the two; the first is on line 3

    the `[` of a table is not closed
      --> playbook.toml:5:11
      |
    5 | [env.local
      |           ^
      fix: close it with `]`
    ");
}
