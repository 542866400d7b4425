//! Headers as they are read, and what a wrong one is answered with.

use super::*;

fn wrong(text: &str) -> String {
    Header::read("deploy.rhai", text).map_or_else(|error| error.to_string(), |header| format!("{header:?}"))
}

#[test]
fn a_whole_header_is_read() {
    let text = r#"#!/usr/bin/env -S playbook exec
//! Deploy the API: back up,
//! migrate, restart.
//!
//! More about it.
//!
//! params = { version = "string", wait = { type = "duration", default = "5s", max = "1m" } }
//! uses   = ["postgres.main:write",
//!           "http.api:read"]
//! lock   = "api"
//! timeout = "45m"

let x = 1;
"#;
    let header = Header::read("deploy.rhai", text).unwrap();
    assert_eq!(header.title, "Deploy the API: back up, migrate, restart");
    assert_eq!(header.about, "More about it.");
    let names: Vec<_> =
        header.parameters.iter().map(|one| (one.name.as_str(), one.kind, one.default.is_some())).collect();
    assert_eq!(names, [("version", Type::String, false), ("wait", Type::Duration, true)]);
    assert_eq!(header.lock.as_deref(), Some("api"));
    assert_eq!(header.timeout, Some(Duration::from_secs(2700)));
    let place = header.place_of(&"http.api:read".parse().unwrap()).unwrap();
    assert_eq!((place.line, place.column), (9, 15));
}

#[test]
fn parameters_may_stand_in_tables_of_their_own() {
    let header = Header::read(
        "a.rhai",
        "//! A.\n//! [params]\n//! b = \"int\"\n//! [params.a]\n//! default = \"x\"\n",
    )
    .unwrap();
    assert_eq!(header.parameters.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn a_line_that_stands_behind_code_is_not_passed_over() {
    insta::assert_snapshot!(wrong("//! T.\n//! uses = []\nlet x = 1;\n//! lock = \"api\"\nlog(x); //! timeout = \"1s\"\n//! [params]\n"), @r#"
    this line of the header stands behind code, and is not read
      --> deploy.rhai:4:1
      |
    4 | //! lock = "api"
      | ^^^^^^^^^^^^^^^^
      fix: put it at the top of the file, above all but other comments

    this line of the header stands behind code, and is not read
      --> deploy.rhai:6:1
      |
    6 | //! [params]
      | ^^^^^^^^^^^^
      fix: put it at the top of the file, above all but other comments
    "#);
}

#[test]
fn no_header_is_no_mistake() {
    let header = Header::read("a.rhai", "let x = 1;\n//! a lock, and prose\n").unwrap();
    assert_eq!((header.title.as_str(), header.parameters.len()), ("a.rhai", 0));
    assert_eq!(Header::read("a.rhai", "").unwrap().title, "a.rhai");
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! use = [\"postgres.main:write\"]\n//! uses = [\"postgres.main\", \"postgres:read\", \"a.b:wirte\", 3]\n//! timeout = \"5 parsecs\"\n//! lock = 7\nx\n"), @r#"
    `use` is no key of the header
      --> deploy.rhai:3:5
      |
    3 | //! use = ["postgres.main:write"]
      |     ^^^
      fix: did you mean `uses`?

    `postgres.main` names no access
      --> deploy.rhai:4:13
      |
    4 | //! uses = ["postgres.main", "postgres:read", "a.b:wirte", 3]
      |             ^^^^^^^^^^^^^^^
      fix: write `postgres.main:read`, `postgres.main:write` or `postgres.main:destroy`

    `postgres` is no resource
      --> deploy.rhai:4:30
      |
    4 | //! uses = ["postgres.main", "postgres:read", "a.b:wirte", 3]
      |                              ^^^^^^^^^^^^^^^
      fix: write FAMILY.NAME, for example `postgres.main`

    `wirte` is no access
      --> deploy.rhai:4:47
      |
    4 | //! uses = ["postgres.main", "postgres:read", "a.b:wirte", 3]
      |                                               ^^^^^^^^^^^
      fix: did you mean `write`?

    `uses` takes an array of strings, and this is a whole number
      --> deploy.rhai:4:60
      |
    4 | //! uses = ["postgres.main", "postgres:read", "a.b:wirte", 3]
      |                                                            ^
      fix: write for example uses = ["postgres.main:write"]

    `5 parsecs` is no duration
      --> deploy.rhai:5:15
      |
    5 | //! timeout = "5 parsecs"
      |               ^^^^^^^^^^^
      fix: write for example "250ms", "30s", "5m" or "1h30m"

    `lock` takes a string, not a whole number
      --> deploy.rhai:6:12
      |
    6 | //! lock = 7
      |            ^
      fix: write for example lock = "api"
    "#);
}

#[test]
fn every_mistake_in_a_parameter_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"//! [params]
//! a = "sting"
//! b = { type = "int", default = "many" }
//! c = { type = "string", choices = ["blue", "green"], default = "gren" }
//! d = { type = "string", patern = "x", pattern = "(" }
"#), @r#"
    `sting` is no type of a parameter
      --> deploy.rhai:2:9
      |
    2 | //! a = "sting"
      |         ^^^^^^^
      fix: did you mean `string`?

    `b` takes a whole number, such as 3, not `many`
      --> deploy.rhai:3:35
      |
    3 | //! b = { type = "int", default = "many" }
      |                                   ^^^^^^

    `gren` is no choice of `c`
      --> deploy.rhai:4:67
      |
    4 | //! c = { type = "string", choices = ["blue", "green"], default = "gren" }
      |                                                                   ^^^^^^
      fix: did you mean `green`?

    `patern` is no key of a parameter
      --> deploy.rhai:5:28
      |
    5 | //! d = { type = "string", patern = "x", pattern = "(" }
      |                            ^^^^^^
      fix: did you mean `pattern`?

    `(` is no regular expression
      --> deploy.rhai:5:52
      |
    5 | //! d = { type = "string", patern = "x", pattern = "(" }
      |                                                    ^^^
      why: found open group without closing ')'
    "#);
}

#[test]
fn every_mistake_in_the_bounds_of_a_parameter_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"//! [params]
//! e = { about = "nothing" }
//! f = { type = "duration", min = "5s", default = "1s" }
//! g = { type = "bool", max = 3 }
//! h = { type = "string", secret = true, default = "hunter2" }
//! i = 5
"#), @r#"
    the parameter `e` has no type
      --> deploy.rhai:2:5
      |
    2 | //! e = { about = "nothing" }
      |     ^
      fix: add type = "string", or a default

    `f` must be at least 5s, not 1s
      --> deploy.rhai:3:52
      |
    3 | //! f = { type = "duration", min = "5s", default = "1s" }
      |                                                    ^^^^

    `max` is for a number, a duration or a size, not for bool
      --> deploy.rhai:4:26
      |
    4 | //! g = { type = "bool", max = 3 }
      |                          ^^^
      fix: leave it out

    the parameter `h` is a secret and takes no value in clear
      --> deploy.rhai:5:53
      |
    5 | //! h = { type = "string", secret = true, default = [secret] }
      |                                                     ^
      fix: give a reference, for example env:NAME (known: `env`, `file`, `vault`, `aws-sm`, `aws-ssm`)

    `i` takes a type or a table, not a whole number
      --> deploy.rhai:6:9
      |
    6 | //! i = 5
      |         ^
      fix: write for example i = "string"
    "#);
}

#[test]
fn a_syntax_error_has_its_line_in_the_playbook() {
    insta::assert_snapshot!(wrong("#!/bin/sh\n//! T.\n//!\n//! lock = api\n//! uses [\"a.b:read\"]\n"), @r#"
    a value is not quoted
      --> deploy.rhai:4:12
      |
    4 | //! lock = api
      |            ^^^
      fix: put the value in double quotes

    a key has no value
      --> deploy.rhai:5:10
      |
    5 | //! uses ["a.b:read"]
      |          ^
      fix: write KEY = VALUE
    "#);
}

#[test]
fn no_text_is_too_broken_to_be_answered() {
    let text = "\u{feff}#!/bin/é\r\n//! Títle.\r\n//!\r\n//! [params]\r\n//! a = { default = 'é', choices = ['é'] }\r\n//! uses = [\"a.b:read\"]\r\nx\r\n";
    let error = Header::read("a.rhai", text).unwrap_err();
    assert_eq!(error.what, "`uses` stands inside `params`");
    assert_eq!(error.each().count(), 1);
    for (at, sign) in text.char_indices() {
        for other in ["", "\"", "=", "[", "{", "\n", "é", "\u{0}"] {
            let broken = format!("{}{other}{}", &text[..at], &text[at + sign.len_utf8()..]);
            let _ = Header::read("a.rhai", &broken).map_err(|error| error.to_string());
        }
    }
}
