//! Streams of events and the trees they make.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Node, Tree, What};
use crate::base::error::Error;
use crate::base::event::Event;
use crate::base::outcome::Outcome;

fn hear(events: &[Value]) -> Tree {
    let mut tree = Tree::default();
    for event in events {
        tree.hear(&serde_json::from_value(event.clone()).unwrap());
    }
    tree
}

fn step(position: &str) -> Value {
    json!({ "event": "step_began", "position": position, "name": position })
}

fn effect(position: &str, resource: &str) -> Value {
    json!({ "event": "effect_began", "position": position, "call": { "resource": resource, "verb": "run", "arguments": {} },
        "digest": "", "effect": "write", "plan": position, "inverse": { "kind": "nothing" } })
}

fn ended(position: &str) -> Value {
    json!({ "event": "effect_ended", "position": position, "call": "", "outcome": "done", "took": 5.0 })
}

/// The tree in one line: `0(0/0 0/1)`.
fn shape(nodes: &[Node]) -> String {
    let one = |node: &Node| match (&node.what, node.children.as_slice()) {
        (What::Line { text, .. }, _) => text.clone(),
        (_, []) => node.position.clone(),
        (_, children) => format!("{}({})", node.position, shape(children)),
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_happens_in_a_step_lies_below_it_also_when_steps_run_side_by_side() {
    let tree = hear(&[
        effect("0", "http.api"),
        ended("0"),
        step("1"),
        step("1/0"),
        step("1/1"),
        effect("1/1/0", "program.git"),
        effect("1/0/0", "http.api"),
        ended("1/0/0"),
        json!({ "event": "line", "from": "program.git", "error": false, "text": "pulling" }),
        json!({ "event": "judged", "position": "1/0/1", "judgement": "check", "name": "n", "passed": true, "condition": "a", "actual": 1, "target": "" }),
        step("10"),
    ]);
    assert_eq!(shape(&tree.nodes), "0 1(1/0(1/0/0 1/0/1) 1/1(1/1/0(pulling))) 10");
    let (depth, node) = tree.find("1/1/0").unwrap();
    assert!(depth == 2 && node.is_running());
    assert_eq!(tree.find("1/0/0").unwrap().1.end.as_ref().unwrap().took, Duration::from_millis(5));
    assert_eq!(tree.walk().count(), 9);
}

#[test]
fn what_is_forgotten_takes_nothing_else_along() {
    let mut tree = hear(&[
        step("1"),
        effect("1/0", "a.b"),
        ended("1/0"),
        effect("1/1", "a.b"),
        step("1/2"),
        effect("1/2/0", "a.b"),
        ended("1/2/0"),
    ]);
    tree.forget("1/0");
    assert_eq!(shape(&tree.nodes), "1(1/1 1/2(1/2/0))");
    tree.forget_within("1");
    assert_eq!(shape(&tree.nodes), "1(1/1 1/2)");
    tree.forget("7");
    tree.forget("1");
    assert!(tree.nodes.is_empty());
}

#[test]
fn many_calls_are_folded_in_no_time() {
    let mut tree = hear(&[step("0")]);
    let begun: Event = serde_json::from_value(effect("0/0", "a.b")).unwrap();
    let begin = crate::sys::clock::instant();
    for n in 0..50_000 {
        let Event::EffectBegan { call, digest, effect, plan, inverse, at, .. } = begun.clone() else {
            return;
        };
        let position = format!("0/{n}");
        tree.hear(&Event::EffectBegan {
            position: position.clone(),
            call,
            digest,
            effect,
            plan,
            inverse,
            stays: false,
            at,
        });
        tree.hear(&Event::EffectEnded {
            position,
            call: "a.b.run".to_owned(),
            outcome: Outcome::Done,
            took: Duration::ZERO,
            value: Value::Null,
            error: None,
        });
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    assert_eq!(tree.walk().count(), 50_001);
}

#[test]
fn a_try_after_a_failure_is_another_line_and_one_after_a_crash_is_not() {
    let tree = hear(&[
        step("0"),
        effect("0/0", "a.b"),
        ended("0/0"),
        effect("0/0", "a.b"),
        step("0"),
        effect("0/0", "a.b"),
    ]);
    assert_eq!(shape(&tree.nodes), "0(0/0 0/0)");
}

#[test]
fn what_is_done_to_take_back_lies_below_what_is_taken_back() {
    let mut tree = hear(&[step("0"), effect("0/0", "a.b"), ended("0/0")]);
    tree.hear(&Event::UnwindBegan { entries: 1, reason: "check failed".to_owned() });
    for event in [effect("0/undo", "a.b"), ended("0/undo")] {
        tree.hear(&serde_json::from_value(event).unwrap());
    }
    assert!(tree.is_unwinding());
    tree.hear(&Event::Unwound {
        position: "0/0".to_owned(),
        what: "put it back".to_owned(),
        outcome: Outcome::Failed,
        took: Duration::ZERO,
        error: Some(Error::remote("no")),
    });
    assert!(!tree.is_unwinding());
    assert_eq!(shape(&tree.nodes), "0(0/0)");
    assert_eq!(shape(&tree.unwinds[0].items), "0/0(0/undo)");
    assert_eq!(tree.find("0/0").unwrap().1.taken_back, Some(Outcome::Failed));
}

#[test]
fn what_a_change_says_before_it_is_planned_stands_below_it() {
    let line =
        |from: &str, text: &str| json!({ "event": "line", "from": from, "error": false, "text": text });
    let began = json!({ "event": "run_began", "run": "", "playbook": "p", "title": "", "environment": "e", "person": "p",
        "script": "", "parameters": {}, "planning": true });
    let read = json!({ "event": "effect_began", "position": "1", "call": { "resource": "program.git", "verb": "read",
        "arguments": {} }, "digest": "", "effect": "read", "plan": "", "inverse": { "kind": "nothing" } });
    let tree = hear(&[
        began,
        line("kubernetes.prod", "would"),
        line("kubernetes.prod", "change"),
        effect("0", "kubernetes.prod"),
        read,
        line("program.git", "heard"),
        ended("1"),
        effect("2", "kubernetes.prod"),
    ]);
    assert_eq!(shape(&tree.nodes), "0(would change) 1 heard 2");
}
