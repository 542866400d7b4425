//! The stage: what goes up the screen, what moves, and that nothing is lost between the two.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stage::Stage;
use crate::base::event::Event;
use crate::front::draw;
use crate::front::style::{Line, Style};

/// A stage with a clock that the test moves.
struct Show {
    stage: Stage,
    now: Instant,
    rows: usize,
    written: String,
}

impl Show {
    fn new(moving: bool, rows: usize) -> Self {
        let now = crate::sys::clock::instant();
        let mut show = Self { stage: Stage::new(moving), now, rows, written: String::new() };
        show.hear(&[json!({ "event": "run_began", "run": "R1", "playbook": "deploy.rhai", "title": "Deploy the API.",
            "environment": "local", "person": "ada@laptop", "script": "", "parameters": {}, "planning": false })]);
        show
    }

    fn hear(&mut self, events: &[Value]) {
        for event in events {
            let event: Event = serde_json::from_value(event.clone()).unwrap();
            let lines = self.stage.hear(&event, self.now, self.rows);
            self.written += &text(&lines);
        }
    }

    fn after(&mut self, millis: u64) -> String {
        self.now += Duration::from_millis(millis);
        text(&self.stage.live(self.now, self.rows))
    }
}

fn text(lines: &[Line]) -> String {
    draw::text(lines, Style::default())
}

fn step(position: &str, name: &str) -> Value {
    json!({ "event": "step_began", "position": position, "name": name })
}

fn stepped(position: &str, name: &str) -> Value {
    json!({ "event": "step_ended", "position": position, "name": name, "outcome": "done", "took": 4200.0 })
}

fn effect(position: &str, plan: &str) -> Value {
    json!({ "event": "effect_began", "position": position, "call": { "resource": "program.git", "verb": "run", "arguments": {} },
        "digest": "", "effect": "write", "plan": plan, "inverse": { "kind": "nothing" } })
}

fn done(position: &str) -> Value {
    json!({ "event": "effect_ended", "position": position, "call": "program.git.run", "outcome": "done", "took": 180.0 })
}

fn output(text: &str) -> Value {
    json!({ "event": "line", "from": "program.git", "error": false, "text": text })
}

fn progress(done: u64) -> Value {
    json!({ "event": "progress", "what": "program.git clone", "done": done, "total": 4_194_304 })
}

#[test]
fn plain_lines_come_as_things_happen() {
    let mut show = Show::new(false, 24);
    show.hear(&[
        step("0", "Fetch"), effect("0/0", "git pull"), output("Updating\u{1b}[31m 1..2"), done("0/0"),
        json!({ "event": "judged", "position": "0/1", "judgement": "check", "name": "clean", "passed": true, "condition": "n == 0", "actual": 0, "target": "== 0" }),
        stepped("0", "Fetch"),
        json!({ "event": "unwind_began", "entries": 1, "reason": "it failed" }),
        effect("undo/0", "git reset"), done("undo/0"),
        json!({ "event": "unwound", "position": "0/0", "what": "git pull", "outcome": "done", "took": 5.0 }),
    ]);
    insta::assert_snapshot!(show.written, @"
    Deploy the API
    deploy.rhai · local · R1

    ▸ Fetch
      program.git │ Updating 1..2
      • git pull  180ms
      ✔ clean: 0 (== 0)
    ✔ Fetch  4.2s
    ↩ taking back what was done: it failed
      ↩ git pull  5.0ms  by git reset
    ");
    assert_eq!(show.after(0), "");
}

#[test]
fn a_step_changes_in_place_and_goes_up_when_it_ends() {
    let mut show = Show::new(true, 24);
    let title = show.written.clone();
    show.hear(&[step("0", "Fetch"), effect("0/0", "git pull"), output("Updating"), progress(1_048_576)]);
    assert_eq!(show.written, title);
    insta::assert_snapshot!(show.after(1700), @"
    ⠧ Fetch  1.7s
      ⠧ git pull  1.7s
        program.git │ Updating
        ━━━━━━──────────────────  25%  1.0 MiB of 4.0 MiB  602.4 KiB/s  program.git clone
    ");
    show.hear(&[done("0/0"), json!({ "event": "waiting", "position": "0/1", "pause": 5000.0 })]);
    insta::assert_snapshot!(show.after(300), @"
    ⠋ Fetch  2.0s
      • git pull  180ms
        program.git │ Updating
      ⠋ wait 5.0s  0.3s
    ");
    show.hear(&[stepped("0", "Fetch")]);
    assert_eq!(show.after(0), "");
    insta::assert_snapshot!(show.written.trim_start_matches(&title), @"
    ✔ Fetch  4.2s
      • git pull  180ms
        program.git │ Updating
      … wait 5.0s
    ");
}

#[test]
fn a_step_taller_than_the_screen_goes_up_line_by_line_and_no_line_is_lost_or_doubled() {
    let mut show = Show::new(true, 16);
    show.hear(&[step("0", "Build"), effect("0/0", "make")]);
    for n in 0..100 {
        show.hear(&[output(&format!("line {n}."))]);
        assert!(show.after(1).lines().count() < 16, "the moving part grew out of the screen");
    }
    show.hear(&[done("0/0"), stepped("0", "Build")]);
    for n in 0..100 {
        assert_eq!(show.written.matches(&format!("line {n}.")).count(), 1, "line {n}:\n{}", show.written);
    }
    assert!(
        show.written.contains("▸ Build\n") && show.written.ends_with("  • make  180ms\n✔ Build  4.2s\n"),
        "{}",
        show.written
    );
    assert_eq!(show.after(0), "");
}

#[test]
fn steps_side_by_side_do_not_mix() {
    let mut show = Show::new(true, 24);
    show.hear(&[
        step("0/0", "Left"),
        step("0/1", "Right"),
        effect("0/1/0", "git right"),
        effect("0/0/0", "git left"),
    ]);
    show.hear(&[done("0/1/0"), stepped("0/1", "Right")]);
    assert!(show.written.ends_with("✔ Right  4.2s\n  • git right  180ms\n"), "{}", show.written);
    insta::assert_snapshot!(show.after(100), @"
    ⠙ Left  0.1s
      ⠙ git left  0.1s
    ");
}

#[test]
fn a_long_transfer_is_told_of_from_time_to_time_in_plain_lines() {
    let mut show = Show::new(false, 24);
    show.hear(&[step("0", "Fetch"), effect("0/0", "git clone"), progress(1)]);
    for _ in 0..21 {
        show.after(1000);
        show.hear(&[progress(1_048_576)]);
    }
    show.hear(&[progress(4_194_304), done("0/0")]);
    assert_eq!(show.written.matches("25%  1.0 MiB of 4.0 MiB").count(), 2, "{}", show.written);
}
