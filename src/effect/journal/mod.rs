//! The record of what runs did: each entry's hash covers the one before, and a write's intent is on the disk before
//! the write begins. One interface; where the rows lie is behind `home`.

mod aside;
mod bundle;
mod cancel;
mod chain;
mod home;
mod later;
mod lease;
mod licence;
#[cfg(test)]
pub(crate) mod memory;
mod record;
mod reopen;
mod run;
mod scripts;
mod sqlite;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]
mod tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]
mod torn;
mod verify;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::base::access::ResourceId;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::gate::Answer;
use crate::sys::lock::{self, FileLock};
use crate::sys::{clock, files};

pub use aside::Aside;
pub use bundle::{Bundle, looks_like_one, read as read_bundle};
pub use cancel::{Asked, asked_to_end};
use home::{Beginning, Home, RunRow};
pub use lease::{Holding, Lease, cut_off, expectation, may_be_waited_for};
pub use licence::{Intent, Licence};
pub use record::{Brief, Entry, Facts, Filter, NewRun, RunKind, RunRecord, Script, State, Waits};
pub use reopen::Kept;
pub use run::{RunJournal, exit};
pub use verify::{Fault, Verdict};

/// The field of an `effect_began` that holds the SHA-256 of its stored inverse.
const INVERSE_HASH: &str = "inverse_hash";

/// The field of an `effect_ended` that holds the SHA-256 of its whole value, where that is kept apart.
const WHOLE_HASH: &str = "whole_hash";

/// The field of a `run_ended` that holds the exit code of its command.
const EXIT_CODE: &str = "exit_code";

/// A part of a run's id that is shorter names no run; in characters. Ids end with four of their own.
const SHORTEST: usize = 4;

/// How many entries are read at once, where they are passed on.
const PAGE: u32 = 64;

/// The record of the run itself as a resource: the one that no environment declares and no header asks for, because
/// every run has it, and nothing can be done to it but to pass it on.
#[must_use]
pub fn own() -> ResourceId {
    ResourceId::new("journal", "run")
}

/// The journal of a project. Clones are the same journal.
#[derive(Clone)]
pub struct Journal {
    folder: PathBuf,
    home: Arc<dyn Home>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.folder).finish()
    }
}

impl Journal {
    /// Opens the journal of the project at `project`, making it where there is none.
    pub fn open(project: &Path) -> Result<Self> {
        let folder = project.join(".playbook");
        if !files::exists(&folder.join("journal.db")) {
            files::make_private_folder(&folder)?;
            let _alone = FileLock::hold(&folder.join("journal.lock"))?;
            // Old values lie here: they must not be committed along with the project by accident.
            files::replace(&folder.join(".gitignore"), b"*\n")?;
        }
        let home = Arc::new(sqlite::Sqlite::open(&folder)?);
        Ok(Self { folder, home })
    }

    /// Opens the journal of the project at `project` if it has one; makes none.
    pub fn find(project: &Path) -> Result<Option<Self>> {
        let is_there = files::is_there(&project.join(".playbook/journal.db")).map_err(|error| {
            error.fix("become the owner of the journal; `.playbook` has to be a folder that you may enter")
        })?;
        is_there.then(|| Self::open(project)).transpose()
    }

    /// A journal in memory whose process can be made to die; only its locks lie in `folder`.
    #[cfg(test)]
    pub(crate) fn in_memory(folder: PathBuf, home: Arc<memory::Memory>) -> Self {
        Self { folder, home }
    }

    /// Begins a run: its row is durable when this returns.
    pub fn begin_run(&self, run: &NewRun) -> Result<RunJournal> {
        let mut run = run.clone();
        run.facts.process = std::process::id();
        run.facts.version = env!("CARGO_PKG_VERSION").to_owned();
        run.facts.scripts =
            run.scripts.iter().map(|script| (script.name.clone(), chain::sha256(&script.text))).collect();
        files::make_private_folder(&self.folder.join("live"))?;
        let lock = run.facts.lock.clone();
        let expected = match lock {
            Some(_) => self.usual(&run.facts.playbook, &run.facts.environment)?,
            None => None,
        };
        let mut over = None;
        // Ids of one second differ in four digits, so a few turns find a free one.
        for _ in 0..64 {
            let now = clock::now();
            let id = new_id(now);
            let path = self.alive(&id);
            let Some(alive) = FileLock::try_hold(&path)? else { continue };
            let lease = lock.as_ref().map(|name| Lease::new(name, &run.facts, &id, expected));
            match self.home.begin((&id, &stamp(now)), &run, lease.as_ref(), over.as_deref()) {
                Ok(Beginning::Begun(begun)) => {
                    cancel::sign(&alive, &path)?;
                    let writer = self.home.writer(begun.number)?;
                    return Ok(RunJournal::new(id, (0, begun.hash), (writer, lock), (alive, path), None));
                }
                Ok(Beginning::SameId) => files::remove(&path)?,
                Ok(Beginning::Held(other)) => {
                    files::remove(&path)?;
                    self.refuse(&other, &run.facts)?;
                    over = Some(other.run);
                }
                Err(error) => {
                    let _ = files::remove(&path);
                    return Err(error);
                }
            }
        }
        Err(Error::bug("no free run id was found"))
    }

    /// The runs that `filter` means, newest first.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<RunRecord>> {
        self.home.runs(filter)?.into_iter().map(|row| self.record(row)).collect()
    }

    /// The runs that took back, or were to take back, the run with this whole id, newest first.
    pub fn reversals(&self, run: &str) -> Result<Vec<RunRecord>> {
        let playbook = Some(self.run(run)?.facts.playbook);
        let mut runs = self.runs(&Filter { playbook, ..Filter::default() })?;
        runs.retain(|one| one.facts.kind == RunKind::Rollback && one.facts.parent.as_deref() == Some(run));
        Ok(runs)
    }

    /// The run that `wanted` names: its id, a beginning or end of it that no other run shares, or `last`.
    pub fn run(&self, wanted: &str) -> Result<RunRecord> {
        let row = self.row(wanted)?;
        self.record(row)
    }

    /// How the run with this whole id stands; `None` when there is none.
    pub fn state(&self, id: &str) -> Result<Option<State>> {
        let row = self.home.like(id)?.into_iter().find(|row| row.id == id);
        Ok(row.map(|row| self.record(row)).transpose()?.map(|record| record.state))
    }

    /// The entries of the run with this whole id, in their order.
    pub fn entries(&self, run: &str) -> Result<Vec<Entry>> {
        Self::read(run, self.home.entries(self.row(run)?.number, 0, None)?)
    }

    /// The entries of the run of this number behind the one numbered `after`, at most so many.
    pub fn entries_after(&self, run: &RunRecord, after: u64, most: u32) -> Result<Vec<Entry>> {
        Self::read(&run.id, self.home.entries(run.number, after, Some(most))?)
    }

    /// Every run that carried a playbook out, oldest first, in few words.
    pub fn briefs(&self) -> Result<Vec<Brief>> {
        self.home.briefs()
    }

    /// At how many gates the runs that have not ended wait.
    pub fn gates_open(&self) -> Result<u64> {
        self.home.gates_open()
    }

    /// A number that changes whenever another process or another opening of the journal has written to it.
    pub fn version(&self) -> Result<i64> {
        self.home.version()
    }

    /// Writes the entries of the run with this whole id, in their order, each as a line of JSON. What is held in memory
    /// does not grow with the run.
    pub fn write_entries(&self, run: &str, to: &mut dyn Write) -> Result<()> {
        let number = self.row(run)?.number;
        let mut last = 0;
        loop {
            let page = Self::read(run, self.home.entries(number, last, Some(PAGE))?)?;
            for entry in &page {
                let line = serde_json::to_string(entry).map_err(io::Error::from);
                line.and_then(|line| writeln!(to, "{line}"))
                    .map_err(|why| Error::io("the entries of a run cannot be written", &why))?;
                last = entry.seq;
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    fn read(run: &str, rows: Vec<home::Row>) -> Result<Vec<Entry>> {
        let read = |row: home::Row| {
            let event = serde_json::from_str(&row.body).map_err(|why| why.to_string());
            let at = row.at.parse().map_err(|why: jiff::Error| why.to_string());
            match (event, at) {
                (Ok(event), Ok(at)) => Ok(Entry { seq: row.seq, at, event }),
                (Err(why), _) | (_, Err(why)) => {
                    Err(unreadable(&format!("entry {} of the run {run}", row.seq), why))
                }
            }
        };
        rows.into_iter().map(read).collect()
    }

    /// The text of one of the scripts of a run, as it ran; its hash stands in [`Facts::scripts`].
    pub fn script(&self, hash: &str) -> Result<Option<String>> {
        self.home.script(hash)
    }

    /// The answers that people have left at the gates of the run with this whole id, oldest first.
    pub fn answers(&self, run: &str) -> Result<Vec<Answer>> {
        self.home.answers(run)
    }

    /// Leaves an answer at a gate, durably, for the run that waits there.
    pub fn leave(&self, answer: &Answer) -> Result<()> {
        self.home.leave(answer)
    }

    /// How many runs of a playbook were compared with the plans that they were held to, and the mean of how they went.
    pub fn accuracy(&self, playbook: &str) -> Result<(u64, f64)> {
        self.home.accuracy(playbook)
    }

    /// Whether the record of the run that `wanted` names is as it was written.
    pub fn verify(&self, wanted: &str) -> Result<Verdict> {
        verify::one(&*self.home, &self.row(wanted)?)
    }

    /// The same for every run, oldest first; a run that was taken out whole has a verdict too.
    pub fn verify_all(&self) -> Result<Vec<Verdict>> {
        verify::all(&*self.home)
    }

    fn row(&self, wanted: &str) -> Result<RunRow> {
        let mut found = match wanted {
            // An unset variable of a shell must not name the only run there is.
            part if part.chars().count() < SHORTEST => {
                return Err(Error::usage(format!("`{part}` names no run"))
                    .fix(format!("name it by its id, by {SHORTEST} characters of that or more, or by `last`; `playbook runs` lists them")));
            }
            "last" => self.home.runs(&Filter { last: Some(1), ..Filter::default() })?,
            part => self.home.like(part)?,
        };
        if let Some(exact) = found.iter().position(|row| row.id == wanted) {
            return Ok(found.swap_remove(exact));
        }
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Error::missing(match wanted {
                "last" => "there is no run yet".to_owned(),
                id => format!("there is no run `{id}`"),
            })
            .fix("see `playbook runs`")),
            (Some(one), false) => {
                let ids: Vec<&str> = found.iter().chain([&one]).map(|row| row.id.as_str()).collect();
                Err(Error::usage(format!("`{wanted}` may mean several runs"))
                    .why(ids.join(", "))
                    .fix("write more of the id"))
            }
        }
    }

    fn record(&self, row: RunRow) -> Result<RunRecord> {
        let what = format!("the row of the run {}", row.id);
        let time = |text: &str| text.parse::<Timestamp>().map_err(|why| unreadable(&what, why.to_string()));
        let facts = serde_json::from_str(&row.body).map_err(|why| unreadable(&what, why.to_string()))?;
        let state = match &row.ended {
            Some(_) => State::Ended,
            None if lock::is_held(&self.alive(&row.id)) => State::Running,
            None => State::Interrupted,
        };
        let waits = if state == State::Interrupted { self.waits(row.number)? } else { None };
        let state = if waits.is_some() { State::Waiting } else { state };
        let outcome = row.ended.as_ref().map(|end| serde_json::from_value(end.outcome.clone().into()));
        Ok(RunRecord {
            number: row.number,
            started: time(&row.started)?,
            facts,
            state,
            ended: row.ended.as_ref().map(|end| time(&end.at)).transpose()?,
            outcome: outcome.transpose().map_err(|why| unreadable(&what, why.to_string()))?,
            exit_code: row.ended.as_ref().map(|end| end.exit_code),
            waits,
            steps: row.steps,
            id: row.id,
        })
    }

    /// What the run of this number waits for, when that is the last thing it said.
    fn waits(&self, number: u64) -> Result<Option<Waits>> {
        let body = self.home.last_body(number)?.unwrap_or_default();
        Ok(match serde_json::from_str(&body) {
            Ok(Event::Suspended { until, what }) => {
                Some(Waits { until: until.and_then(|until| until.parse().ok()), what })
            }
            _ => None,
        })
    }

    /// The file that the process of a run holds locked as long as it lives.
    fn alive(&self, run: &str) -> PathBuf {
        self.folder.join("live").join(run)
    }
}

fn unreadable(what: &str, why: String) -> Error {
    Error::new(Kind::Tampered, format!("{what} cannot be read")).why(why).fix("see `playbook verify`")
}

/// An instant as the journal writes it: UTC, always as long, so that text order is time order.
fn stamp(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn new_id(at: Timestamp) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    format!("{}-{}", at.strftime("%Y%m%d-%H%M%S"), &random[random.len() - 4..])
}
