//! The language: forms, variables, modules, parallel branches, errors, parameters.

use crate::rig::Rig;

const FILES: &str = "[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
const USES: &str = "//! A test.\n//!\n//! uses = [\"files.store:write\"]\n";

fn exec(script: &str) -> crate::rig::seen::Seen {
    Rig::new(FILES).exec(&format!("{USES}{script}")).1
}

#[test]
fn a_step_sees_and_changes_the_variables_around_it() {
    exec(
        r#"
        let total = 1;
        let out = step "Add" { total += 2; total * 10 };
        check "changed", total == 3;
        check "its value", out == 30;
        fn inner() { let seen = 0; for i in 0..5 { step "Turn" { if i == 3 { return seen; } seen += 1; } } -1 }
        check "return leaves the function", inner() == 3;
        let turns = 0;
        for i in 0..9 { step "Break" { if i == 2 { break; } turns += 1; } }
        check "break leaves the loop", turns == 2;
        "#,
    )
    .expect(0)
    .says("all 4 checks passed");
}

#[test]
fn the_words_of_the_forms_stay_free_as_names() {
    exec(
        r#"
        let options = #{ retry: 3, step: 2, check: [1, #{ metric: 4 }], "every": 1 };
        check "keys", options.retry + options.step + options.check[1].metric == 9;
        let sum = 0;
        for i in [#{ step: 15 }] { sum += i.step; }
        check "property", sum == 15;
        "#,
    )
    .expect(0)
    .says("all 2 checks passed");
}

#[test]
fn a_check_shows_both_sides_and_fails_the_run() {
    let seen = exec("let rows = 4;\nstep \"Count\" {\n    check \"rows\", rows == 3;\n}\n").expect(1);
    insta::assert_snapshot!(seen.says("rows: 4 (wanted == 3)").stdout.lines().filter(|line| line.contains("-->")).collect::<String>(), @"  --> test.rhai:6:11");
}

#[test]
fn a_check_of_a_text_with_a_number_is_a_mistake_and_not_a_no() {
    exec("check \"version\", \"3\" == 3;").expect(1).says("a text is compared with a whole number");
}

#[test]
fn retry_tries_again_and_gives_up_with_the_last_error() {
    exec("let n = 0; retry 3 every \"1ms\" { n += 1; if n < 3 { fail(\"not yet\"); } } check \"turns\", n == 3;").expect(0);
    exec("let n = 0; retry 2 every \"1ms\" { n += 1; fail(`try ${n}`); }").expect(1).says("try 2");
    exec("let none = 0; retry none every \"1ms\" { }").expect(1).says("how many times");
}

#[test]
fn parallel_returns_values_in_order_within_its_limit() {
    exec(
        r#"
        let out = parallel([|| { wait("60ms"); 1 }, || 2, || { step "three" { 3 } }], #{ limit: 2 });
        check "in order", out[0] * 100 + out[1] * 10 + out[2] == 123;
        check "empty", parallel([]).len() == 0;
        "#,
    )
    .expect(0);
    exec("parallel([|| 1], #{ limt: 2 });").expect(2).says("no option `limt`");
    exec("let options = #{ limt: 2 }; parallel([|| 1], options);").expect(1).says("no option `limt`");
    exec("let none = 0; parallel([|| 1], #{ limit: none });").expect(1).says("a number from 1 to 256");
    exec("parallel([1]);").expect(1).says("array of closures");
}

#[test]
fn the_first_failure_in_parallel_stops_the_other_branches() {
    let begin = std::time::Instant::now();
    exec("parallel([|| wait(\"50s\"), || { wait(\"20ms\"); fail(\"this one\"); }, || { loop {} }]);")
        .expect(1)
        .says("this one")
        .hides("another branch");
    assert!(begin.elapsed().as_secs() < 20, "the siblings went on");
}

#[test]
fn a_module_of_the_project_and_of_the_library_can_be_imported() {
    let rig =
        Rig::new(FILES).file("lib/sums.rhai", "//! Sums.\nfn add(a, b) { step \"In a module\" { a + b } }");
    rig.exec("import \"lib/sums\" as sums;\nimport \"std/health\" as health;\ncheck \"sum\", sums::add(1, 2) == 3;")
        .1
        .expect(0)
        .says("In a module");
}

#[test]
fn a_module_outside_the_project_or_in_a_circle_is_refused() {
    for path in ["../other", "/etc/passwd", "lib/../../other"] {
        Rig::new(FILES).exec(&format!("import \"{path}\" as it;")).1.expect(3).says("outside the project");
    }
    let rig = Rig::new(FILES).file("a.rhai", "import \"b\" as b;").file("b.rhai", "import \"a\" as a;");
    rig.exec("import \"a\" as a;").1.says("a → b → a");
    let rig = Rig::new(FILES);
    std::os::unix::fs::symlink("/etc", rig.path("link")).unwrap();
    rig.exec("import \"link/hosts\" as it;").1.expect(3).says("outside the project");
    Rig::new(FILES).exec("import \"std/helth\" as it;").1.expect(2).says("did you mean `std/health`?");
}

#[test]
fn an_error_of_ours_is_a_map_that_a_script_may_hold() {
    exec(
        r#"
        let what = ();
        try { files("store").get("none"); } catch (error) { what = error; }
        check "kind", what.kind == "missing";
        check "names the thing", what.what.contains("none");
        check "has a place", what.at.line > 0;
        "#,
    )
    .expect(0);
    exec("throw #{ what: \"no space\", fix: \"make some\" };")
        .expect(1)
        .says("no space")
        .says("fix: make some");
    exec("fail(\"no space\", #{ why: \"full\", fix: \"make some\" });").expect(1).says("why: full");
}

#[test]
fn the_chain_of_calls_leads_from_the_mistake_to_the_playbook() {
    let rig =
        Rig::new(FILES).file("lib/deep.rhai", "fn one() { two() }\nfn two() { let list = []; list[3] }");
    let seen = rig.exec("import \"lib/deep\" as deep;\n\ndeep::one();").1.expect(1);
    insta::assert_snapshot!(seen.stdout.split("✘ ").last().unwrap().split("\n\nrun").next().unwrap(), @r"
    there is no item 3: the array is empty
      --> lib/deep:2:32
      |
    2 | fn two() { let list = []; list[3] }
      |                                ^
      in `two`, called from lib/deep:1:12
      in `one`, called from test.rhai:3:7
      fix: ask `.len()` first; the first item is 0
    ");
}

#[test]
fn a_value_that_cannot_be_passed_on_is_refused() {
    exec("files(\"store\").put(\"key\", || 1);").expect(1).says("cannot be passed on");
    exec("files(\"store\").put(\"key\", 0..3);").expect(1).says("cannot be passed on");
}

#[test]
fn what_is_gone_says_what_to_write_instead() {
    exec("let ms = 12.5; log(ms); log(2.0);").expect(0).says("12.5").says("2.0");
    exec("sleep(1);").says("write `wait(\"5s\")`");
    for line in ["exit();", "exit(1);", "exit(\"badly\");"] {
        exec(line).expect(2).says("`exit` is not part of the language").says("write `fail(");
    }
    // Where it cannot be seen before the run.
    exec("let leave = Fn(\"exit\"); try { leave.call(1); } catch (error) { fail(error.what); }")
        .expect_any(&[1, 2])
        .says("`exit` is not part of the language");
    exec("eval(\"1\");").expect(2).says("eval");
    exec("timestamp();").says("now()");
}

#[test]
fn a_rollback_sees_what_its_step_made_in_functions_loops_and_modules() {
    let module = "//! M.\nfn put_one(store, key) { step `Put ${key}` { let made = key; store.put(key, \"x\"); } rollback { note(made); } }\n\
                  fn note(key) { log(`module takes ${key} back`); }";
    let rig = Rig::new(FILES).file("lib/m.rhai", module);
    let script = format!(
        "{USES}import \"lib/m\" as m;\nlet store = files(\"store\");\nm::put_one(store, \"in-module\");\n\
         fn local(store) {{ step \"Local\" {{ let mine = \"in-function\"; store.put(mine, \"x\"); }} rollback {{ told(mine); }} }}\n\
         fn told(it) {{ log(`function takes ${{it}} back`); }}\nlocal(store);\n\
         for i in 0..3 {{ step \"Turn\" {{ store.put(`turn-${{i}}`, \"x\"); }} rollback {{ log(`loop takes ${{i}} back`); }} }}\n\
         fail(\"now\");"
    );
    let (rig, seen) = rig.exec(&script);
    let seen = seen.expect(1);
    let shown = rig.run(&["exec", "test.rhai", "--output", "json"]).expect(1);
    let logged: Vec<&str> = shown.stdout.lines().filter(|line| line.contains("\"logged\"")).collect();
    for (line, text) in logged.iter().zip([
        "loop takes 2",
        "loop takes 1",
        "loop takes 0",
        "function takes in-function",
        "module takes in-module",
    ]) {
        assert!(line.contains(text), "{text} ≠ {line}");
    }
    assert_eq!(logged.len(), 5, "{seen}");
    assert!(
        std::fs::read_dir(rig.path("store")).unwrap().all(|entry| entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
}

#[test]
fn a_step_that_changed_nothing_has_nothing_to_take_back() {
    exec("step \"Look\" { files(\"store\").list(\"\"); fail(\"now\"); } rollback { fail(\"undone\" + \" again\"); }")
        .expect(1)
        .hides("undone again");
}
