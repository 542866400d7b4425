//! Mistakes of the language: syntax, names, numbers of values, variables, parameters, modules.

use super::{rig, right, shown, wrong};

#[test]
fn a_missing_semicolon_is_shown_where_it_belongs() {
    insta::assert_snapshot!(wrong("//! T.\nlet name = \"x\"   // the name\n\nlog(name);\n"), @"");
}

#[test]
fn a_bracket_that_is_never_closed_is_shown_where_it_opens() {
    insta::assert_snapshot!(wrong("//! T.\nstep \"One\" {\n    if true {\n        log(\"}\");\n}\n"), @"");
    insta::assert_snapshot!(wrong("//! T.\nlog([1, 2, 3;\nlog(1);\n"), @"");
}

#[test]
fn a_word_of_the_language_is_no_name() {
    insta::assert_snapshot!(wrong("//! T.\nlet step = 1;\nfor check in [1] { }\n"), @"");
    insta::assert_snapshot!(wrong("//! T.\nlet x = null;\n"), @"");
    insta::assert_snapshot!(wrong("//! T.\nfunction go() { }\n"), @"");
}

#[test]
fn an_unknown_function_has_a_near_name() {
    insta::assert_snapshot!(wrong("//! T.\nwiat(\"5s\");\nlogg(1);\nsqlte(\"main\");\nquery(\"SELECT 1\");\nfrobnicate();\nsleep(3);\n"), @"");
}

#[test]
fn an_unknown_method_of_an_unknown_value_is_found_too() {
    insta::assert_snapshot!(wrong("//! T.\nfn last(list) { list.revrse(); list.pop() }\nlog(last([1]));\n"), @"");
}

#[test]
fn a_wrong_number_of_values() {
    insta::assert_snapshot!(wrong("//! T.\nfn add(a, b) { a + b }\nlog(add(1));\nwait();\n\"abc\".contains();\nparallel([], #{}, 3);\n"), @"");
}

#[test]
fn a_closure_is_called_with_call() {
    insta::assert_snapshot!(wrong("//! T.\nlet twice = |x| x * 2;\nlog(twice(2));\n"), @"");
}

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
    insta::assert_snapshot!(wrong(script), @"");
}

#[test]
fn parameters_and_facts_that_are_not_there() {
    insta::assert_snapshot!(wrong("//! T.\n//!\n//! params = { version = \"string\" }\nlog(params.versoin);\nlog(params[\"colour\"]);\nlog([1].map(|x| params.verion));\nlog(run.environmnt);\n"), @"");
}

#[test]
fn durations_and_counts_of_forms() {
    insta::assert_snapshot!(wrong("//! T.\nretry \"3\" every \"5 parsecs\" { }\nwait(\"soon\");\n"), @"");
}

#[test]
fn modules_that_are_not_there_or_have_no_such_function() {
    let script = "//! T.\nimport \"std/helth\" as health;\nimport \"lib/common\" as common;\nimport \"../elsewhere\" as other;\nimport \"lib/none\" as none;\ncommon::greet();\ncommon::great(\"you\");\ncommon::secret();\ncomon::greet(\"you\");\n";
    let rig = rig(script).file("lib/common.rhai", "fn greet(name) { log(nme); }\nprivate fn secret() { }\n");
    insta::assert_snapshot!(shown(&rig, 2), @"");
}

#[test]
fn modules_in_a_circle_and_modules_that_do_not_parse() {
    let rig = rig("//! T.\nimport \"a\" as a;\nimport \"c\" as c;\na::one();\n")
        .file("a.rhai", "import \"b\" as b;\nfn one() { b::two() }\n")
        .file("b.rhai", "import \"a\" as a;\nfn two() { a::one() }\n")
        .file("c.rhai", "fn three( { }\n");
    insta::assert_snapshot!(shown(&rig, 2), @"");
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
log((1..10).step(2).len());
let date = run?.id;
"#;
    insta::assert_snapshot!(right(script), @"");
}
