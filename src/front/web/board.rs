//! One run as the page shows it: rows that never change their number, of which each event touches few.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::message;
use super::sent::{self, heading, millis};
use crate::base::error::Result;
use crate::base::event::Event;
use crate::base::gate::{Answer, Asked};
use crate::effect::journal::{Entry, Journal, RunRecord, State};
use crate::front::report::rows::{self, Row};
use crate::front::runs;
use crate::front::style::{class, clean};
use crate::front::timeline::{Timeline, svg};
use crate::front::tree::{Node, Tree, What, leaf};
use crate::sys::clock;

/// How many rows are sent as one message to somebody who comes anew.
const CHUNK: usize = 256;
/// How many entries are read at once.
const PAGE: u32 = 1000;
/// How many lines of output are kept for those who come later.
const LINES: usize = 500;

/// How old the picture of the times may be.
const OLD: Duration = Duration::from_secs(1);

/// One run, folded.
#[derive(Debug)]
pub(super) struct Board {
    /// The run as the journal has it.
    pub(super) record: RunRecord,
    /// When what happened.
    timeline: Timeline,
    tree: Tree,
    rows: Vec<Placed>,
    /// The latest row at each position.
    places: HashMap<String, usize>,
    running: HashSet<usize>,
    /// The heading under which things are taken back.
    undo: Option<usize>,
    usual: BTreeMap<String, Duration>,
    /// The last entry that was heard.
    last: u64,
    /// The rows as messages, as far as they were wanted and have not changed since.
    chunks: Vec<Option<Bytes>>,
    lines: VecDeque<Line>,
    /// How far the lines beside the record were read.
    aside: u64,
    /// The picture of the times, and when it was drawn.
    picture: Option<(Instant, Bytes)>,
}

/// A line of output: where it comes from, whether it is an error, the line.
type Line = (String, bool, String);

#[derive(Debug)]
struct Placed {
    position: Box<str>,
    parent: Option<usize>,
    begun: Timestamp,
    /// As it is sent; empty for what is no longer shown.
    json: String,
}

/// A gate at which a run waits.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) position: String,
    pub(super) asked: Asked,
    pub(super) answers: Vec<Answer>,
}

/// What changed since it was last asked.
#[derive(Debug, Default)]
pub(super) struct Change {
    rows: Vec<usize>,
    lines: Vec<Line>,
    progress: Vec<(String, u64, Option<u64>)>,
    is_gate: bool,
    is_judged: bool,
    is_run: bool,
}

impl Board {
    /// The run with this id, as far as it has come.
    pub(super) fn load(journal: &Journal, run: &str) -> Result<Self> {
        let record = journal.run(run)?;
        let usual = journal.usual_steps(&record.facts.playbook, &record.facts.environment)?;
        let mut board = Self {
            record,
            timeline: Timeline::default(),
            tree: Tree::default(),
            rows: Vec::new(),
            places: HashMap::new(),
            running: HashSet::new(),
            undo: None,
            usual,
            last: 0,
            chunks: Vec::new(),
            lines: VecDeque::new(),
            aside: 0,
            picture: None,
        };
        board.advance(journal, true)?;
        Ok(board)
    }

    /// Takes what was written since; the run's own row is asked for when `fully`, or when it must have changed.
    pub(super) fn advance(&mut self, journal: &Journal, fully: bool) -> Result<Change> {
        let mut change = Change::default();
        loop {
            let entries = journal.entries_after(&self.record, self.last, PAGE)?;
            for entry in &entries {
                let touched = self.hear(entry);
                change.rows.extend(touched);
                change.is_gate |= matches!(
                    entry.event,
                    Event::GateOpened { .. } | Event::GateAnswered { .. } | Event::GateClosed { .. }
                );
                change.is_run |= matches!(
                    entry.event,
                    Event::RunEnded { .. } | Event::Suspended { .. } | Event::RunResumed { .. }
                );
                change.is_judged |= matches!(entry.event, Event::Judged { .. });
            }
            if entries.len() < PAGE as usize {
                break;
            }
        }
        if self.record.state == State::Running {
            self.read_aside(journal, &mut change);
        }
        if change.is_run || (fully && self.record.state != State::Ended) {
            let before = self.record.state;
            self.record = journal.run(&self.record.id)?;
            change.is_run |= before != self.record.state;
        }
        if change.is_run {
            // Nobody asks again once it has ended, so that this one must be whole.
            self.picture = None;
        }
        change.rows.sort_unstable();
        change.rows.dedup();
        for row in &change.rows {
            if let Some(chunk) = self.chunks.get_mut(row / CHUNK) {
                *chunk = None;
            }
        }
        Ok(change)
    }

    fn read_aside(&mut self, journal: &Journal, change: &mut Change) {
        let (events, at) = journal.aside(&self.record.id, self.aside);
        self.aside = at;
        for event in events {
            match event {
                Event::Line { from, error, text } => change.lines.push((from, error, clean(&text))),
                Event::Progress { what, done, total } => change.progress.push((what, done, total)),
                _ => {}
            }
        }
        self.lines.extend(change.lines.iter().cloned());
        while self.lines.len() > LINES {
            self.lines.pop_front();
        }
    }

    fn hear(&mut self, entry: &Entry) -> Vec<usize> {
        self.last = entry.seq;
        self.timeline.hear(entry.at, &entry.event);
        self.tree.hear(&entry.event);
        match &entry.event {
            Event::StepEnded { position, .. }
            | Event::EffectEnded { position, .. }
            | Event::GateAnswered { position, .. }
            | Event::GateClosed { position, .. } => self.refresh(position),
            Event::UnwindBegan { reason, .. } => {
                let name = format!("taking back what was done: {reason}");
                let row = heading(&name);
                let id = self.add(None, entry.at, &row);
                self.undo = Some(id);
                vec![id]
            }
            Event::Unwound { position, .. } => {
                let item = self.tree.unwinds.last().and_then(|unwind| unwind.items.last());
                let row = item.and_then(|item| rows::row(item, 0));
                let id = row.map(|row| self.add(self.undo, entry.at, &row));
                id.into_iter().chain(self.refresh(position)).collect()
            }
            event => leaf(event, false).map(|node| self.begin(entry.at, &node)).unwrap_or_default(),
        }
    }

    /// A row for what has just begun or been said.
    fn begin(&mut self, at: Timestamp, node: &Node) -> Vec<usize> {
        let Some(row) = rows::row(node, 0) else { return Vec::new() };
        let again = self.places.get(&node.position).copied().filter(|id| self.running.contains(id));
        if node.is_running()
            && let Some(id) = again
        {
            self.write(id, &row);
            return vec![id];
        }
        let parent = self.parent(&node.position);
        let id = self.add(parent, at, &row);
        if node.is_running() {
            self.running.insert(id);
            self.places.insert(node.position.clone(), id);
        }
        vec![id]
    }

    /// Draws again what is at `position`.
    fn refresh(&mut self, position: &str) -> Vec<usize> {
        let (Some(id), Some((_, node))) = (self.places.get(position).copied(), self.tree.find(position))
        else {
            return Vec::new();
        };
        if !node.is_running() {
            self.running.remove(&id);
        }
        match rows::row(node, 0) {
            Some(row) => self.write(id, &row),
            None => self.rows[id].json.clear(),
        }
        vec![id]
    }

    fn add(&mut self, parent: Option<usize>, begun: Timestamp, row: &Row) -> usize {
        let id = self.rows.len();
        self.rows.push(Placed { position: row.position.as_str().into(), parent, begun, json: String::new() });
        self.chunks.resize(self.rows.len().div_ceil(CHUNK), None);
        self.write(id, row);
        id
    }

    fn write(&mut self, id: usize, row: &Row) {
        let placed = &mut self.rows[id];
        let usual = if row.kind == "step" { self.usual.get(&row.name) } else { None };
        let usual = usual.copied();
        placed.json = sent::row((id, placed.parent), row, (placed.begun, usual));
    }

    /// The row in which `position` lies.
    fn parent(&self, position: &str) -> Option<usize> {
        let mut rest = position;
        while let Some((outer, _)) = rest.rsplit_once('/') {
            if let Some(id) = self.places.get(outer) {
                return Some(*id);
            }
            rest = outer;
        }
        if position.starts_with("undo") { self.undo } else { None }
    }

    /// The gates at which it waits.
    pub(super) fn gates(&self) -> Vec<Gate> {
        if self.record.state == State::Ended {
            return Vec::new();
        }
        let open = self.running.iter().filter_map(|id| self.rows.get(*id));
        let open = open.filter_map(|row| self.tree.find(&row.position));
        let mut gates: Vec<Gate> = open
            .filter_map(|(_, node)| match &node.what {
                What::Gate { asked, answers, closed: None, .. } => Some(Gate {
                    position: node.position.clone(),
                    asked: asked.clone(),
                    answers: answers.clone(),
                }),
                _ => None,
            })
            .collect();
        gates.sort_by(|one, other| one.position.cmp(&other.position));
        gates
    }

    /// The picture of the times: of a run that goes on at most a second old.
    pub(super) fn picture(&mut self) -> Bytes {
        match &self.picture {
            Some((drawn, picture)) if drawn.elapsed() < OLD => picture.clone(),
            _ => {
                let picture = Bytes::from(svg::draw(&self.timeline, clock::now()).into_string());
                self.picture = Some((clock::instant(), picture.clone()));
                picture
            }
        }
    }

    /// Everything so far as messages, for somebody who comes anew. Rows that did not change are shared by all who come.
    pub(super) fn whole(&mut self) -> Vec<Bytes> {
        let mut messages = vec![message("reset", "1"), self.state()];
        for index in 0..self.chunks.len() {
            let rows = index * CHUNK..((index + 1) * CHUNK).min(self.rows.len());
            let made = self.chunks[index].take().unwrap_or_else(|| self.rows_message(rows));
            messages.push(made.clone());
            self.chunks[index] = Some(made);
        }
        if !self.lines.is_empty() {
            messages.push(message("lines", &json!(self.lines).to_string()));
        }
        messages.push(message("ready", "1"));
        messages
    }

    /// What changed as messages.
    pub(super) fn told(&self, change: &Change) -> Vec<Bytes> {
        let mut messages = Vec::new();
        if !change.rows.is_empty() {
            messages.push(self.rows_message(change.rows.iter().copied()));
        }
        if !change.lines.is_empty() {
            messages.push(message("lines", &json!(change.lines).to_string()));
        }
        if !change.progress.is_empty() {
            messages.push(message("progress", &json!(change.progress).to_string()));
        }
        if change.is_run || change.is_judged || change.is_gate {
            messages.push(self.state());
        }
        if change.is_gate {
            messages.push(message("gates", "1"));
        }
        messages
    }

    fn rows_message(&self, ids: impl Iterator<Item = usize>) -> Bytes {
        let mut body = "[".to_owned();
        for id in ids {
            let row = &self.rows[id];
            if body.len() > 1 {
                body.push(',');
            }
            match row.json.as_str() {
                "" => body += &format!("{{\"i\":{id},\"gone\":1}}"),
                json => body += json,
            }
        }
        message("rows", &(body + "]"))
    }

    /// How the run stands.
    fn state(&self) -> Bytes {
        let (paint, words) = runs::outcome(&self.record);
        let judged = crate::front::summary::checklist::judgements(&self.tree);
        let error = self.tree.end.as_ref().and_then(|end| end.error.as_ref());
        let took = runs::took(&self.record).filter(|_| self.record.state == State::Ended);
        let state = json!({
            "words": words,
            "class": class(paint),
            "live": self.record.state != State::Ended,
            "began": self.record.started.as_millisecond(),
            "now": clock::now().as_millisecond(),
            "took": took.map(millis),
            "checks": judged.map(|line| line.show(crate::front::style::Style::default())),
            "error": error.map(|error| error.to_string().lines().map(clean).collect::<Vec<_>>().join("\n")),
            "waits": self.record.waits.as_ref().map(|waits| &waits.what),
        });
        message("run", &state.to_string())
    }
}

impl Change {
    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.lines.is_empty()
            && self.progress.is_empty()
            && !self.is_run
            && !self.is_gate
    }
}
