//! Mistakes of the language: syntax, functions, numbers of values; and that what is right is left alone.

use super::{right, wrong};

#[test]
fn a_missing_semicolon_is_shown_where_it_belongs() {
    insta::assert_snapshot!(wrong("//! T.\nlet name = \"x\"   // the name\n\nlog(name);\n"), @r#"
error: there is no `;` after this statement
  --> deploy.rhai:2:15
  |
2 | let name = "x"   // the name
  |               ^
  fix: put `;` there

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn a_bracket_that_is_never_closed_is_shown_where_it_opens() {
    insta::assert_snapshot!(wrong("//! T.\nstep \"One\" {\n    if true {\n        log(\"}\");\n}\n"), @r#"
error: this `{` is never closed
  --> deploy.rhai:2:12
  |
2 | step "One" {
  |            ^
  fix: put `}` where it should end

deploy.rhai: 1 mistake in the environment `local`
"#);
    insta::assert_snapshot!(wrong("//! T.\nlog([1, 2, 3;\nlog(1);\n"), @r#"
error: this `[` is never closed
  --> deploy.rhai:2:5
  |
2 | log([1, 2, 3;
  |     ^
  fix: put `]` where it should end

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn a_word_of_the_language_is_no_name() {
    insta::assert_snapshot!(wrong("//! T.\nlet step = 1;\nfor check in [1] { }\n"), @r#"
error: `step` is a word of the language and cannot be a variable
  --> deploy.rhai:2:5
  |
2 | let step = 1;
  |     ^^^^
  fix: choose another name

error: `check` is a word of the language and cannot be a variable
  --> deploy.rhai:3:5
  |
3 | for check in [1] { }
  |     ^^^^^
  fix: choose another name

deploy.rhai: 2 mistakes in the environment `local`
"#);
    insta::assert_snapshot!(wrong("//! T.\nlet x = null;\n"), @r#"
error: `null` is a reserved word
  --> deploy.rhai:2:9
  |
2 | let x = null;
  |         ^
  fix: write `()` for nothing

deploy.rhai: 1 mistake in the environment `local`
"#);
    insta::assert_snapshot!(wrong("//! T.\nfunction go() { }\n"), @r#"
error: `function` is no word of the language
  --> deploy.rhai:2:1
  |
2 | function go() { }
  | ^^^^^^^^
  fix: write `fn` in place of `function`

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn an_unknown_function_has_a_near_name() {
    insta::assert_snapshot!(wrong("//! T.\nwiat(\"5s\");\nlogg(1);\nsqlte(\"main\");\nquery(\"SELECT 1\");\nfrobnicate();\nsleep(3);\n"), @r#"
error: there is no function `wiat`
  --> deploy.rhai:2:1
  |
2 | wiat("5s");
  | ^^^^
  fix: did you mean `wait`?

error: there is no function `logg`
  --> deploy.rhai:3:1
  |
3 | logg(1);
  | ^^^^
  fix: did you mean `log`?

error: there is no function `sqlte`
  --> deploy.rhai:4:1
  |
4 | sqlte("main");
  | ^^^^^
  fix: did you mean `sqlite`?

error: there is no function `query`
  --> deploy.rhai:5:1
  |
5 | query("SELECT 1");
  | ^^^^^
  fix: it is a method; for example: sqlite("main").query("SELECT name FROM users WHERE id > ?", [100])

error: there is no function `frobnicate`
  --> deploy.rhai:6:1
  |
6 | frobnicate();
  | ^^^^^^^^^^
  fix: declare it: `fn frobnicate(…) { … }`, or import the module that has it

error: `sleep` is not part of the language
  --> deploy.rhai:7:1
  |
7 | sleep(3);
  | ^^^^^
  fix: write `wait("5s")`, which is journalled and can be stopped

deploy.rhai: 6 mistakes in the environment `local`
"#);
}

#[test]
fn an_unknown_method_of_an_unknown_value_is_found_too() {
    insta::assert_snapshot!(wrong("//! T.\nfn last(list) { list.revrse(); list.pop() }\nlog(last([1]));\n"), @r#"
error: nothing has a method `revrse`
  --> deploy.rhai:2:22
  |
2 | fn last(list) { list.revrse(); list.pop() }
  |                      ^^^^^^
  fix: did you mean `reverse`?

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn a_wrong_number_of_values() {
    insta::assert_snapshot!(wrong("//! T.\nfn add(a, b) { a + b }\nlog(add(1));\nwait();\n\"abc\".contains();\nparallel([], #{}, 3);\n"), @r#"
error: `add` takes 2 values, and it is given 1
  --> deploy.rhai:3:5
  |
3 | log(add(1));
  |     ^^^
  fix: write `add(a, b)`

error: `wait` takes 1 value, and it is given 0
  --> deploy.rhai:4:1
  |
4 | wait();
  | ^^^^
  fix: write for example wait("5s")

error: `contains` takes 1 value, and it is given 0
  --> deploy.rhai:5:7
  |
5 | "abc".contains();
  |       ^^^^^^^^
  fix: give it 1

error: `parallel` takes 1 or 2 values, and it is given 3
  --> deploy.rhai:6:1
  |
6 | parallel([], #{}, 3);
  | ^^^^^^^^
  fix: write for example parallel([|| …, || …], #{ limit: 4 })

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn a_closure_is_called_with_call() {
    insta::assert_snapshot!(wrong("//! T.\nlet twice = |x| x * 2;\nlog(twice(2));\n"), @r#"
error: `twice` is a variable and no function
  --> deploy.rhai:3:5
  |
3 | log(twice(2));
  |     ^^^^^
  fix: if it holds a closure, write `twice.call(…)`

deploy.rhai: 1 mistake in the environment `local`
"#);
}

#[test]
fn durations_and_counts_of_forms() {
    insta::assert_snapshot!(wrong("//! T.\nretry \"3\" every \"5 parsecs\" { }\nwait(\"soon\");\n"), @r#"
error: `retry` needs how many times
  --> deploy.rhai:2:7
  |
2 | retry "3" every "5 parsecs" { }
  |       ^
  fix: write for example `retry 5 every "2s" { … }`

error: `5 parsecs` is no duration
  --> deploy.rhai:2:17
  |
2 | retry "3" every "5 parsecs" { }
  |                 ^^^^^^^^^^^
  fix: write for example "250ms", "30s", "5m" or "1h30m"

error: `soon` is no duration
  --> deploy.rhai:3:6
  |
3 | wait("soon");
  |      ^^^^^^
  fix: write for example "250ms", "30s", "5m" or "1h30m"

deploy.rhai: 3 mistakes in the environment `local`
"#);
}

#[test]
fn what_is_right_is_not_complained_of() {
    let script = r#"#!/usr/bin/env playbook
//! T.
//!
//! params = { hosts = { type = "list", default = [] }, version = { type = "string", default = "1" } }

import "std/health" as health;
const LIMIT = 3;
fn double(x) { x * 2 }
fn limit() { global::LIMIT }
fn describe() { `${this} of ${params.version} in ${run.environment}` }
fn fact(n) { if n < 2 { 1 } else { n * fact(n - 1) } }
fn int.half() { this / 2 }
let total = 0;
for (host, index) in params.hosts { total += index + host.len(); }
let shape = #{ area: |w, h| w * h, name: "square" };
log(shape.area(2, 3) + shape.name.to_upper() + 4.half());
let apply = double;
log(apply.call(2) + Fn("double").call(3) + [1, 2].map(double).len());
let add = |a, b| a + b + total;
log(add.call(1, 2));
let word = "three".describe();
try { fail("x", #{ why: "y" }); } catch (error) { log(error.what + error.kind); }
switch total { 0 => log("none"), 1..5 if total > 2 => log("few"), _ => { let many = total; log(many) } }
let step_of = step "Named" { let inner = limit(); inner * 2 } rollback { log(inner); };
retry 3 every "1ms" { total += 1; check "grows", total > 0; }
metric "share (%)", total * 100 / 4 <= 100;
let name = if total == 1 { "one" } else { () };
let found = name ?? "none";
do { total -= 1; } while total > 0;
loop { if total > LIMIT { break total; } total += 1; }
let nested = [[1, 2], [3]];
log(nested[0][1].to_string() + nested[1].len() + "abc"[0] + found);
nested[0].push(5);
parallel([|| fact(3), || { wait("1ms"); 2 }], #{ limit: 2 });
let sorted = [3, 1]; sorted.sort(|a, b| a - b);
if is_def_var("total") && type_of(total) == "i64" && !("x" in #{ x: 1 }) { print(now()); }
log(range(1, 10, 2));
let date = run?.id;
"#;
    insta::assert_snapshot!(right(script), @r#"
deploy.rhai: nothing wrong in the environment `local`

It touches nothing.
"#);
}

#[test]
fn a_function_that_hides_a_method_of_a_resource() {
    let rig = crate::rig::Rig::new("[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n");
    let script = "//! T.\n//!\n//! uses = [\"files.store:write\"]\nfn put(key, text) { log(key); }\nfiles(\"store\").put(\"k\", \"x\");";
    let (rig, seen) = rig.exec(script);
    seen.expect(2).says("own function `put` would be called here").says("test.rhai:5:16");
    let other = script.replace("fn put(key, text)", "fn put(key)");
    rig.exec(&other).1.expect(0);
}

#[test]
fn a_misspelt_word_at_the_beginning_of_a_statement() {
    insta::assert_snapshot!(wrong("//! T.\nif true { chekc \"x\", 1 == 1; }\n"), @r#"
    error: `chekc` is no word of the language
      --> deploy.rhai:2:11
      |
    2 | if true { chekc "x", 1 == 1; }
      |           ^^^^^
      fix: did you mean `check`?

    deploy.rhai: 1 mistake in the environment `local`
    "#);
    assert!(wrong("//! T.\nstpe \"x\" { log(\"y\"); }\n").contains("did you mean `step`?"));
}

#[test]
fn a_bracket_of_the_header_that_is_not_closed() {
    for (header, said) in [
        ("//! uses = [\"files.out:read\"", "the `[` of a list is not closed"),
        ("//! [params\n//! a = \"int\"", "the `[` of a table is not closed"),
    ] {
        let rig = super::rig(&format!("//! T.\n//!\n{header}\n"));
        rig.run(&["check", "deploy.rhai"]).expect(2).says(said).says("fix: close it with `]`");
    }
}
