//! Whole summaries of made-up runs.

use serde_json::{Value, json};

use super::Summary;
use crate::base::event::Listener;
use crate::front::style::Style;

fn draw(events: Value) -> String {
    let summary = Summary::default();
    for event in events.as_array().unwrap() {
        summary.hear(&serde_json::from_value(event.clone()).unwrap());
    }
    summary.draw(Style::default())
}

fn began() -> Value {
    json!({ "event": "run_began", "run": "R1", "playbook": "deploy.rhai", "title": "Deploy the API.", "environment": "local",
        "person": "ada@laptop", "script": "", "parameters": {}, "planning": false })
}

fn judged(position: &str, passed: bool, actual: i64, target: &str) -> Value {
    json!({ "event": "judged", "position": position, "judgement": "metric", "name": "rows", "passed": passed,
        "condition": "rows > 0", "actual": actual, "target": target })
}

fn step(position: &str, name: &str) -> Value {
    json!({ "event": "step_began", "position": position, "name": name })
}

fn stepped(position: &str, name: &str, outcome: &str, took: f64) -> Value {
    json!({ "event": "step_ended", "position": position, "name": name, "outcome": outcome, "took": took })
}

#[test]
fn a_good_run_is_a_filled_checklist() {
    let seen = draw(json!([
        began(), step("0", "Back up"), judged("0/0", true, 3, "> 0"), stepped("0", "Back up", "done", 4200.0),
        step("1", "Restart the API"), stepped("1", "Restart the API", "done", 90.0),
        { "event": "run_ended", "outcome": "done", "took": 4300.0 },
    ]));
    insta::assert_snapshot!(seen, @"
    Deploy the API  ✔ done in 4.3s

    ✔ Back up             4.2s
      ✔ rows: 3 (> 0)
    ✔ Restart the API     90ms

    the check passed
    slowest: Back up 4.2s · Restart the API 90ms
    run R1 in local by ada@laptop · playbook show R1
    ");
}

#[test]
fn a_bad_run_says_what_failed_what_was_taken_back_and_what_was_not() {
    let seen = draw(json!([
        began(), step("0", "Back up"), judged("0/0", false, 0, "> 0"), stepped("0", "Back up", "failed", 42.0),
        { "event": "unwind_began", "entries": 3, "reason": "rows: 0 (wanted > 0)" },
        { "event": "unwound", "position": "0/1", "what": "turn `sync` on again", "outcome": "done", "took": 12.0 },
        { "event": "unwound", "position": "0/0", "what": "start the old version", "outcome": "failed", "took": 12.0,
            "error": { "kind": "remote", "what": "port 80 is taken", "fix": "end process 12" } },
        { "event": "run_ended", "outcome": "not_taken_back", "took": 90.0,
            "error": { "kind": "check", "what": "the check `rows` did not hold", "why": "0 is not > 0" } },
    ]));
    insta::assert_snapshot!(seen, @"
    Deploy the API  ✘ failed, not all taken back in 90ms

    ✘ Back up     42ms  failed
      ✘ rows: 0 (wanted > 0)

    0 of 1 checks passed, 1 failed

    ✘ the check `rows` did not hold
      why: 0 is not > 0

    taken back:
      ↩ turn `sync` on again  12ms
    could NOT be taken back, and is still there:
      ✘ start the old version  12ms  failed: port 80 is taken
        fix: end process 12
      try the rest again: `playbook rollback R1`

    run R1 in local by ada@laptop · playbook show R1
    ");
}

#[test]
fn of_a_long_run_all_that_ended_well_is_counted_and_what_did_not_is_seen() {
    let (summary, mut position) = (Summary::default(), 0..);
    let hear = |events: Value| {
        for event in events.as_array().unwrap() {
            summary.hear(&serde_json::from_value(event.clone()).unwrap());
        }
    };
    hear(json!([began()]));
    for turn in 0..5000 {
        let at = position.next().unwrap().to_string();
        let inner = format!("{at}/0");
        let outcome = if turn == 4000 { "failed" } else { "done" };
        let change = json!({ "event": "effect_began", "position": inner, "call": { "resource": "files.out", "verb": "put",
            "arguments": {} }, "digest": "", "effect": "write", "plan": format!("put {turn}"), "inverse": { "kind": "nothing" } });
        let changed =
            json!({ "event": "effect_ended", "position": inner, "call": "", "outcome": "done", "took": 5.0 });
        let check = judged(&format!("{at}/1"), turn != 4000, 1, "> 0");
        let took = if turn == 3000 { 9000.0 } else { 10.0 };
        hear(json!([
            step(&at, &format!("Turn {turn}")),
            change,
            changed,
            check,
            stepped(&at, &format!("Turn {turn}"), outcome, took)
        ]));
    }
    hear(
        json!([{ "event": "run_ended", "outcome": "failed", "took": 4300.0, "error": { "kind": "check", "what": "no" } }]),
    );
    let nodes = summary.tree.lock().unwrap().walk().count();
    assert!(nodes < 500, "{nodes} nodes are kept");
    let seen = summary.draw(Style::default());
    for part in [
        "✔ Turn 0 ",
        "✘ Turn 4000",
        "✘ rows: 1 (wanted > 0)",
        " more steps, ",
        "4999 of 5000 checks passed, 1 failed",
        "slowest: Turn 3000 9.0s",
        "left as it is:",
        "put 0",
        "which `playbook show` lists",
    ] {
        assert!(seen.contains(part), "{part} is not in\n{seen}");
    }
    let changes = seen.lines().filter(|line| line.contains("• put ")).count();
    let more: usize = seen.split("… and ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(changes + more, 5000);
}

#[test]
fn of_much_that_was_taken_back_the_first_and_all_that_could_not_be_are_seen() {
    let mut events = vec![began(), json!({ "event": "unwind_began", "entries": 3000, "reason": "no" })];
    for turn in 0..3000 {
        let outcome = if turn == 2000 { "not_taken_back" } else { "done" };
        events.push(json!({ "event": "unwound", "position": turn.to_string(), "what": format!("undo {turn}"), "outcome": outcome, "took": 1.0 }));
    }
    let seen = draw(Value::Array(events));
    let back = seen.lines().filter(|line| line.contains("↩ undo ")).count();
    assert!(back < 110 && seen.contains("undo 0 ") && seen.contains("undo 2999"), "{seen}");
    assert!(seen.contains("✘ undo 2000") && seen.contains(&format!("… and {} more", 2999 - back)), "{seen}");
}
