//! What the journal keeps of a run, as data: its facts, how it stands, its entries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::event::Event;
use crate::base::outcome::Outcome;

/// Why a run is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// It carries out a playbook.
    #[default]
    Exec,
    /// It takes an earlier run back.
    Rollback,
    /// It took a lock away from a run.
    Unlock,
}

/// What is known of a run when it begins; it never changes afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The playbook's file, as the project names it.
    pub playbook: String,
    /// The playbook's title.
    pub title: String,
    /// The environment's name.
    pub environment: String,
    /// Who began it: login name and host.
    pub person: String,
    /// SHA-256 of the playbook and the modules it imports, hexadecimal.
    pub script: String,
    /// The parameters, without secrets.
    pub parameters: Map<String, Value>,
    /// Why it is made.
    pub kind: RunKind,
    /// The run it belongs to, for a rollback.
    pub parent: Option<String>,
    /// The lock it holds on its environment.
    pub lock: Option<String>,
    /// The hash of the saved plan that it is held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Why it may change the environment although that is frozen or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
    /// The process that carries it out; filled in by the journal.
    pub process: u32,
    /// The version of the product; filled in by the journal.
    pub version: String,
    /// The scripts as they ran, name to SHA-256; filled in by the journal from [`NewRun::scripts`].
    pub scripts: BTreeMap<String, String>,
}

/// A script or module as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name as places name it: `deploy.rhai`, `std/health`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A run that is about to begin.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    /// What is known of it.
    pub facts: Facts,
    /// The playbook and its modules, kept so that a later rollback, resume or `show` has them as they ran.
    pub scripts: Vec<Script>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its process lives.
    Running,
    /// Its process ended on purpose while the run waits for time or for people.
    Waiting,
    /// Its process is gone and never wrote an end.
    Interrupted,
    /// It wrote its end.
    Ended,
}

/// What a run waits for while no process carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// Until when; without one for people alone.
    pub until: Option<Timestamp>,
    /// For what, in words.
    pub what: String,
}

/// A run as the journal knows it.
#[derive(Clone, Debug, Serialize)]
pub struct RunRecord {
    /// Its number in this journal, from 1 without gaps.
    pub number: u64,
    /// Its id: `YYYYMMDD-HHMMSS-xxxx` in UTC.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// What was known of it then.
    #[serde(flatten)]
    pub facts: Facts,
    /// How it stands.
    pub state: State,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The exit code of its command.
    pub exit_code: Option<u8>,
    /// What it waits for, while its process has ended on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// How many steps ended so far; 0 where nobody asked for it.
    pub steps: u64,
}

/// What little is to be known of a run for figures over many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The playbook's file.
    pub playbook: String,
    /// The environment's name.
    pub environment: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

impl RunRecord {
    /// The same with its steps counted; `entries` are all of the run.
    #[must_use]
    pub fn counting(self, entries: &[Entry]) -> Self {
        let is_step = |entry: &&Entry| matches!(entry.event, Event::StepEnded { .. });
        Self { steps: entries.iter().filter(is_step).count() as u64, ..self }
    }
}

/// One entry of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number in the run, from 1 without gaps.
    pub seq: u64,
    /// When it was noted; in JSON another word than the place in the script that some events tell as `at`.
    #[serde(rename = "time")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Which runs are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// At most so many, the newest.
    pub last: Option<usize>,
    /// Only of this playbook.
    pub playbook: Option<String>,
    /// Only in this environment.
    pub environment: Option<String>,
    /// Only those that have not ended.
    pub open: bool,
    /// Whether their steps are counted, for which each of their entries is looked at.
    pub steps: bool,
}
