//! What stands on the stage: which lines are final and go up the screen, and which steps still change in place.

use std::collections::HashMap;
use std::time::Instant;

use super::bars::Bars;
use super::rests::Rests;
use super::usual::Usual;
use crate::base::event::Event;
use crate::front::style::{Line, Paint};
use crate::front::tree::{Node, Tree};
use crate::front::{draw, gate};

/// Rows that the moving part leaves free.
const MARGIN: usize = 6;

/// The run as far as it was heard, and what of it has been written.
///
/// On a moving screen an outermost step is *held*: it changes in place until it ends, then it goes up as a whole. A step
/// that grows taller than the screen is let go: its lines go up as they come. Plain lines are the same with nothing held.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) tree: Tree,
    pub(super) began: HashMap<String, Instant>,
    pub(super) held: Vec<String>,
    pub(super) bars: Bars,
    pub(super) first: Option<Instant>,
    pub(super) usual: Usual,
    pub(super) rests: Rests,
    moving: bool,
}

impl Stage {
    /// An empty stage, with a moving part or for plain lines.
    pub(super) fn new(moving: bool) -> Self {
        Self { moving, ..Self::default() }
    }

    /// Takes one event at the instant `now`; returns the lines that became final, for a screen of `rows`.
    pub(super) fn hear(&mut self, event: &Event, now: Instant, rows: usize) -> Vec<Line> {
        self.first.get_or_insert(now);
        match event {
            Event::Line { from, text, .. } => self.line(event, from, text, rows),
            Event::Progress { what, done, total } => self.progress(what, (*done, *total), now),
            _ => {
                let position = event.position();
                self.time(event, position, now);
                self.rests.hear(event, now);
                self.tree.hear(event);
                // A plan is drawn as a whole at its end.
                if self.tree.is_planning() {
                    return Vec::new();
                }
                self.told(event, (position.unwrap_or_default(), now), rows)
            }
        }
    }

    /// Everything that is still held, as final lines.
    pub(super) fn flush(&mut self) -> Vec<Line> {
        let held = std::mem::take(&mut self.held);
        held.iter()
            .filter_map(|position| self.tree.find(position))
            .flat_map(|(_, node)| draw::block(node, 0))
            .collect()
    }

    /// The outermost step or effect that `position` lies in.
    pub(super) fn root(&self, position: &str) -> Option<&Node> {
        self.tree.nodes.iter().rev().find(|node| node.is_at_or_holds(position))
    }

    fn time(&mut self, event: &Event, position: Option<&str>, now: Instant) {
        let Some(position) = position else { return };
        match event {
            Event::StepBegan { .. }
            | Event::EffectBegan { .. }
            | Event::GateOpened { .. }
            | Event::Waiting { .. } => {
                self.began.insert(position.to_owned(), now);
            }
            Event::StepEnded { .. } => {
                self.began.remove(position);
            }
            Event::EffectEnded { call, .. } => {
                self.began.remove(position);
                self.bars.end(call);
            }
            _ => {}
        }
    }

    /// The lines that an event makes final, once the tree knows of it.
    fn told(&mut self, event: &Event, (position, now): (&str, Instant), rows: usize) -> Vec<Line> {
        match event {
            Event::RunBegan { .. } => self.title(),
            Event::RunEnded { .. } | Event::Suspended { .. } => self.flush(),
            Event::UnwindBegan { reason, .. } => {
                let mut lines = self.flush();
                lines.push(draw::unwind_heading(reason));
                lines
            }
            Event::Unwound { .. } => {
                let item = self.tree.unwinds.last().and_then(|unwind| unwind.items.last());
                let lines = item.map(|item| draw::block(item, 1)).unwrap_or_default();
                self.tree.forget_items();
                lines
            }
            // It goes up with the line of what is taken back.
            _ if self.tree.is_unwinding() => Vec::new(),
            Event::StepBegan { .. } => self.step_began(position, rows),
            Event::StepEnded { .. } if self.held.iter().any(|held| held == position) => {
                self.held.retain(|held| held != position);
                let Some((_, node)) = self.tree.find(position) else { return Vec::new() };
                let mut lines = draw::block(node, 0);
                if let Some(first) = lines.first_mut() {
                    *first = self.usual.ended(std::mem::take(first), node, self.rests.within(position, now));
                }
                lines
            }
            Event::EffectBegan { .. } => self.let_go_if_tall(position, rows),
            Event::GateOpened { .. } | Event::GateAnswered { .. } => self.gate(event, position, rows),
            Event::ClockRead { .. }
            | Event::Branched { .. }
            | Event::Witnessed { .. }
            | Event::Horizon { .. } => Vec::new(),
            _ => self.ended((position, now), rows),
        }
    }

    /// Who is asked, and each answer, go up as they come: people wait for them.
    fn gate(&mut self, event: &Event, position: &str, rows: usize) -> Vec<Line> {
        if self.is_held(position) {
            return self.let_go_if_tall(position, rows);
        }
        let Some((depth, node)) = self.tree.find(position) else { return Vec::new() };
        match event {
            Event::GateAnswered { answer, .. } => vec![gate::answer(answer, depth + 1)],
            _ => {
                let how = self.tree.head.as_ref().map(|head| gate::how(&head.run)).unwrap_or_default();
                let how = Line::indented(depth + 1).with(Paint::Dim, how);
                vec![draw::line(node, depth, draw::mark(node)), how]
            }
        }
    }

    fn title(&self) -> Vec<Line> {
        let Some(head) = &self.tree.head else { return Vec::new() };
        let name = if head.title.is_empty() { &head.playbook } else { &head.title };
        let facts = [head.playbook.as_str(), &head.environment, &head.run];
        let title = Line::default().with(Paint::Bold, name.trim_end_matches('.'));
        vec![title, Line::default().with(Paint::Dim, facts.join(" · ")), Line::default()]
    }

    fn step_began(&mut self, position: &str, rows: usize) -> Vec<Line> {
        if self.moving && self.root(position).is_some_and(|root| root.position == position) {
            self.held.push(position.to_owned());
            return Vec::new();
        }
        if self.is_held(position) {
            return self.let_go_if_tall(position, rows);
        }
        self.tree
            .find(position)
            .map(|(depth, node)| vec![draw::line(node, depth, draw::mark(node))])
            .unwrap_or_default()
    }

    /// Something at `position` is final: it goes up, unless its step is held.
    fn ended(&mut self, (position, now): (&str, Instant), rows: usize) -> Vec<Line> {
        if self.is_held(position) {
            return self.let_go_if_tall(position, rows);
        }
        let found = self.tree.find(position);
        let line = found.map(|(depth, node)| {
            let rested = self.rests.within(position, now);
            self.usual.ended(draw::line(node, depth, draw::mark(node)), node, rested)
        });
        // What has gone up is not asked for again; a long run would else grow without end.
        self.tree.forget(position);
        line.into_iter().collect()
    }

    fn line(&mut self, event: &Event, from: &str, text: &str, rows: usize) -> Vec<Line> {
        if self.tree.is_early(from) {
            self.tree.hear(event);
            return Vec::new();
        }
        let speaker = self.tree.speaker(from).map(|node| node.position.clone());
        if let Some(position) = speaker.filter(|position| !self.tree.is_unwinding() && self.is_held(position))
        {
            self.tree.hear(event);
            return self.let_go_if_tall(&position, rows);
        }
        vec![draw::output(from, text, 1)]
    }

    fn progress(&mut self, what: &str, (done, total): (u64, Option<u64>), now: Instant) -> Vec<Line> {
        self.bars.set(what, done, total, now);
        if self.moving { Vec::new() } else { self.bars.due(now) }
    }

    fn is_held(&self, position: &str) -> bool {
        self.root(position).is_some_and(|root| self.held.contains(&root.position))
    }

    /// A held step that no longer fits on the screen goes up as far as it is final, and line by line from then on.
    fn let_go_if_tall(&mut self, position: &str, rows: usize) -> Vec<Line> {
        let Some(root) = self.root(position).filter(|root| self.held.contains(&root.position)) else {
            return Vec::new();
        };
        if height(root) + MARGIN <= rows.max(2 * MARGIN) {
            return Vec::new();
        }
        let (name, mut lines) = (root.position.clone(), Vec::new());
        final_lines(root, 0, &mut lines);
        self.held.retain(|held| *held != name);
        self.tree.forget_within(&name);
        lines
    }
}

fn height(node: &Node) -> usize {
    1 + node.children.iter().map(height).sum::<usize>()
}

/// The lines of a block as they would stand had they gone up one by one.
fn final_lines(node: &Node, depth: usize, lines: &mut Vec<Line>) {
    let is_step = node.is_step();
    if is_step {
        lines.push(draw::line(&Node { end: None, ..node.clone() }, depth, (Paint::Live, "▸")));
    }
    for child in &node.children {
        final_lines(child, depth + 1, lines);
    }
    if !node.is_running() {
        lines.push(draw::line(node, depth, draw::mark(node)));
    }
}
