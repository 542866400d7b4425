//! What a run shows: plain lines into a pipe, a moving screen on a terminal, JSON for machines.

use std::process::{Command, Stdio};

use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};

const SCRIPT: &str = r#"//! Show something.
//!
//! uses = ["http.api:read"]
let api = http("api");
step "Look" {
    check "status", api.get("/").status == 200;
    step "Inner" { metric "time (ms)", api.get("/").ms > 0.0; log("hello"); }
}
"#;

fn project(server: &Http) -> Rig {
    server.tell("/", &[Answer::new(200, "")]);
    Rig::new(&format!("[env.local.http.api]\nurl = \"{}\"\n", server.url())).file("show.rhai", SCRIPT)
}

#[test]
fn into_a_pipe_come_plain_lines_and_the_checklist() {
    let server = Http::start();
    let seen = project(&server).run(&["exec", "show.rhai"]).expect(0);
    assert!(!seen.all().contains('\u{1b}'), "control codes:\n{seen}");
    let stderr = crate::rig::seen::normalise(&seen.stderr);
    let stderr =
        regex_lite::Regex::new(r"ms\): [0-9.]+").unwrap().replace_all(&stderr, "ms): [n]").into_owned();
    insta::assert_snapshot!(stderr, @"
    Show something
    show.rhai · local · [run]

    ▸ Look
      · GET / of http.api  [took]
      ✔ status: 200 (== 200)
      ▸ Inner
        · GET / of http.api  [took]
        ✔ time (ms): [n] (> 0.0)
        hello
      ✔ Inner  [took]
    ✔ Look  [took]
    ");
    seen.says("all 2 checks passed").says("playbook show ");
}

#[test]
fn colours_are_there_when_asked_for() {
    let server = Http::start();
    let seen = project(&server).run(&["exec", "show.rhai", "--color", "always"]).expect(0);
    assert!(
        seen.stderr.contains("\u{1b}[32m✔") && seen.stdout.contains("\u{1b}[32m✔"),
        "no colours:\n{seen}"
    );
    assert!(!seen.stderr.contains("\u{1b}[2K"), "a moving part where nothing can move:\n{seen}");
}

/// Runs the binary on a terminal of its own, as `script` of util-linux makes one.
fn on_a_terminal(rig: &Rig, words: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_playbook");
    let seen = Command::new("script")
        .args(["-q", "-e", "-c", &format!("{binary} {words}"), "/dev/null"])
        .current_dir(rig.folder())
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()
        .expect("this test needs the program `script`");
    assert!(seen.status.success(), "{seen:?}");
    String::from_utf8(seen.stdout).unwrap()
}

#[test]
fn on_a_terminal_the_screen_moves_and_every_line_stays_once() {
    let server = Http::start();
    server.tell("/", &[Answer::new(200, "").after(1500)]);
    let rig =
        Rig::new(&format!("[env.local.http.api]\nurl = \"{}\"\n", server.url())).file("show.rhai", SCRIPT);
    server.tell("/", &[Answer::new(200, "").after(1500)]);
    let seen = on_a_terminal(&rig, "exec show.rhai");
    let (moving, rest) = seen.split_once("✔").unwrap();
    assert!(
        ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"].iter().any(|frame| moving.contains(frame)),
        "nothing moves:\n{seen:?}"
    );
    assert!(
        moving.contains("\u{1b}[2K") || moving.contains("\u{1b}[1A"),
        "nothing is drawn in place:\n{seen:?}"
    );
    assert!(!rest.is_empty());
}

#[test]
fn on_a_terminal_without_colours_the_lines_are_plain() {
    let server = Http::start();
    let rig = project(&server);
    let seen = on_a_terminal(&rig, "exec show.rhai --color never");
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
    assert!(seen.contains("▸ Look"), "{seen:?}");
}

#[test]
fn machines_get_each_event_as_a_line_of_json() {
    let server = Http::start();
    let seen = project(&server).run(&["exec", "show.rhai", "--output", "json"]).expect(0);
    assert_eq!(seen.stderr, "");
    let events: Vec<serde_json::Value> =
        seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((words[0], words[1], *words.last().unwrap()), ("run_began", "step_began", "run_ended"));
    let judged = events.iter().find(|event| event["event"] == "judged").unwrap();
    assert_eq!(
        (&judged["actual"], &judged["target"]),
        (&serde_json::json!(200), &serde_json::json!("== 200"))
    );
}
