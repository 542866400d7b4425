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

    run R1 in local by ada@laptop · playbook show R1
    ");
}
