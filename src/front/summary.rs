//! What stands at the end of a run: the filled checklist, the time, what failed, what was taken back, and where it is kept.

use std::sync::Mutex;
use std::time::Duration;

use super::style::{Line, Paint, Style};
use super::tree::{End, Node, Tree, What};
use super::{draw, plan};
use crate::base::effect::Effect;
use crate::base::event::{Event, Listener};
use crate::base::outcome::Outcome;
use crate::base::text::show_duration;

/// Hears a run and draws the summary of what it heard.
#[derive(Debug, Default)]
pub struct Summary {
    tree: Mutex<Tree>,
}

impl Summary {
    /// The summary of what was heard so far; empty before a run began.
    #[must_use]
    pub fn draw(&self, style: Style) -> String {
        self.tree.lock().map(|tree| of(&tree, style)).unwrap_or_default()
    }
}

impl Listener for Summary {
    fn hear(&self, event: &Event) {
        // What is shown only while it happens is nothing for the end, nor is what a long loop has read.
        let Ok(mut tree) = self.tree.lock() else { return };
        let passing = matches!(event, Event::Logged { .. } | Event::Retrying { .. }) && !tree.is_planning();
        if !event.is_kept() || passing {
            return;
        }
        tree.hear(event);
        if let Event::EffectEnded { position, outcome: Outcome::Done, .. } = event
            && !tree.is_planning()
            && tree.find(position).is_some_and(|(_, node)| is_read(node))
        {
            tree.forget(position);
        }
    }
}

/// The summary of a run that has ended, from wherever its events came.
#[must_use]
pub fn of(tree: &Tree, style: Style) -> String {
    let Some(head) = &tree.head else { return String::new() };
    let mut lines = vec![title(tree), Line::default()];
    if head.planning {
        lines.extend(plan::lines(tree));
        lines.extend(judgements(tree));
    } else {
        lines.extend(checklist(tree));
        lines.extend(judgements(tree));
        lines.extend(slowest(tree));
    }
    lines.extend(failure(tree));
    lines.extend(taken_back(tree));
    let kept = Line::default()
        .with(Paint::Dim, format!("run {} in {} by {}", head.run, head.environment, head.person))
        .with(Paint::Dim, format!(" · playbook show {}", head.run));
    if !head.planning {
        lines.push(kept);
    }
    // A section that has nothing to say leaves its blank line behind.
    lines.dedup_by(|second, first| second.is_empty() && first.is_empty());
    if lines.last().is_some_and(Line::is_empty) {
        lines.pop();
    }
    draw::text(&lines, style)
}

fn title(tree: &Tree) -> Line {
    let name =
        tree.head.as_ref().map(|head| if head.title.is_empty() { &head.playbook } else { &head.title });
    let line = Line::default().with(Paint::Bold, name.map_or("", String::as_str).trim_end_matches('.'));
    if tree.is_planning() {
        return plan::outcome(line, tree);
    }
    match &tree.end {
        None => line.with(Paint::Warn, "  not ended"),
        Some(end) => {
            let failed = tree.unwound_items().any(|item| !is_back(item));
            let (paint, words) = match (end.outcome, tree.unwinds.is_empty()) {
                (Outcome::Done, _) => (Paint::Good, "✔ done"),
                (Outcome::Failed | Outcome::TakenBack, false) if !failed => {
                    (Paint::Warn, "↩ failed, taken back")
                }
                (Outcome::Failed | Outcome::NotTakenBack, false) => {
                    (Paint::Bad, "✘ failed, not all taken back")
                }
                (Outcome::Failed | Outcome::TakenBack | Outcome::NotTakenBack, _) => (Paint::Bad, "✘ failed"),
                (Outcome::InDoubt, _) => (Paint::Warn, "? in doubt"),
                (Outcome::Cancelled, _) => (Paint::Warn, "■ cancelled"),
            };
            line.with(Paint::Plain, "  ")
                .with(paint, words)
                .with(Paint::Dim, format!(" in {}", show_duration(end.took)))
        }
    }
}

/// Steps and what was judged in them, ticked; times stand below each other.
fn checklist(tree: &Tree) -> Vec<Line> {
    let mut rows = Vec::new();
    for node in &tree.nodes {
        collect(node, 0, &mut rows);
    }
    let column =
        rows.iter().filter(|(_, end)| end.is_some()).map(|(line, _)| line.len()).max().unwrap_or(0).min(72);
    let mut lines: Vec<Line> = rows
        .into_iter()
        .map(|(line, end)| match end {
            None => line,
            Some(End { outcome, took, .. }) => {
                let line = line.padded(column).with(Paint::Dim, format!("  {:>7}", show_duration(took)));
                if outcome == Outcome::Done { line } else { line.with(Paint::Bad, format!("  {outcome}")) }
            }
        })
        .collect();
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

fn collect(node: &Node, depth: usize, rows: &mut Vec<(Line, Option<End>)>) {
    match &node.what {
        What::Step { name } => {
            let (paint, mark) = draw::mark(node);
            let line =
                Line::indented(depth).with(paint, mark).with(Paint::Plain, " ").with(Paint::Bold, name);
            rows.push((line, node.end.clone()));
        }
        What::Judged { .. } | What::Horizon { .. } => {
            rows.push((draw::line(node, depth, draw::mark(node)), None))
        }
        _ => {}
    }
    let below = depth + usize::from(node.is_step());
    for child in &node.children {
        collect(child, below, rows);
    }
}

/// How many checks and metrics held.
fn judgements(tree: &Tree) -> Option<Line> {
    let judged: Vec<Option<bool>> = tree
        .walk()
        .filter_map(|node| if let What::Judged { passed, .. } = &node.what { Some(*passed) } else { None })
        .collect();
    let count = |which: Option<bool>| judged.iter().filter(|passed| **passed == which).count();
    let (good, bad, open) = (count(Some(true)), count(Some(false)), count(None));
    let passed = match judged.len() {
        0 => return None,
        1 if good == 1 => "the check passed".to_owned(),
        all if good == all => format!("all {all} checks passed"),
        all => format!("{good} of {all} checks passed"),
    };
    let mut line = Line::default().with(Paint::Plain, passed);
    if bad > 0 {
        line = line.with(Paint::Plain, ", ").with(Paint::Bad, format!("{bad} failed"));
    }
    if open > 0 {
        line = line.with(Paint::Dim, format!(", {open} cannot be told before the changes"));
    }
    Some(line)
}

/// The three steps that took longest: where the next minute can be won.
fn slowest(tree: &Tree) -> Option<Line> {
    let mut steps: Vec<(&str, Duration)> = tree
        .walk()
        .filter(|node| !node.children.iter().any(Node::is_step))
        .filter_map(|node| match (&node.what, &node.end) {
            (What::Step { name }, Some(end)) => Some((name.as_str(), end.took)),
            _ => None,
        })
        .collect();
    if steps.len() < 2 {
        return None;
    }
    steps.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    let names: Vec<String> =
        steps.iter().take(3).map(|(name, took)| format!("{name} {}", show_duration(*took))).collect();
    Some(Line::default().with(Paint::Dim, format!("slowest: {}", names.join(" · "))))
}

fn failure(tree: &Tree) -> Vec<Line> {
    let Some(error) = tree.end.as_ref().and_then(|end| end.error.as_ref()) else { return Vec::new() };
    let text = error.to_string();
    let mut drawn = text.lines();
    let first = Line::default().with(Paint::Bad, "✘ ").with(Paint::Bold, drawn.next().unwrap_or_default());
    let mut lines = vec![Line::default(), first];
    lines.extend(drawn.map(|line| Line::default().with(Paint::Plain, line)));
    lines.push(Line::default());
    lines
}

fn taken_back(tree: &Tree) -> Vec<Line> {
    if tree.unwinds.is_empty() {
        return left(tree);
    }
    let (back, left): (Vec<&Node>, Vec<&Node>) = tree.unwound_items().partition(|item| is_back(item));
    let untried: usize =
        tree.unwinds.iter().map(|unwind| unwind.entries.saturating_sub(unwind.items.len())).sum();
    let mut lines = Vec::new();
    for (heading, items) in [("taken back:", back), ("could NOT be taken back, and is still there:", left)] {
        if !items.is_empty() {
            lines.push(Line::default().with(Paint::Bold, heading));
        }
        for item in items {
            lines.push(draw::line(item, 1, draw::mark(item)));
            let Some(error) = item.end.as_ref().and_then(|end| end.error.as_ref()) else { continue };
            for (word, text) in [("why", &error.why), ("fix", &error.fix)] {
                lines.extend(
                    text.as_ref().map(|text| Line::indented(2).with(Paint::Plain, format!("{word}: {text}"))),
                );
            }
        }
    }
    // What a rollback block has covered is not taken back one by one, so this tells something only of a crash.
    if untried > 0 && tree.end.is_none() {
        lines.push(Line::default().with(Paint::Bad, format!("{untried} more were not tried")));
    }
    lines.push(Line::default());
    lines
}

/// The changes that a run left which did not end well and was not taken back.
fn left(tree: &Tree) -> Vec<Line> {
    if tree.is_planning() || tree.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done) {
        return Vec::new();
    }
    let is_change = |node: &&Node| {
        let ended = node.end.as_ref().map(|end| end.outcome);
        matches!(node.what, What::Effect { effect, .. } if effect != Effect::Read)
            && ended != Some(Outcome::Failed)
    };
    let mut lines: Vec<Line> =
        tree.walk().filter(is_change).map(|node| draw::line(node, 1, draw::mark(node))).collect();
    if !lines.is_empty() {
        lines.insert(0, Line::default().with(Paint::Bold, "left as it is:"));
        lines.push(Line::default());
    }
    lines
}

const fn is_read(node: &Node) -> bool {
    matches!(node.what, What::Effect { effect: Effect::Read, .. })
}

fn is_back(item: &Node) -> bool {
    item.end.as_ref().is_some_and(|end| matches!(end.outcome, Outcome::Done | Outcome::TakenBack))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

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
}
