//! What the engine's functions share during one run: the pipeline, the sources, the facts a script may ask for.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rhai::{Dynamic, Position};
use serde_json::{Map, Value};

use super::forms::time;
use super::{here, traces};
use crate::base::call::Call;
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::gate::AtTerminal;
use crate::base::pace::Pace;
use crate::base::place::Place;
use crate::effect::environment::Limits;
use crate::effect::pipeline::{Mode, Pipeline};
use crate::effect::primitive::Entry;
use crate::effect::recall::{Asked, Record};
use crate::sys::clock::Idle;

/// The arguments of a primitive in their positional order, each with whether it must be given.
#[derive(Debug)]
pub struct Signature {
    arguments: Vec<(String, bool)>,
    map: Option<usize>,
}

impl Signature {
    fn of(entry: &Entry) -> Self {
        Self { arguments: entry.arguments(), map: entry.place_of_map() }
    }

    /// Whether the last of a call's values, a map at `place`, is the value of an argument: of one that is a map and must
    /// be given. Else it is named options; so it is too when it gives that argument by its name.
    pub fn takes_map_at(&self, place: usize, names: impl Fn(&str) -> bool) -> bool {
        self.map == Some(place) && self.arguments.get(place).is_some_and(|(name, _)| !names(name))
    }
}

impl std::ops::Deref for Signature {
    type Target = [(String, bool)];

    fn deref(&self) -> &Self::Target {
        &self.arguments
    }
}

/// Says why a call of a rollback block is not to be made, if it is not.
pub type Spare = Arc<dyn Fn(&Call) -> Result<()> + Send + Sync>;

/// What one run's script works with.
pub struct Session {
    /// The path of every effect.
    pub pipeline: Arc<Pipeline>,
    /// Where effects run while the script's thread waits for them.
    pub runtime: tokio::runtime::Handle,
    /// The texts of the playbook and its modules.
    pub sources: Sources,
    /// The project's folder.
    pub project: PathBuf,
    /// The bounds of the sandbox.
    pub limits: Limits,
    /// How many bytes the process has allocated; a function, because only the binary owns its allocator.
    pub allocated: fn() -> usize,
    /// What `params` is in the script.
    pub parameters: Map<String, Value>,
    /// What `run` is in the script.
    pub facts: Map<String, Value>,
    /// SHA-256 of the playbook and its modules, hexadecimal; empty while they are only read.
    pub digest: String,
    /// The hash of the saved plan that the run is held to.
    pub plan: Option<String>,
    /// A wait that is longer ends the process; none does when it is not said.
    pub detach: Option<Duration>,
    /// Asks the person at the terminal at a gate, if there is one.
    pub at_gate: Option<AtTerminal>,
    /// The time in which people decided: it does not count against the run's own.
    pub idle: Idle,
    /// Modules as they were when the script ran; where there is one, the file of today is not read.
    pub recorded: BTreeMap<String, String>,
    /// The variables of the innermost step that did not end, once the script only ran to know again what it knew.
    pub inside: Mutex<Option<rhai::Scope<'static>>>,
    signatures: Mutex<HashMap<(&'static str, &'static str), Arc<Signature>>>,
    /// What holds for the calls of rollback blocks while things are taken back.
    spare: Mutex<Option<Spare>>,
}

/// The parts of a [`Session`] that its maker chooses.
pub struct Parts {
    /// The path of every effect.
    pub pipeline: Arc<Pipeline>,
    /// Where effects run.
    pub runtime: tokio::runtime::Handle,
    /// How many bytes the process has allocated.
    pub allocated: fn() -> usize,
    /// What `params` is in the script.
    pub parameters: Map<String, Value>,
    /// What `run` is in the script.
    pub facts: Map<String, Value>,
    /// SHA-256 of the playbook and its modules, hexadecimal; empty while they are only read.
    pub digest: String,
    /// The hash of the saved plan that the run is held to.
    pub plan: Option<String>,
    /// A wait that is longer ends the process; none does when it is not said.
    pub detach: Option<Duration>,
    /// Asks the person at the terminal at a gate, if there is one.
    pub at_gate: Option<AtTerminal>,
    /// Modules as they were when the script ran.
    pub recorded: BTreeMap<String, String>,
}

impl Session {
    /// A session whose bounds and project are those of the pipeline's host.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let host = &parts.pipeline.host;
        Self {
            project: host.project.clone(),
            limits: host.environment.limits.clone(),
            sources: Sources::default(),
            idle: Idle::default(),
            inside: Mutex::default(),
            signatures: Mutex::default(),
            spare: Mutex::default(),
            runtime: parts.runtime,
            allocated: parts.allocated,
            parameters: parts.parameters,
            facts: parts.facts,
            digest: parts.digest,
            plan: parts.plan,
            detach: parts.detach,
            at_gate: parts.at_gate,
            recorded: parts.recorded,
            pipeline: parts.pipeline,
        }
    }

    /// Whether nothing may be changed, and what a change gives is not known.
    #[must_use]
    pub fn is_planning(&self) -> bool {
        matches!(self.pipeline.mode, Mode::Plan) && !self.pipeline.recall.is_only_looking()
    }

    /// From now on this holds for the calls of rollback blocks.
    pub fn spare(&self, spare: Option<Spare>) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = spare;
    }

    /// Why a call of a rollback block is not to be made, if it is not.
    pub(super) fn may_take_back(&self, call: &Call) -> Result<()> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spare.map_or(Ok(()), |spare| spare(call))
    }

    /// How much of the time that a playbook asks to pass does pass in this environment.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pipeline.host.environment.pace
    }

    /// Ends this process when it may end while the run waits so long, or for people, which is an error that ends the
    /// script and not the run. Branches of `parallel` and what is taken back wait where they are.
    pub fn may_leave(&self, left: Duration, until: Option<&str>, what: &str) -> Result<()> {
        match self.detach {
            Some(longest) if left > longest && here::may_leave() => Err(time::suspended(until, what)),
            _ => Ok(()),
        }
    }

    /// Journals an event and tells every listener; not while the script only runs to know again what it knew.
    pub fn record(&self, event: &Event) -> Result<()> {
        if self.pipeline.recall.is_only_looking() { Ok(()) } else { self.pipeline.record(event) }
    }

    /// How long earlier turns of the run were at work.
    #[must_use]
    pub fn worked(&self) -> Duration {
        self.pipeline.recall.worked()
    }

    /// What an earlier turn of the run recorded at `position`, where the script now does what `asked` says.
    pub fn recall(&self, position: &str, asked: &Asked<'_>) -> Result<Option<Record>> {
        self.ends_where_it_must(self.pipeline.recall.take(position, asked))
    }

    /// The step or branch at `position` ended without an error: it must have done all that was recorded of it.
    pub fn leave(&self, position: &str) -> Result<()> {
        self.ends_where_it_must(self.pipeline.recall.leave(position))
    }

    /// Tells every listener of something that was journalled by an earlier turn.
    pub fn retell(&self, event: &Event) {
        if !self.pipeline.recall.is_quiet() {
            self.pipeline.host.retell(event);
        }
    }

    /// No `try` of the script may hold an error that ends the turn.
    fn ends_where_it_must<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && !error.is_catchable()
        {
            here::end(error.clone());
        }
        result
    }

    /// The arguments of a primitive in their positional order.
    #[must_use]
    pub fn signature(&self, family: &'static str, entry: &'static Entry) -> Arc<Signature> {
        let mut known = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry((family, entry.name)).or_insert_with(|| Arc::new(Signature::of(entry))))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("project", &self.project).finish_non_exhaustive()
    }
}

/// The texts of the playbook and its modules by their names; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Arc<Mutex<BTreeMap<String, Source>>>,
}

/// A text, and where each of its lines begins: every call of a primitive is told its line.
#[derive(Clone, Debug)]
struct Source {
    text: Arc<str>,
    lines: Arc<[usize]>,
}

impl Source {
    fn new(text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        Self { text: text.into(), lines }
    }

    /// The line of that number, counted from 1.
    fn line(&self, number: usize) -> Option<&str> {
        let begin = *self.lines.get(number.checked_sub(1)?)?;
        self.text.get(begin..)?.lines().next()
    }
}

impl Sources {
    /// Keeps a text under its name.
    pub fn keep(&self, name: &str, text: &str) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Source::new(text));
    }

    /// The text of that name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.source(name).map(|source| source.text)
    }

    /// The place of a position in the text of that name, with its line.
    #[must_use]
    pub fn place(&self, name: &str, position: Position) -> Place {
        let place = Place::new(name, position.line().unwrap_or(0), position.position().unwrap_or(0));
        match self.source(name).as_ref().and_then(|source| source.line(place.line)) {
            Some(line) => place.on(line),
            None => place,
        }
    }

    /// The place of a call of `word`. The engine tells the name of the module that runs, also where that calls a closure of
    /// another text: then the place lies in the only text that has the word there.
    #[must_use]
    pub fn place_of_call(&self, name: &str, position: Position, word: &str) -> Place {
        let (line, column) = (position.line().unwrap_or(0), position.position().unwrap_or(1));
        let has = |source: &Source| {
            let line = source.line(line).unwrap_or_default();
            let begin =
                line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(begin, _)| begin);
            line[begin..].starts_with(word)
        };
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut other = None;
        if texts.get(name).is_some_and(|source| !has(source)) {
            let mut others = texts.iter().filter(|(_, source)| has(source)).map(|(name, _)| name.clone());
            other = others.next().filter(|_| others.next().is_none());
        }
        drop(texts);
        self.place(other.as_deref().unwrap_or(name), position)
    }

    fn source(&self, name: &str) -> Option<Source> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// A text argument of a form, or what it was instead.
pub(crate) fn text_of(value: &Dynamic, of: &str) -> Result<String> {
    value.clone().into_string().map_err(|found| {
        Error::usage(format!("{of} must be a text, and it is {}", traces::spoken(found)))
            .fix(format!("write {of} in quotes"))
    })
}
