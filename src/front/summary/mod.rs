//! What stands at the end of a run: the filled checklist, the time, what failed, what was taken back, and where it is kept.

pub(super) mod checklist;
#[cfg(test)]
mod tests;
mod undone;

use std::sync::Mutex;

use super::style::{Line, Paint, Style};
use super::tree::Tree;
use super::{draw, gate, plan};
use crate::base::event::{Event, Listener};
use crate::base::outcome::Outcome;
use crate::base::text::{self, show_duration};

/// Hears a run and draws the summary of what it heard.
#[derive(Debug, Default)]
pub struct Summary {
    tree: Mutex<Tree>,
    project: Option<String>,
}

impl Summary {
    /// A summary whose commands name the project's folder, for a reader who does not stand in it.
    #[must_use]
    pub fn naming(project: Option<String>) -> Self {
        Self { project, ..Self::default() }
    }

    /// The same of a run that takes the run `of` back, or of the plan of that.
    #[must_use]
    pub fn taking_back(mut self, of: Option<String>) -> Self {
        if let Ok(tree) = self.tree.get_mut() {
            tree.takes_back = of;
        }
        self
    }

    /// Whether a run was heard that neither ended nor waits: its end will be told by nobody else.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.tree.lock().is_ok_and(|tree| tree.head.is_some() && tree.end.is_none() && tree.waiting.is_none())
    }

    /// The summary of what was heard so far; empty before a run began.
    #[must_use]
    pub fn draw(&self, style: Style) -> String {
        self.tree.lock().map(|tree| of(&tree, self.project.as_deref(), style)).unwrap_or_default()
    }

    /// How it ended in one line, and what went wrong; where something did, also what was taken back and where it is kept.
    #[must_use]
    pub fn brief(&self, style: Style) -> String {
        self.tree.lock().map(|tree| brief(&tree, self.project.as_deref(), style)).unwrap_or_default()
    }
}

impl Listener for Summary {
    fn hear(&self, event: &Event) {
        // What is shown only while it happens is nothing for the end.
        let Ok(mut tree) = self.tree.lock() else { return };
        let is_passing =
            matches!(event, Event::Logged { .. } | Event::Retrying { .. } | Event::Waiting { .. });
        // Of a plan, what a change says of itself belongs to it.
        let is_of_change = matches!(event, Event::Line { from, .. } if tree.is_early(from));
        if !(event.is_kept() || is_of_change) || (is_passing && !tree.is_planning()) {
            return;
        }
        tree.hear(event);
        tree.condense(event);
    }
}

/// The summary of a run that has ended, from wherever its events came.
#[must_use]
pub fn of(tree: &Tree, project: Option<&str>, style: Style) -> String {
    let Some(head) = &tree.head else { return String::new() };
    let mut lines = vec![title(tree), Line::default()];
    if head.planning {
        lines.extend(plan::lines(tree));
        lines.extend(checklist::judgements(tree));
    } else if !tree.is_refused() {
        lines.extend(checklist::ticked(tree));
        lines.extend(checklist::judgements(tree));
        lines.extend(checklist::slowest(tree));
    }
    lines.extend(not_sent(tree));
    lines.extend(waiting(tree));
    lines.extend(failure(tree));
    lines.extend(undone::taken_back(tree));
    lines.extend(draw::compared(tree));
    lines.extend(kept(tree, project));
    settled(lines, style)
}

fn brief(tree: &Tree, project: Option<&str>, style: Style) -> String {
    if tree.head.is_none() {
        return String::new();
    }
    let mut lines = vec![title(tree)];
    lines.extend(not_sent(tree));
    lines.extend(waiting(tree));
    lines.extend(failure(tree));
    lines.extend(undone::taken_back(tree));
    if lines.len() > 1 {
        lines.extend(kept(tree, project));
    }
    settled(lines, style)
}

/// Where the record of the run is found; a plan has none.
fn kept(tree: &Tree, project: Option<&str>) -> Option<Line> {
    let head = tree.head.as_ref().filter(|head| !head.planning)?;
    let (run, environment, person) = (&head.run, &head.environment, &head.person);
    let at = project.map(|project| format!(" --project {project}")).unwrap_or_default();
    let kept = format!("run {run} in {environment} by {person} · playbook{at} show {run}");
    Some(Line::default().with(Paint::Dim, kept))
}

/// The lines as text; a section that has nothing to say leaves its blank line behind.
fn settled(mut lines: Vec<Line>, style: Style) -> String {
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
        None if tree.waiting.is_some() => line.with(Paint::Live, "  … waiting"),
        None => line.with(Paint::Warn, "  not ended"),
        Some(end) => {
            let failed = tree.unwound_items().any(|item| !undone::is_back(item));
            let (paint, words) = match (end.outcome, tree.unwinds.is_empty()) {
                (Outcome::Done, false) if tree.takes_back.is_some() => (Paint::Good, "↩ taken back"),
                (Outcome::NotTakenBack, _) if tree.takes_back.is_some() => {
                    (Paint::Bad, "✘ not all taken back")
                }
                (Outcome::Failed, _) if tree.takes_back.is_some() || tree.is_refused() => {
                    (Paint::Warn, "■ refused, nothing was done")
                }
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

/// How many notices did not reach anybody: the run went on, and who relied on them has to know.
fn not_sent(tree: &Tree) -> Option<Line> {
    (tree.not_sent > 0).then(|| {
        let words = format!("{} could not be sent", text::count(tree.not_sent, "notice"));
        Line::default().with(Paint::Warn, words)
    })
}

/// What a run waits for whose process ends meanwhile.
fn waiting(tree: &Tree) -> Vec<Line> {
    let Some(what) = &tree.waiting else { return Vec::new() };
    let line = Line::default().with(Paint::Live, "… ").with(Paint::Plain, what);
    let how = "`playbook tick` goes on when it is time, `playbook resume` by hand";
    let run = tree.head.as_ref().map(|head| head.run.as_str()).filter(|_| gate::is_open(tree));
    let answered = run.map(|run| format!("; {}", gate::how(run))).unwrap_or_default();
    vec![Line::default(), line.with(Paint::Dim, format!("{answered}; {how}")), Line::default()]
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
