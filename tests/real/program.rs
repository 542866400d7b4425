//! Programs, through playbooks: what may run, how it ends, and that nothing of it is left.

use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::rig::seen::Seen;
use crate::rig::{Rig, interrupt, wait_until};

/// A project in which `program.sh` may run any script of the shell.
fn shell(more: &str) -> Rig {
    Rig::new(&format!(
        "[env.local.program.sh]\naccess = \"destroy\"\nread = [[\"-c\", \"echo *\"]]\nwrite = [[\"-c\", \"**\"]]\n{more}\n"
    ))
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Programs.\n//!\n//! uses = [\"program.sh:destroy\"]\nlet sh = program(\"sh\");\n{body}\n"
    ))
}

/// Whether the process whose number a program wrote into a file runs.
fn runs(file: &Path) -> bool {
    let pid = std::fs::read_to_string(file).unwrap();
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

#[track_caller]
fn gone(rig: &Rig, file: &str) {
    wait_until(&format!("the process in {file} has ended"), 5, || !runs(&rig.path(file)));
}

/// A script that only notes the polite signal, with a background child that ignores it; both hold the outputs.
const STUBBORN: &str = "trap 'echo asked >asked' TERM; echo $$ >leader; (trap '' TERM; sleep 600) & echo $! >member; \
                        echo ready; while :; do wait; done";

#[test]
fn a_value_has_code_outputs_and_time() {
    let (_, seen) = exec(
        shell("ok = [0, 3]"),
        r#"let done = sh.run(["-c", "cat; echo oops >&2; exit 3"], #{ stdin: "one\ntwo\n" });
           check "code", done.code == 3;
           check "stdout", done.stdout == "one\ntwo";
           check "stderr", done.stderr == "oops";
           check "time", done.took_ms < 60000;
           check "read", sh.read(["-c", "echo hi"]).stdout == "hi";"#,
    );
    seen.expect(0).says("oops");
}

#[test]
fn without_a_list_nothing_may_be_run() {
    let rig = Rig::new("[env.local.program.sh]\naccess = \"write\"\n");
    let (_, seen) = exec_with(rig, r#"program("sh").run(["-c", "true"]);"#);
    seen.expect(3)
        .says("may not be run with")
        .says(r#"write = [["-c", "true"]]"#)
        .says("[env.local.program.sh]");
}

fn exec_with(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Programs.\n//!\n//! uses = [\"program.sh:write\"]\n{body}\n"))
}

#[test]
fn only_the_lists_of_the_verb_allow_a_call_and_a_denial_cannot_be_caught() {
    let settings = "[env.local.program.sh]\naccess = \"destroy\"\nread = [[\"-c\", \"true\"]]\nwrite = [[\"*\"]]\n\
                    destroy = [[\"-c\", \"rm\", \"**\"]]\n";
    // Where the list stands in the script, `check` finds it before anything runs; where it is made as the script runs, the call
    // itself is refused.
    let forms = [("", ""), ("own(", ")")];
    for (call, code, says) in [
        (r#"sh.read(<["-c", "true"]>)"#, 0, ""),
        (r#"sh.run(<["-c", "true"]>)"#, 0, ""),
        (r#"sh.read(<["file"]>)"#, 3, "call `run` instead"),
        (r#"sh.run(<["--version"]>)"#, 3, "its list `write` allows [\"*\"]"),
        (r#"sh.run(<["-c", "rm", "x"]>)"#, 3, "call `destroy` instead"),
        (r#"sh.destroy(<["-c", "true"]>, #{ on_doubt: "fail" })"#, 3, "call `read` instead"),
        (r#"sh.run(<["-c", "true"]>, #{ undo: <["-c", "false"]> })"#, 3, "false"),
    ] {
        for (begin, end) in forms {
            let call = call.replace('<', begin).replace('>', end);
            let script = format!("fn own(list) {{ list }}\ntry {{ {call}; }} catch {{}}");
            let (rig, seen) = exec(Rig::new(settings), &script);
            seen.expect(code).says(says);
            let is_found = code != 0 && begin.is_empty();
            rig.run(&["check", "test.rhai"]).expect(if is_found { code } else { 0 });
        }
    }
}

#[test]
fn a_plan_runs_what_reads_and_denies_what_would_be_denied() {
    let rig = shell("").file(
        "plan.rhai",
        "//! Plan.\n//!\n//! uses = [\"program.sh:write\"]\nlet sh = program(\"sh\");\n\
         check \"reads\", sh.read([\"-c\", \"echo hi\"]).stdout == \"hi\";\nsh.run([\"-c\", \"touch made\"]);\n",
    );
    rig.run(&["plan", "plan.rhai"]).expect(0).says("run `sh -c");
    assert!(!rig.path("made").exists());
    let rig = rig.file(
        "plan.rhai",
        "//! Plan.\n//!\n//! uses = [\"program.sh:write\"]\nprogram(\"sh\").run([`-${\"x\"}`]);\n",
    );
    rig.run(&["plan", "plan.rhai"]).expect(3).says("may not be run with");
}

#[test]
fn an_exit_code_is_an_error_with_the_last_words() {
    let (_, seen) = exec(
        shell(""),
        r#"sh.run(["-c", "echo fine; echo the disk is on fire >&2; exit 7"], #{ undo: ["-c", "true"] });"#,
    );
    seen.expect(1).says("ended with exit code 7").says("the disk is on fire");
    let (_, seen) = exec(
        shell(""),
        r#"try { sh.run(["-c", "exit 7"]); } catch (error) { check "code", error.details.exit_code == 7; }"#,
    );
    seen.expect(0);
}

#[test]
fn a_program_killed_by_a_signal_says_so() {
    let (_, seen) = exec(shell(""), r#"sh.run(["-c", "kill -9 $$"], #{ undo: ["-c", "true"] });"#);
    seen.expect(1).says("was killed by signal 9 (KILL)");
}

#[test]
fn a_missing_program_says_how_to_get_it() {
    let rig = Rig::new(
        "[env.local.program.sh]\naccess = \"write\"\npath = \"no-such-program\"\nwrite = [[\"**\"]]\n",
    );
    let (_, seen) = exec_with(rig, r#"program("sh").run([]);"#);
    seen.expect(1)
        .says("there is no program `no-such-program`")
        .says("install it")
        .hides("NOT be taken back");
}

#[test]
fn what_could_not_be_started_has_changed_nothing() {
    for (text, mode, fix) in [
        ("#!/bin/sh\n", 0o644, "make it executable: chmod +x"),
        ("#!/nowhere/sh\n", 0o755, "check the interpreter named in its `#!` line"),
    ] {
        let settings =
            "[env.local.program.sh]\npath = \"./tool.sh\"\naccess = \"write\"\nwrite = [[\"**\"]]\n";
        let rig = Rig::new(settings).file("tool.sh", text);
        std::fs::set_permissions(rig.path("tool.sh"), std::fs::Permissions::from_mode(mode)).unwrap();
        let script = "//! T.\n//!\n//! uses = [\"program.sh:write\"]\nprogram(\"sh\").run([\"x\"], #{ undo: [\"y\"] });";
        rig.exec(script).1.expect(1).says("cannot be started").says(fix).hides("could NOT be");
    }
}

#[test]
fn wrong_settings_are_told_with_their_line() {
    let rig = Rig::new("[env.local.program.sh]\naccess = \"write\"\nwrite = [[\"**\", \"x\"]]\n");
    let (_, seen) = exec_with(rig, r#"program("sh").run([]);"#);
    seen.expect(2).says("can only be the last");
}

#[test]
fn the_environment_is_clean_and_a_secret_in_it_is_never_shown() {
    let settings = "env = { PLAIN = \"yes\", TOKEN = \"env:DEPLOY_TOKEN\" }\npass = [\"PASSED\"]";
    let rig = shell(settings)
        .variable("DEPLOY_TOKEN", "tr0ub4dor&3")
        .variable("PASSED", "on")
        .variable("KEPT", "out");
    let (rig, seen) = exec(
        rig,
        r#"let out = sh.run(["-c", "env | sort; echo $TOKEN | base64; echo \"it is $TOKEN\" >&2"], #{ undo: ["-c", "true"] });
           check "clean", !out.stdout.contains("KEPT") && !out.stdout.contains("HOME");
           check "given", out.stdout.contains("PLAIN=yes") && out.stdout.contains("PASSED=on");
           log(out.stdout);
           sh.run(["-c", "echo bad $TOKEN >&2; exit 1"], #{ undo: ["-c", "true"] });"#,
    );
    let seen = seen.expect(1).says("bad [secret]").hides("tr0ub4dor&3").hides("dHIwdWI0ZG9y").says("given");
    assert!(seen.stdout.contains("why: bad [secret]"), "{seen}");
    for entry in
        std::fs::read_dir(rig.path(".playbook")).unwrap().flatten().filter(|entry| entry.path().is_file())
    {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(11).any(|part| part == b"tr0ub4dor&3"), "{:?} holds the secret", entry.path());
    }
}

#[test]
fn a_line_of_a_gigabyte_is_cut_and_costs_neither_memory_nor_time() {
    let begin = Instant::now();
    let (_, seen) = exec(
        shell(""),
        r#"let out = sh.run(["-c", "head -c 1000000000 /dev/zero; echo; echo end"]);
           check "the end is kept", out.stdout.ends_with("end") && out.stdout.len() < 70000;"#,
    );
    let seen = seen.expect(0).says("line cut after 64.0 KiB");
    assert!(seen.all().len() < 1_000_000, "{} bytes were shown", seen.all().len());
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

#[test]
fn what_is_no_utf8_is_shown_as_such() {
    let (_, seen) =
        exec(shell(""), r#"check "shown", sh.run(["-c", "printf 'a\\377b'"]).stdout == "a\ufffdb";"#);
    seen.expect(0).says("a\u{fffd}b");
}

#[test]
fn a_background_child_that_holds_the_outputs_neither_hangs_the_run_nor_stays() {
    let begin = Instant::now();
    let (rig, seen) = exec(shell(""), r#"sh.run(["-c", "sleep 600 & echo $! >member; echo started"]);"#);
    seen.expect(0).says("started");
    assert!(begin.elapsed() < Duration::from_secs(20));
    gone(&rig, "member");
}

#[test]
fn a_timeout_leaves_nothing_running() {
    let call = format!(r#"sh.run(["-c", `{STUBBORN}`], #{{ timeout: "5s", undo: ["-c", "true"] }});"#);
    let (rig, seen) = exec(shell(""), &call);
    seen.expect(4).says("within 5.0s");
    gone(&rig, "leader");
    gone(&rig, "member");
}

#[test]
fn an_endless_output_is_ended_by_its_timeout() {
    let begin = Instant::now();
    let (_, seen) =
        exec(shell(""), r#"sh.run(["-c", "exec yes"], #{ timeout: "300ms", undo: ["-c", "true"] });"#);
    seen.expect(4).says("within 300ms");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

/// A run of `script` in which the program has said `ready`.
fn ready(rig: &Rig) -> (Child, impl FnOnce() -> String + use<>) {
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (told, heard) = std::sync::mpsc::channel();
    let other = told.clone();
    let follow = move |from: &mut dyn std::io::BufRead, told: std::sync::mpsc::Sender<()>| {
        let mut all = String::new();
        while from.read_line(&mut all).is_ok_and(|count| count > 0) {
            if all.contains("ready") {
                let _ = told.send(());
            }
        }
        all
    };
    let out = std::thread::spawn(move || follow(&mut out, told));
    let err = std::thread::spawn(move || follow(&mut err, other));
    heard.recv_timeout(Duration::from_secs(60)).unwrap();
    (child, move || out.join().unwrap() + &err.join().unwrap())
}

#[test]
fn ctrl_c_lets_a_program_close_and_leaves_nothing_running() {
    let polite =
        "trap 'echo closed >closing; exit 0' TERM; echo $$ >leader; echo ready; while :; do sleep 0.1; done";
    let rig = shell("").file(
        "test.rhai",
        &format!("//! Stop.\n//!\n//! uses = [\"program.sh:write\"]\nprogram(\"sh\").run([\"-c\", `{polite}`], #{{ undo: [\"-c\", \"true\"] }});\n"),
    );
    let (mut child, said) = ready(&rig);
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{}", said());
    assert_eq!(std::fs::read_to_string(rig.path("closing")).unwrap(), "closed\n");
    gone(&rig, "leader");
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_still_leaves_nothing_running() {
    let rig = shell("").file(
        "test.rhai",
        &format!("//! Stop.\n//!\n//! uses = [\"program.sh:write\"]\nprogram(\"sh\").run([\"-c\", `{STUBBORN}`]);\n"),
    );
    let (mut child, said) = ready(&rig);
    let begin = Instant::now();
    interrupt(&child);
    wait_until("the first signal has come through", 5, || rig.path("asked").exists());
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(6), "its undo was not run: {}", said());
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    gone(&rig, "leader");
    gone(&rig, "member");
}

#[test]
fn undo_is_run_when_a_later_check_fails() {
    let (rig, seen) = exec(
        shell(""),
        r#"sh.run(["-c", "touch made"], #{ undo: ["-c", "rm made; touch undone"] });
           check "made", sh.read(["-c", "echo *"]).stdout.contains("made");
           check "fails", 1 == 2;"#,
    );
    seen.expect(1);
    assert!(!rig.path("made").exists() && rig.path("undone").exists());
}

#[test]
fn an_output_is_read_as_json_or_lines() {
    let (_, seen) = exec(
        shell(""),
        r#"check "json", sh.run(["-c", "echo greeting; echo '{\"a\": [1, 2]}'"], #{ parse: "json" }).json.a == [1, 2];
           check "each line", sh.run(["-c", "echo '{\"a\": 1}'; echo '{\"a\": 2}'"], #{ parse: "json-lines" }).json.map(|one| one.a) == [1, 2];
           check "lines", sh.read(["-c", "echo one"], #{ parse: "lines" }).lines == ["one"];
           sh.read(["-c", "echo none"], #{ parse: "json" });"#,
    );
    seen.expect(6).says("the output holds no JSON").says("none");
}
