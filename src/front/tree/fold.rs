//! The stream of events folded into the tree, one by one; from a live run or from the journal alike.

use super::{End, Head, Node, Tree, Unwind, What};
use crate::base::call::Inverse;
use crate::base::event::Event;

impl Tree {
    /// Takes one event.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::RunBegan { .. } => self.head = head(event),
            Event::RunEnded { outcome, took, error } => {
                self.end = Some(End { outcome: *outcome, took: *took, error: error.clone() });
            }
            Event::StepEnded { position, outcome, took, error, .. }
            | Event::EffectEnded { position, outcome, took, error, .. } => {
                let end = End { outcome: *outcome, took: *took, error: error.clone() };
                if let Some(node) = self.running(position) {
                    node.end = Some(end);
                }
            }
            Event::UnwindBegan { entries, reason } => self.unwinds.push(Unwind {
                reason: reason.clone(),
                entries: *entries,
                items: Vec::new(),
                pending: Vec::new(),
            }),
            Event::Unwound { position, what, outcome, took, error } => {
                let end = End { outcome: *outcome, took: *took, error: error.clone() };
                self.unwound(position, what, end);
            }
            Event::Line { from, text, .. } => {
                self.remark(from, What::Line { from: from.clone(), text: text.clone() });
            }
            Event::Horizon { at, on } => {
                let at = at.as_ref().map_or_else(|| "here".to_owned(), |at| format!("at {at}"));
                self.remark("", What::Horizon { on: format!("{at}: {on}") });
            }
            Event::Progress { .. } | Event::ClockRead { .. } => {}
            other => self.add(other),
        }
    }

    fn open_nodes(&mut self) -> &mut Vec<Node> {
        if self.is_unwinding()
            && let Some(unwind) = self.unwinds.last_mut()
        {
            return &mut unwind.pending;
        }
        &mut self.nodes
    }

    fn running(&mut self, position: &str) -> Option<&mut Node> {
        let pending = self.unwinds.last_mut().map(|unwind| unwind.pending.as_mut_slice()).unwrap_or_default();
        find_mut(pending, position).or_else(|| find_mut(&mut self.nodes, position))
    }

    fn add(&mut self, event: &Event) {
        let planning = self.is_planning();
        let Some(node) = leaf(event, planning) else { return };
        let began = matches!(event, Event::StepBegan { .. } | Event::EffectBegan { .. });
        let list = parent(self.open_nodes(), &node.position, !began);
        // After a crash the journal says of the same thing twice that it began.
        let again =
            list.iter_mut().rev().find(|have| began && have.position == node.position && have.is_running());
        match again {
            Some(have) => have.what = node.what,
            None => list.push(node),
        }
    }

    /// Adds what has no position of its own below whatever runs.
    fn remark(&mut self, from: &str, what: What) {
        let node = Node::new("", what);
        let list = self.open_nodes();
        match speaker(list, from) {
            Some(running) => running.children.push(node),
            None => list.push(node),
        }
    }

    fn unwound(&mut self, position: &str, what: &str, end: End) {
        if let Some(node) = find_mut(&mut self.nodes, position) {
            node.taken_back = Some(end.outcome);
        }
        if self.unwinds.is_empty() {
            self.unwinds.push(Unwind {
                reason: String::new(),
                entries: 1,
                items: Vec::new(),
                pending: Vec::new(),
            });
        }
        if let Some(unwind) = self.unwinds.last_mut() {
            let mut item = Node::new(position, What::Unwound { what: what.to_owned() });
            item.end = Some(end);
            item.children = std::mem::take(&mut unwind.pending);
            unwind.items.push(item);
        }
    }
}

fn head(event: &Event) -> Option<Head> {
    let Event::RunBegan { run, playbook, title, environment, person, planning, .. } = event else {
        return None;
    };
    Some(Head {
        run: run.clone(),
        playbook: playbook.clone(),
        title: title.clone(),
        environment: environment.clone(),
        person: person.clone(),
        planning: *planning,
    })
}

/// The node that an event adds to the tree, when it adds one.
fn leaf(event: &Event, planning: bool) -> Option<Node> {
    Some(match event {
        Event::StepBegan { position, name } => Node::new(position, What::Step { name: name.clone() }),
        Event::EffectBegan { position, call, effect, plan, inverse, .. } => {
            let final_because = match inverse {
                Inverse::None { why } => Some(why.clone()),
                _ => None,
            };
            let call = call.name();
            Node::new(
                position,
                What::Effect { call, effect: *effect, plan: plan.clone(), planned: planning, final_because },
            )
        }
        Event::Judged { position, judgement, name, passed, condition, actual, target } => Node::new(
            position,
            What::Judged {
                judgement: *judgement,
                name: name.clone(),
                passed: *passed,
                condition: condition.clone(),
                actual: actual.clone(),
                target: target.clone(),
            },
        ),
        Event::Retrying { position, attempt, of, pause, error } => Node::new(
            position,
            What::Retrying { attempt: *attempt, of: *of, pause: *pause, error: error.clone() },
        ),
        Event::Waiting { position, pause } => Node::new(position, What::Waiting { pause: *pause }),
        Event::Logged { position, text } => Node::new(position, What::Logged { text: text.clone() }),
        _ => return None,
    })
}

fn find_mut<'a>(nodes: &'a mut [Node], position: &str) -> Option<&'a mut Node> {
    nodes.iter_mut().rev().find_map(|node| match node.position == position {
        true => matches!(node.what, What::Step { .. } | What::Effect { .. }).then_some(node),
        false if node.holds(position) => find_mut(&mut node.children, position),
        false => None,
    })
}

/// Where something at `position` belongs: into the deepest step that holds it, or that `is` it.
fn parent<'a>(nodes: &'a mut Vec<Node>, position: &str, may_be_it: bool) -> &'a mut Vec<Node> {
    let inner = nodes
        .iter()
        .rposition(|node| node.is_step() && (node.holds(position) || may_be_it && node.position == position));
    match inner {
        Some(index) => parent(&mut nodes[index].children, position, may_be_it),
        None => nodes,
    }
}

/// The node that a line from `from` belongs below.
fn speaker<'a>(nodes: &'a mut [Node], from: &str) -> Option<&'a mut Node> {
    let path = super::speaker(nodes, from)?;
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(nodes.get_mut(*first)?, |node, index| node.children.get_mut(*index))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::base::error::Error;
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
            json!({ "event": "judged", "position": "1/0", "judgement": "check", "name": "n", "passed": true, "condition": "a", "actual": 1, "target": "" }),
            step("10"),
        ]);
        assert_eq!(shape(&tree.nodes), "0 1(1/0(1/0/0 1/0) 1/1(1/1/0(pulling))) 10");
        let (depth, node) = tree.find("1/1/0").unwrap();
        assert!(depth == 2 && node.is_running());
        assert_eq!(tree.find("1/0/0").unwrap().1.end.as_ref().unwrap().took, Duration::from_millis(5));
        assert_eq!(tree.walk().count(), 9);
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
}
