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
    let names: Vec<_> = header.parameters.iter().map(|one| (one.name.as_str(), one.kind, one.default.is_some())).collect();
    assert_eq!(names, [("version", Type::String, false), ("wait", Type::Duration, true)]);
    assert_eq!(header.lock.as_deref(), Some("api"));
    assert_eq!(header.timeout, Some(Duration::from_secs(2700)));
    let place = header.place_of(&"http.api:read".parse().unwrap()).unwrap();
    assert_eq!((place.line, place.column), (9, 15));
}

#[test]
fn parameters_may_stand_in_tables_of_their_own() {
    let header = Header::read("a.rhai", "//! A.\n//! [params]\n//! b = \"int\"\n//! [params.a]\n//! default = \"x\"\n").unwrap();
    assert_eq!(header.parameters.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn no_header_is_no_mistake() {
    let header = Header::read("a.rhai", "let x = 1;\n//! lock = 3\n").unwrap();
    assert_eq!((header.title.as_str(), header.parameters.len()), ("a.rhai", 0));
    assert_eq!(Header::read("a.rhai", "").unwrap().title, "a.rhai");
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! use = [\"postgres.main:write\"]\n//! uses = [\"postgres.main\", \"postgres:read\", \"a.b:wirte\", 3]\n//! timeout = \"5 parsecs\"\n//! lock = 7\nx\n"), @"");
}

#[test]
fn every_mistake_in_a_parameter_is_shown_at_its_place() {
    insta::assert_snapshot!(wrong(r#"//! [params]
//! a = "sting"
//! b = { type = "int", default = "many" }
//! c = { type = "string", choices = ["blue", "green"], default = "gren" }
//! d = { type = "string", patern = "x", pattern = "(" }
//! e = { about = "nothing" }
//! f = { type = "duration", min = "5s", default = "1s" }
//! g = { type = "bool", max = 3 }
//! h = { type = "string", secret = true, default = "hunter2" }
//! i = 5
"#), @"");
}

#[test]
fn a_syntax_error_has_its_line_in_the_playbook() {
    insta::assert_snapshot!(wrong("#!/bin/sh\n//! T.\n//!\n//! lock = api\n//! uses [\"a.b:read\"]\n"), @"");
}
