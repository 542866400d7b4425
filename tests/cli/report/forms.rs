//! Each form of the report as a whole, of one made-up run in which everything occurs.

use insta::assert_snapshot;
use playbook::effect::journal::{Entry, Facts, RunKind, RunRecord, State, Verdict};
use playbook::front::report::{Form, Report};
use serde_json::{Value, json};

const BEGAN: &str = "2026-11-26T09:00:00Z";

/// When, so many milliseconds after the beginning.
fn at(millis: i64) -> jiff::Timestamp {
    BEGAN.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_millis(millis)
}

fn step(position: &str, name: &str) -> Value {
    json!({ "event": "step_began", "position": position, "name": name })
}

fn stepped(position: &str, name: &str, outcome: &str, took: f64) -> Value {
    json!({ "event": "step_ended", "position": position, "name": name, "outcome": outcome, "took": took })
}

fn judged(
    position: &str,
    (judgement, name): (&str, &str),
    passed: bool,
    actual: Value,
    target: &str,
) -> Value {
    json!({ "event": "judged", "position": position, "judgement": judgement, "name": name, "passed": passed,
        "condition": format!("{name} holds"), "actual": actual, "target": target })
}

fn effect(position: &str, plan: &str, class: &str) -> Value {
    json!({ "event": "effect_began", "position": position, "digest": "d", "effect": class, "plan": plan,
        "call": { "resource": "service.api", "verb": "restart", "arguments": {} }, "inverse": { "kind": "none", "why": "it is done" } })
}

fn ended(position: &str, outcome: &str, took: f64) -> Value {
    json!({ "event": "effect_ended", "position": position, "call": "service.api.restart", "outcome": outcome, "took": took,
        "error": if outcome == "done" { Value::Null } else {
            json!({ "kind": "remote", "what": "the API does not answer", "why": "503 | <b>busy</b>", "fix": "look at its log" }) } })
}

fn events() -> Vec<(i64, Value)> {
    let answer = json!({ "run": "R1", "gate": "1", "name": "Go / No-Go", "binding": "b", "person": "ada", "login": "ada@laptop",
        "approved": true, "comment": "looks *good*", "at": "2026-11-26T09:00:12Z", "key": "k", "signature": "s" });
    let asked = json!({ "name": "Go / No-Go", "approvers": ["ada"], "people": ["ada"], "quorum": 1, "on_timeout": "fail", "binding": "b" });
    vec![
        (
            0,
            json!({ "event": "run_began", "run": "R1", "playbook": "deploy.rhai", "title": "Deploy the API.", "environment": "production",
            "person": "bob@ci", "script": "5c", "parameters": { "version": "2.1" }, "planning": false }),
        ),
        (0, step("0", "Back up")),
        (10, judged("0/0", ("metric", "rows"), true, json!(1200), "> 1000")),
        (20, effect("0/1", "dump main to backups", "write")),
        (9_000, ended("0/1", "done", 8980.0)),
        (9_500, stepped("0", "Back up", "done", 9500.0)),
        (9_500, json!({ "event": "gate_opened", "position": "1", "asked": asked })),
        (12_000, json!({ "event": "gate_answered", "position": "1", "answer": answer })),
        (
            12_000,
            json!({ "event": "gate_closed", "position": "1", "name": "Go / No-Go", "end": "approved", "took": 2500.0 }),
        ),
        (12_000, step("2", "Restart <the> API")),
        (12_000, step("2/0", "First half")),
        (12_100, effect("2/0/0", "restart api_1", "write")),
        (13_000, ended("2/0/0", "done", 900.0)),
        (13_000, stepped("2/0", "First half", "done", 1000.0)),
        (13_000, judged("2/1", ("check", "no errors"), true, json!(true), "")),
        (13_100, effect("2/2", "restart api_2", "write")),
        (15_000, ended("2/2", "failed", 1900.0)),
        (15_000, judged("2/3", ("metric", "p95 | latency"), false, json!(740.5), "< 500")),
        (15_000, stepped("2", "Restart <the> API", "failed", 3000.0)),
        (
            15_000,
            json!({ "event": "unwind_began", "entries": 2, "reason": "p95 | latency: 740.5 (wanted < 500)" }),
        ),
        (
            16_000,
            json!({ "event": "unwound", "position": "2/0/0", "what": "restart api_1 with the old release", "outcome": "done", "took": 900.0 }),
        ),
        (
            17_000,
            json!({ "event": "unwound", "position": "0/1", "what": "delete the dump", "outcome": "failed", "took": 800.0,
            "error": { "kind": "denied", "what": "the bucket refuses" } }),
        ),
        (
            17_000,
            json!({ "event": "plan_compared", "plan": "aa11", "planned": 4, "as_planned": 3, "unplanned": 0,
            "differences": ["not done: restart api_3"], "accuracy": 0.75, "usual": 0.9, "runs": 5 }),
        ),
        (
            17_200,
            json!({ "event": "run_ended", "outcome": "not_taken_back", "took": 17200.0,
            "error": { "kind": "check", "what": "the metric `p95 | latency` did not hold", "why": "740.5 is not < 500" } }),
        ),
    ]
}

fn record() -> RunRecord {
    let facts = Facts {
        playbook: "deploy.rhai".into(),
        title: "Deploy the API.".into(),
        environment: "production".into(),
        person: "bob@ci".into(),
        script: "5c".into(),
        parameters: json!({ "version": "2.1" }).as_object().unwrap().clone(),
        plan: Some("aa11".into()),
        version: "0.1.0".into(),
        ..Facts::default()
    };
    RunRecord {
        number: 7,
        id: "20261126-090000-c0de".into(),
        started: at(0),
        facts,
        state: State::Ended,
        ended: Some(at(17_200)),
        outcome: Some(playbook::base::outcome::Outcome::NotTakenBack),
        exit_code: Some(6),
        waits: None,
        steps: 3,
    }
}

fn report() -> Report {
    let entries: Vec<Entry> = events()
        .into_iter()
        .zip(1..)
        .map(|((millis, event), seq)| Entry {
            seq,
            at: at(millis),
            event: serde_json::from_value(event).unwrap(),
        })
        .collect();
    let mut later = record();
    later.id = "20261127-080000-beef".into();
    later.facts.kind = RunKind::Rollback;
    later.outcome = Some(playbook::base::outcome::Outcome::Done);
    let verdict = Verdict {
        run: record().id,
        entries: entries.len() as u64,
        answers: 1,
        head: "f00d".into(),
        fault: None,
    };
    Report::new(record(), &entries, (vec![later], verdict), at(60_000))
}

#[test]
fn markdown() {
    assert_snapshot!(report().write(Form::Md).unwrap());
}

#[test]
fn json() {
    assert_snapshot!(report().write(Form::Json).unwrap());
}

#[test]
fn junit() {
    assert_snapshot!(report().write(Form::Junit).unwrap());
}

#[test]
fn html() {
    let text = report().write(Form::Html).unwrap();
    let (head, rest) = text.split_once("<style>").unwrap();
    let (style, body) = rest.split_once("</style>").unwrap();
    assert!(style.contains("@media print") && style.contains("prefers-color-scheme: dark"));
    // A line for each element of the body, so that a difference can be read.
    assert_snapshot!(format!("{head}{body}").replace("><", ">\n<"));
}

#[test]
fn html_is_one_file_without_anything_from_outside() {
    let text = report().write(Form::Html).unwrap();
    for word in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!text.contains(word), "the report has {word}");
    }
    assert!(!regex_lite::Regex::new("<[^>]* class=[^>]* class=").unwrap().is_match(&text));
    assert!(text.contains("Restart &lt;the&gt; API") && !text.contains("<b>busy"));
}

#[test]
fn ten_thousand_steps_are_one_report_with_a_picture_of_the_longest() {
    let mut entries = Vec::new();
    let mut add = |millis: i64, event: Value| {
        let seq = entries.len() as u64 + 1;
        entries.push(Entry { seq, at: at(millis), event: serde_json::from_value(event).unwrap() });
    };
    for index in 0..10_000_i64 {
        let (position, name) = (index.to_string(), format!("Step {index}"));
        add(index * 10, step(&position, &name));
        add(index * 10 + 5 + index % 5, stepped(&position, &name, "done", 5.0));
    }
    let verdict = Verdict { run: record().id, entries: 20_000, answers: 0, head: "f00d".into(), fault: None };
    let report = Report::new(record(), &entries, (Vec::new(), verdict), at(200_000));
    let html = report.write(Form::Html).unwrap();
    assert_eq!(html.matches("<tr class=\"step\">").count(), 10_000);
    assert!(html.contains("The 200 longest of 10000 are shown") && html.len() < 10_000_000);
    assert_eq!(report.write(Form::Junit).unwrap().matches("<testcase ").count(), 10_000);
}
