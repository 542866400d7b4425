//! The moving part: what runs right now, with the time since it began.

use std::time::Instant;

use super::stage::Stage;
use crate::front::draw;
use crate::front::style::{Line, Paint};
use crate::front::tree::{Node, What};

/// The frames of the mark before what runs.
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Rows that stay free below and above.
const MARGIN: usize = 3;

impl Stage {
    /// The lines of the moving part at the instant `now`, for a screen of `rows`.
    pub(super) fn live(&self, now: Instant, rows: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for node in &self.tree.nodes {
            if self.held.contains(&node.position) {
                self.whole(node, 0, now, &mut lines);
            } else {
                self.running(node, 0, now, &mut lines);
            }
        }
        for node in self.tree.unwinds.last().map(|unwind| unwind.pending.as_slice()).unwrap_or_default() {
            self.running(node, 1, now, &mut lines);
        }
        lines.extend(self.bars.lines(now));
        lines.extend(self.expected(now));
        fit(lines, rows.saturating_sub(MARGIN).max(3))
    }

    /// A step that is held: everything in it, what runs with its clock.
    fn whole(&self, node: &Node, depth: usize, now: Instant, lines: &mut Vec<Line>) {
        if node.is_running() {
            lines.push(self.clocked(node, depth, now));
        } else {
            lines.push(draw::line(node, depth, draw::mark(node)));
        }
        let last = node.children.len().saturating_sub(1);
        for (index, child) in node.children.iter().enumerate() {
            // Waiting has no end of its own: it is over when something else happens.
            if matches!(child.what, What::Waiting { .. }) && index == last && node.is_running() {
                lines.push(self.clocked(child, depth + 1, now));
            } else {
                self.whole(child, depth + 1, now, lines);
            }
        }
    }

    /// A step whose lines have gone up: only what of it runs.
    fn running(&self, node: &Node, depth: usize, now: Instant, lines: &mut Vec<Line>) {
        if !node.is_running() {
            return;
        }
        lines.push(self.clocked(node, depth, now));
        for child in &node.children {
            self.running(child, depth + 1, now, lines);
        }
    }

    fn clocked(&self, node: &Node, depth: usize, now: Instant) -> Line {
        let ticks = self.first.map_or(0, |first| now.duration_since(first).as_millis() / 100);
        let frame = FRAMES.get(usize::try_from(ticks).unwrap_or(0) % FRAMES.len()).copied().unwrap_or("▸");
        let elapsed = self.began.get(&node.position).map(|began| now.duration_since(*began));
        let rested = self.rests.within(&node.position, now);
        self.usual.beside(draw::running(node, depth, frame, elapsed), node, (elapsed, rested))
    }
}

/// As many lines as there is room for: the first, what was left out, and the last.
fn fit(mut lines: Vec<Line>, most: usize) -> Vec<Line> {
    if lines.len() <= most {
        return lines;
    }
    let out = lines.len() - most + 1;
    lines.splice(1..=out, [Line::default().with(Paint::Dim, format!("  … {out} lines"))]);
    lines
}
