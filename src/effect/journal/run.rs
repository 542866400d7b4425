//! The one writer of one run: queues what can wait, and commits it together with what cannot.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::home::{End, Row, Turn, Writer, stored};
use super::lease::{BEAT, Beat};
use super::licence::Intent;
use super::{cancel, chain};
use crate::base::call::Inverse;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::{Event, Position};
use crate::base::exit::Exit;
use crate::base::outcome::Outcome;
use crate::sys::lock::FileLock;
use crate::sys::mortal;
use crate::sys::{clock, files};

/// How long an entry may wait for a commit that it can ride on.
const IDLE: Duration = Duration::from_millis(250);
/// How much may wait, in bytes of JSON, before whoever adds more commits it.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// The record of one run while it is made. Clones write the same record.
#[derive(Clone)]
pub struct RunJournal(Arc<Open>);

impl fmt::Debug for RunJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunJournal").field(&self.0.id).finish()
    }
}

struct Open {
    id: String,
    shared: Arc<Shared>,
    flusher: Option<JoinHandle<()>>,
    /// Shows other processes that this one lives.
    _alive: FileLock,
    alive_at: std::path::PathBuf,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    pen: Mutex<Pen>,
    /// The lock that the run holds.
    lock: Option<String>,
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    rows: Vec<Row>,
    bytes: usize,
    last: u64,
    since: Option<Instant>,
    turn: Turn,
    ended: bool,
    /// What stands before the first entry of a turn that goes on with an earlier one; nothing is written until then.
    prelude: Option<Event>,
    closing: bool,
    /// The flusher looks at the clock by itself and need not be woken.
    watched: bool,
    /// The steps that have begun and not ended, by position, the last to begin last.
    steps: Vec<(Position, String)>,
    /// The step that was told last, and when.
    told: Option<String>,
    beaten: Option<Instant>,
    failed: Option<Error>,
}

impl Queue {
    /// Learns from an event in which step the run is.
    fn stand(&mut self, event: &Event) {
        match event {
            Event::StepBegan { position, name, .. } => self.steps.push((position.clone(), name.clone())),
            Event::StepEnded { position, .. } => self.steps.retain(|(one, _)| one != position),
            _ => {}
        }
    }

    /// The step that the run is in; none between two steps.
    fn step(&self) -> Option<&String> {
        self.steps.last().map(|(_, name)| name)
    }
}

/// Writes, and knows the hash to go on from. Whoever holds it commits for all who wait.
struct Pen {
    run: String,
    head: String,
    writer: Box<dyn Writer>,
}

impl RunJournal {
    /// The journal of the run `id`, whose chain goes on from the entry `last` with the hash `head`, and which holds `lock`.
    pub(super) fn new(
        id: String,
        (last, head): (u64, String),
        (writer, lock): (Box<dyn Writer>, Option<String>),
        alive: (FileLock, std::path::PathBuf),
        prelude: Option<Event>,
    ) -> Self {
        let pen = Mutex::new(Pen { run: id.clone(), head, writer });
        let queue = Mutex::new(Queue { last, prelude, ..Queue::default() });
        let shared = Arc::new(Shared { queue, wake: Condvar::new(), pen, lock });
        let watched = Arc::clone(&shared);
        let flusher = std::thread::Builder::new().name("journal".into()).spawn(move || watched.watch()).ok();
        Self(Arc::new(Open { id, shared, flusher, _alive: alive.0, alive_at: alive.1 }))
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Keeps an event. It becomes durable with the next write's intent, or within a quarter of a second.
    pub fn note(&self, event: &Event) -> Result<()> {
        if !event.is_kept() {
            return Ok(());
        }
        if matches!(event, Event::StepBegan { .. } | Event::StepEnded { .. }) {
            self.0.shared.queue().stand(event);
        }
        self.keep(event, None)
    }

    /// Keeps the end of an effect together with its whole value, secrets as references, which nobody is shown.
    pub fn note_whole(&self, event: &Event, whole: &Value) -> Result<()> {
        self.keep(event, Some(whole.to_string()))
    }

    fn keep(&self, event: &Event, whole: Option<String>) -> Result<()> {
        let hash = whole.as_ref().map(|whole| (super::WHOLE_HASH, chain::sha256(whole).into()));
        let pushed = self.0.shared.push(body(event, hash)?, Aside { whole, ..Aside::default() });
        if pushed?.waiting > MOST_WAITING { self.flush() } else { Ok(()) }
    }

    /// Keeps the beginning of a write together with how it is taken back. Both are on the disk when this returns. A run
    /// whose lock was taken away begins none.
    pub fn intend(&self, event: &Event, inverse: &Inverse) -> Result<Intent> {
        self.0.shared.hold_on()?;
        let inverse = stored(inverse);
        let hash = inverse.as_ref().map(|inverse| (super::INVERSE_HASH, chain::sha256(inverse).into()));
        let pushed = self.0.shared.push(body(event, hash)?, Aside { inverse, ..Aside::default() })?;
        self.flush()?;
        Ok(Intent::new(pushed.seq))
    }

    /// Keeps the end of the run, durably. Nothing can be added afterwards.
    pub fn end(&self, event: &Event) -> Result<()> {
        let Event::RunEnded { outcome, error, .. } = event else {
            return Err(Error::bug("a run can end only with `run_ended`"));
        };
        let end = End { outcome: *outcome, exit_code: exit(*outcome, error.as_ref()).code() };
        let body = body(event, Some((super::EXIT_CODE, end.exit_code.into())))?;
        self.0.shared.push(body, Aside { end: Some(end), ..Aside::default() })?;
        self.flush()
    }

    /// Makes everything noted so far durable.
    pub fn flush(&self) -> Result<()> {
        self.0.shared.settle()
    }
}

/// The exit code of a command whose run ended so. What was wrong with the playbook shows itself only after it has begun,
/// so it is a failure then: `usage` promises that nothing was run.
#[must_use]
pub fn exit(outcome: Outcome, error: Option<&Error>) -> Exit {
    match (outcome, error.map(Error::exit)) {
        (Outcome::NotTakenBack, _) => Exit::NotTakenBack,
        (Outcome::InDoubt, _) => Exit::InDoubt,
        (_, Some(Exit::Usage)) => Exit::Failed,
        (_, Some(exit)) => exit,
        (Outcome::Done, None) => Exit::Done,
        (Outcome::Cancelled, None) => Exit::Interrupted,
        (Outcome::Failed | Outcome::TakenBack, None) => Exit::Failed,
    }
}

/// The event as the chain covers it, with one more field. The arguments of an inverse hold old values: they are kept
/// apart, and only their hash stands here.
fn body(event: &Event, field: Option<(&str, Value)>) -> Result<String> {
    let failed =
        |why: serde_json::Error| Error::bug("an event cannot be written as JSON").why(why.to_string());
    if !matches!(event, Event::EffectBegan { inverse: Inverse::Call(_), .. }) {
        return serde_json::to_string(event).map(|text| with(text, field)).map_err(failed);
    }
    let mut value = serde_json::to_value(event).map_err(failed)?;
    if let Some(arguments) = value.pointer_mut("/inverse/arguments") {
        *arguments = Value::Object(serde_json::Map::new());
    }
    Ok(with(value.to_string(), field))
}

/// The text of an object with one more field at its end: written through a [`Value`], an entry would be made twice.
fn with(mut text: String, field: Option<(&str, Value)>) -> String {
    if let Some((name, value)) = field
        && text.pop() == Some('}')
    {
        let _ = write!(text, ",\"{name}\":{value}}}");
    }
    text
}

/// What is kept of an entry beside its body.
#[derive(Default)]
struct Aside {
    inverse: Option<String>,
    whole: Option<String>,
    end: Option<End>,
}

struct Pushed {
    seq: u64,
    waiting: usize,
}

impl Queue {
    fn add(&mut self, body: String, aside: Aside) {
        self.last += 1;
        self.ended = aside.end.is_some();
        self.turn.end = aside.end;
        let (seq, at) = (self.last, super::stamp(clock::now()));
        let Aside { inverse, whole, .. } = aside;
        let row = Row { seq, at, body, hash: String::new(), inverse, whole };
        self.bytes += row.size();
        self.rows.push(row);
        self.since.get_or_insert_with(clock::instant);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, body: String, aside: Aside) -> Result<Pushed> {
        let is_last = mortal::counts();
        let pushed = self.queue_up(body, aside);
        if is_last && self.settle().is_ok() {
            mortal::end();
        }
        pushed
    }

    fn queue_up(&self, body: String, aside: Aside) -> Result<Pushed> {
        let mut queue = self.queue();
        if let Some(error) = &queue.failed {
            return Err(error.clone());
        }
        if queue.ended {
            return Err(Error::bug("the run has ended: nothing can be added to its journal"));
        }
        if let Some(prelude) = queue.prelude.take() {
            queue.turn.reopened = matches!(prelude, Event::RunResumed { reopened: true, .. });
            queue.add(self::body(&prelude, None)?, Aside::default());
        }
        queue.add(body, aside);
        let pushed = Pushed { seq: queue.last, waiting: queue.bytes };
        if !queue.watched {
            self.wake.notify_one();
        }
        Ok(pushed)
    }

    /// Commits all that waits. Callers that come while one commits find their entries committed by it.
    fn settle(&self) -> Result<()> {
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rows, turn) = {
            let mut queue = self.queue();
            if let Some(error) = &queue.failed {
                return Err(error.clone());
            }
            queue.bytes = 0;
            queue.since = None;
            (std::mem::take(&mut queue.rows), std::mem::take(&mut queue.turn))
        };
        if rows.is_empty() {
            return Ok(());
        }
        let mut head = pen.head.clone();
        for row in &mut rows {
            head = chain::link(&head, &pen.run, row.seq, &row.at, &row.body);
            row.hash.clone_from(&head);
        }
        pen.writer.commit(&rows, turn).map_err(|error| {
            // What is on the disk is now uncertain, so nothing may follow it.
            self.queue().failed.get_or_insert(error).clone()
        })?;
        pen.head = head;
        Ok(())
    }

    /// Makes sure that the run still has its lock.
    fn hold_on(&self) -> Result<()> {
        let Some(name) = &self.lock else { return Ok(()) };
        if self.pen.lock().unwrap_or_else(PoisonError::into_inner).writer.holds()? {
            return Ok(());
        }
        Err(Error::new(Kind::Held, format!("the lock `{name}` was taken away from this run"))
            .why("no further change is begun, for another run may hold it now")
            .fix("`playbook runs` shows who took it, and `playbook show` of that line why; then take this run back with `playbook rollback`")
            .unchanged())
    }

    /// Whether it is time to say that the run lives, or in which other step it is.
    fn is_due(&self, queue: &Queue) -> bool {
        let since = queue.beaten.map_or(BEAT, |at| at.elapsed());
        self.lock.is_some()
            && !queue.ended
            && (since >= BEAT || (since >= IDLE && queue.told.as_ref() != queue.step()))
    }

    /// Says that the run lives, and in which step. Only people read it: whether the lock is still there is asked before
    /// each change.
    fn beat(&self) {
        let step = {
            let mut queue = self.queue();
            queue.beaten = Some(clock::instant());
            queue.told = queue.step().cloned();
            queue.told.clone()
        };
        let _ = self.pen.lock().unwrap_or_else(PoisonError::into_inner).writer.beat(&Beat::now(step));
    }

    /// Waits until something is to be written; a run with a lock says meanwhile that it lives.
    fn rest<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        if self.lock.is_none() {
            return self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.wake.wait_timeout(queue, BEAT).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Commits what has waited too long, until the journal closes.
    fn watch(&self) {
        let mut queue = self.queue();
        while !queue.closing {
            if self.is_due(&queue) {
                drop(queue);
                self.beat();
                queue = self.queue();
                continue;
            }
            let left = queue.since.map(|since| IDLE.saturating_sub(since.elapsed()));
            queue = match left {
                None => self.rest(queue),
                Some(Duration::ZERO) => {
                    drop(queue);
                    // A failure stays in the queue, where the next call finds it.
                    if self.settle().is_err() {
                        return;
                    }
                    self.pen.lock().unwrap_or_else(PoisonError::into_inner).writer.tidy();
                    self.queue()
                }
                Some(left) => {
                    queue.watched = true;
                    let (mut queue, _) =
                        self.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner);
                    queue.watched = false;
                    queue
                }
            };
        }
    }
}

#[cfg(test)]
impl RunJournal {
    /// From now on the journal's disk is full.
    pub(super) fn fill(&self) {
        self.0.shared.pen.lock().unwrap().writer.fill();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.queue().closing = true;
        self.shared.wake.notify_all();
        if let Some(flusher) = self.flusher.take() {
            let _ = flusher.join();
        }
        if self.shared.settle().is_ok() {
            self.shared.pen.lock().unwrap_or_else(PoisonError::into_inner).writer.tidy();
        }
        let _ = files::remove(&cancel::wish(&self.alive_at));
        let _ = files::remove(&self.alive_at);
    }
}
