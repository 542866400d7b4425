//! The stream of events folded into the tree, one by one; from a live run or from the journal alike.

use std::time::Duration;

use super::node::is_of;
use super::{Decided, End, Head, Node, Tree, Unwind, What};
use crate::base::call::Inverse;
use crate::base::decision::Choice;
use crate::base::event::Event;
use crate::base::gate::{Answer, GateEnd};
use crate::base::outcome::Outcome;

impl Tree {
    /// Takes one event.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::RunBegan { .. } => self.head = head(event),
            Event::RunEnded { outcome, took, error } => {
                self.waiting = None;
                self.end = Some(End { outcome: *outcome, took: *took, error: error.clone() });
            }
            Event::StepEnded { position, outcome, took, error, .. }
            | Event::EffectEnded { position, outcome, took, error, .. } => {
                let end = End { outcome: *outcome, took: *took, error: error.clone() };
                self.not_sent += usize::from(event.is_not_sent());
                self.running.remove(position);
                let retelling = self.retelling;
                if let Some(node) = self.begun(position) {
                    node.end = Some(end);
                    node.recorded = retelling;
                }
            }
            Event::UnwindBegan { entries, reason } => self.unwinds.push(Unwind {
                reason: reason.clone(),
                entries: *entries,
                items: Vec::new(),
                folded: 0,
                pending: Vec::new(),
            }),
            Event::Unwound { position, what, outcome, took, error } => {
                let end = End { outcome: *outcome, took: *took, error: error.clone() };
                self.unwound(position, what, end);
            }
            Event::Line { from, text, .. } => {
                let line = What::Line { from: from.clone(), text: text.clone() };
                match self.is_early(from) {
                    true => self.early.push((from.clone(), Node::new("", line))),
                    false => self.remark(from, line),
                }
            }
            Event::Horizon { at, on } => {
                let at = at.as_ref().map_or_else(|| "here".to_owned(), |at| format!("at {at}"));
                self.remark("", What::Horizon { on: format!("{at}: {on}") });
            }
            Event::RunResumed { .. } => {
                self.waiting = None;
                self.add(event);
            }
            Event::Decided { position, choice, by, .. } => {
                self.decided(position, *choice, by);
                self.add(event);
            }
            Event::GateAnswered { position, answer } => self.answered(position, answer),
            Event::GateClosed { position, end, took, .. } => self.closed(position, *end, *took),
            Event::Suspended { until, what } => {
                let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
                self.waiting = Some(format!("{what}{until}"));
            }
            Event::PlanCompared { .. } => self.compared = compared(event),
            Event::Progress { .. }
            | Event::ClockRead { .. }
            | Event::Branched { .. }
            | Event::Witnessed { .. } => {}
            other => self.add(other),
        }
    }

    fn decided(&mut self, position: &str, choice: Choice, by: &str) {
        if let Some(node) = self.begun(position) {
            node.decided = Some(Decided { choice, by: by.to_owned() });
        }
    }

    /// Takes what a later run took back of this one, or could not.
    pub fn hear_later(&mut self, event: &Event) {
        if let Event::Unwound { position, outcome, .. } = event
            && let Some(node) = find_mut(&mut self.nodes, position)
        {
            node.taken_back = Some(*outcome);
        }
    }

    fn answered(&mut self, position: &str, answer: &Answer) {
        if let Some(Node { what: What::Gate { answers, .. }, .. }) = self.begun(position) {
            answers.retain(|before| before.person != answer.person);
            answers.push(answer.clone());
        }
    }

    fn closed(&mut self, position: &str, end: GateEnd, took: Duration) {
        self.running.remove(position);
        let retelling = self.retelling;
        let Some(node) = self.begun(position) else { return };
        node.recorded = retelling;
        let outcome = match end {
            GateEnd::Approved => Outcome::Done,
            GateEnd::Declined | GateEnd::TimedOut => Outcome::Failed,
            GateEnd::Stopped => Outcome::Cancelled,
        };
        if let What::Gate { closed, .. } = &mut node.what {
            *closed = Some(end);
        }
        node.end = Some(End { outcome, took, error: None });
    }

    /// Forgets the latest node at `position` and all below it, once nobody will ask for it again.
    pub fn forget(&mut self, position: &str) {
        remove(&mut self.nodes, position);
    }

    /// Forgets what was taken back, but for the number of it.
    pub fn forget_items(&mut self) {
        if let Some(unwind) = self.unwinds.last_mut() {
            unwind.folded += std::mem::take(&mut unwind.items).len();
        }
    }

    /// Forgets what does not run any more within the step at `position`.
    pub fn forget_within(&mut self, position: &str) {
        if let Some(node) = find_mut(&mut self.nodes, position) {
            keep_running(&mut node.children);
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

    fn begun(&mut self, position: &str) -> Option<&mut Node> {
        let pending = self.unwinds.last_mut().map(|unwind| unwind.pending.as_mut_slice()).unwrap_or_default();
        find_mut(pending, position).or_else(|| find_mut(&mut self.nodes, position))
    }

    fn add(&mut self, event: &Event) {
        let planning = self.is_planning();
        let Some(mut node) = leaf(event, planning) else { return };
        node.recorded = self.retelling;
        if let What::Effect { call, planned: true, effect, .. } = &node.what
            && !effect.is_read()
        {
            let own = self.early.extract_if(.., |(from, _)| is_of(call, from));
            node.children = own.map(|(_, line)| line).collect();
        }
        let began =
            matches!(event, Event::StepBegan { .. } | Event::EffectBegan { .. } | Event::GateOpened { .. });
        // After a crash the journal says of the same thing twice that it began.
        let again = began && !self.running.insert(node.position.clone());
        let list = parent(self.open_nodes(), &node.position, 0);
        let mut latest = list.iter_mut().rev().take_while(|_| again);
        match latest.find(|have| have.position == node.position && have.is_running()) {
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
                folded: 0,
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

/// How a run went against its plan: one line, and one for each difference.
fn compared(event: &Event) -> Vec<String> {
    let Event::PlanCompared { plan, planned, as_planned, differences, usual, runs, .. } = event else {
        return Vec::new();
    };
    let short = plan.get(..12).unwrap_or(plan);
    let mut line = format!("plan {short}: {as_planned} of {planned} changes as planned");
    if *runs > 1 {
        line += &format!("; over {runs} runs this playbook's plans were {:.0} % right", usual * 100.0);
    }
    std::iter::once(line).chain(differences.iter().cloned()).collect()
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
pub(in crate::front) fn leaf(event: &Event, planning: bool) -> Option<Node> {
    Some(match event {
        Event::StepBegan { position, name, rollback } => {
            let node = Node::new(position, What::Step { name: name.clone() });
            Node { has_block: *rollback, ..node }
        }
        Event::EffectBegan { .. } => effect(event, planning)?,
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
        Event::GateOpened { position, asked, .. } => Node::new(
            position,
            What::Gate { asked: asked.clone(), answers: Vec::new(), closed: None, planned: planning },
        ),
        Event::GlassBroken { person, reason, over } => {
            let over = over.as_ref().map(|over| format!(", although {over}")).unwrap_or_default();
            Node::new("", What::Logged { text: format!("{person} broke the glass{over}: {reason}") })
        }
        Event::Unlocked { name, run, holder, person, reason } => {
            let text = format!("{person} took the lock `{name}` from run {run} ({holder}): {reason}");
            Node::new("", What::Logged { text })
        }
        Event::Waiting { position, pause, until, scale, .. } => {
            let (until, scale) = (until.clone(), *scale);
            Node::new(position, What::Waiting { pause: *pause, until, scale })
        }
        Event::RunResumed { person, note, .. } => {
            let note = note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
            Node::new("", What::Logged { text: format!("gone on with by {person}{note}") })
        }
        Event::Decided { position, what, choice, by, note, .. } => {
            let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            let text = format!(
                "{} by {by}: {}{note}",
                choice.words(),
                if what.is_empty() { "the run" } else { what }
            );
            Node::new(position, What::Logged { text })
        }
        Event::Logged { position, text } => Node::new(position, What::Logged { text: text.clone() }),
        _ => return None,
    })
}

fn effect(event: &Event, planned: bool) -> Option<Node> {
    let Event::EffectBegan { position, call, effect, plan, inverse, .. } = event else { return None };
    let (final_because, refused) = match inverse {
        Inverse::None { why } => (Some(why.clone()), None),
        Inverse::Refused { why } => (None, Some(why.clone())),
        _ => (None, None),
    };
    let (call, plan, leaves_nothing) = (call.name(), plan.clone(), *inverse == Inverse::Nothing);
    let what = What::Effect { call, effect: *effect, plan, planned, final_because, leaves_nothing, refused };
    Some(Node::new(position, what))
}

fn find_mut<'a>(nodes: &'a mut [Node], position: &str) -> Option<&'a mut Node> {
    nodes.iter_mut().rev().find_map(|node| match node.position == position {
        true => {
            let is_it = matches!(
                node.what,
                What::Step { .. } | What::Effect { .. } | What::Gate { .. } | What::Judged { .. }
            );
            is_it.then_some(node)
        }
        false if node.holds(position) => find_mut(&mut node.children, position),
        false => None,
    })
}

/// Where something at `position` belongs: into the deepest step that holds it.
fn parent<'a>(nodes: &'a mut Vec<Node>, position: &str, above: usize) -> &'a mut Vec<Node> {
    // With one ordinal left there is nothing to look for; a step of many calls would else be looked through at each.
    let is_deep = position.get(above..).is_some_and(|rest| rest.contains('/'));
    if !is_deep {
        return nodes;
    }
    let inner = nodes.iter().rposition(|node| node.is_step() && node.holds(position));
    match inner {
        Some(index) => {
            let above = nodes[index].position.len() + 1;
            parent(&mut nodes[index].children, position, above)
        }
        None => nodes,
    }
}

fn keep_running(nodes: &mut Vec<Node>) {
    nodes.retain(Node::is_running);
    nodes.iter_mut().for_each(|node| keep_running(&mut node.children));
}

fn remove(nodes: &mut Vec<Node>, position: &str) {
    if let Some(index) = nodes.iter().rposition(|node| node.position == position) {
        nodes.remove(index);
    } else if let Some(node) = nodes.iter_mut().rev().find(|node| node.holds(position)) {
        remove(&mut node.children, position);
    }
}

/// The node that a line from `from` belongs below.
fn speaker<'a>(nodes: &'a mut [Node], from: &str) -> Option<&'a mut Node> {
    let path = super::speaker(nodes, from)?;
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(nodes.get_mut(*first)?, |node, index| node.children.get_mut(*index))
}
