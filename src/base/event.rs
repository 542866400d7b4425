//! What happens in a run, as data: the journal keeps the lasting ones, listeners draw them all.

mod millis;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::{Call, Inverse};
use super::clock::Reading;
use super::decision::Choice;
use super::effect::Effect;
use super::error::Error;
use super::gate::{Answer, Asked, GateEnd};
use super::outcome::Outcome;
use super::place::Place;

/// Where in the tree of a run something happens: `deploy/2/1`. Built from the order of steps and calls within their
/// step, never from line numbers, so that a line added above does not look like another program.
pub type Position = String;

/// Which of the two comparisons is meant: `check` is yes or no, `metric` is a figure against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// A recorded yes or no.
    Check,
    /// A recorded figure against its target.
    Metric,
}

impl Judgement {
    /// The word in scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Metric => "metric",
        }
    }
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    RunBegan {
        /// The run's id.
        run: String,
        /// The playbook's file, as the project names it.
        playbook: String,
        /// The playbook's title.
        title: String,
        /// The environment's name.
        environment: String,
        /// Who began it: login name and host.
        person: String,
        /// SHA-256 of the playbook and the modules it imports, hexadecimal.
        script: String,
        /// The parameters, without secrets.
        parameters: Map<String, Value>,
        /// Whether this is a plan: nothing will be changed.
        planning: bool,
    },
    /// The run goes on in another process, after a crash or after it was left to be gone on with.
    RunResumed {
        /// Who goes on with it: login name and host.
        person: String,
        /// SHA-256 of the playbook and the modules as they are now, hexadecimal.
        script: String,
        /// The scripts of this turn, name to SHA-256.
        scripts: BTreeMap<String, String>,
        /// Whether the run had written an end; that end no longer counts.
        reopened: bool,
        /// Although what it goes on, where somebody insisted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Somebody or something decided how it goes on at a call, a check or the whole run.
    Decided {
        /// What is decided on; empty for the whole run.
        position: Position,
        /// What it is, in words.
        what: String,
        /// How it goes on.
        choice: Choice,
        /// Who decided: `probe`, `policy`, or a person.
        by: String,
        /// What stands in place of the call's value, where that was chosen.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
        /// What the person wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Branches of `parallel` begin; each has the place of its number below this one.
    Branched {
        /// Where in the tree.
        position: Position,
        /// How many there are.
        branches: usize,
    },
    /// A step began.
    StepBegan {
        /// Where in the tree.
        position: Position,
        /// The step's name.
        name: String,
        /// Whether it has a rollback block.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rollback: bool,
    },
    /// A step ended.
    StepEnded {
        /// Where in the tree.
        position: Position,
        /// The step's name.
        name: String,
        /// How it ended.
        outcome: Outcome,
        /// How long it took.
        #[serde(with = "millis")]
        took: Duration,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// An effect is about to begin; for a write this is durable before the write begins.
    EffectBegan {
        /// Where in the tree.
        position: Position,
        /// The call, without secrets.
        call: Call,
        /// SHA-256 of the whole arguments, so that a replay knows whether they are the same; hexadecimal.
        digest: String,
        /// Its class.
        effect: Effect,
        /// What it will do, in words.
        plan: String,
        /// How it is taken back; the stored form is kept apart (see `journal`).
        inverse: Inverse,
        /// Whether it is meant to stay when the run is taken back, as the call said.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stays: bool,
        /// Where the script calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Place>,
    },
    /// An effect is about to count as done: what it says of itself just before that moment, durable before it.
    Witnessed {
        /// Where in the tree.
        position: Position,
        /// What it says; its `value` is what the script would get. Without secrets.
        value: Value,
    },
    /// An effect ended.
    EffectEnded {
        /// Where in the tree.
        position: Position,
        /// The call's name: `postgres.main.query`.
        call: String,
        /// How it ended.
        outcome: Outcome,
        /// How long it took.
        #[serde(with = "millis")]
        took: Duration,
        /// Its value, without secrets; a replay returns it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// A check or metric was judged.
    Judged {
        /// Where in the tree.
        position: Position,
        /// Check or metric.
        judgement: Judgement,
        /// Its name.
        name: String,
        /// Whether it held; `None` when that depends on an effect that has only been planned.
        passed: Option<bool>,
        /// The comparison as it stands in the script: `count == 0`.
        condition: String,
        /// The left side's value.
        actual: Value,
        /// The operator and the right side's value: `== 0`; empty when it was no comparison.
        target: String,
    },
    /// A step will be tried again.
    Retrying {
        /// Where in the tree.
        position: Position,
        /// The try that failed, from 1.
        attempt: u64,
        /// How many tries there may be.
        of: u64,
        /// How long until the next.
        #[serde(with = "millis")]
        pause: Duration,
        /// Why it failed.
        error: Error,
    },
    /// The playbook waits, or waited, for time to pass.
    Waiting {
        /// Where in the tree.
        position: Position,
        /// How long in all, as the playbook asks for it.
        #[serde(with = "millis")]
        pause: Duration,
        /// Until when, RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        /// How much shorter this environment makes it, by its `time_scale` or `clock`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scale: Option<f64>,
        /// Both clocks when it began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Reading>,
        /// Whether it follows the wall clock: `wait_until` a point in time.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wall: bool,
    },
    /// The clock was read by the playbook; a replay returns the same.
    ClockRead {
        /// Where in the tree.
        position: Position,
        /// The instant, RFC 3339.
        at: String,
    },
    /// The playbook said something.
    Logged {
        /// Where in the tree.
        position: Position,
        /// What it said.
        text: String,
    },
    /// A line of output of a program; not kept in the journal.
    Line {
        /// Where it comes from: `program.git`.
        from: String,
        /// `true` for standard error.
        error: bool,
        /// The line, without its end.
        text: String,
    },
    /// A long transfer goes on; not kept in the journal.
    Progress {
        /// What moves: `files.backups pre-migration.db`.
        what: String,
        /// Bytes or items so far.
        done: u64,
        /// In all, where that is known.
        total: Option<u64>,
    },
    /// While planning: beyond here depends on an effect that has not happened.
    Horizon {
        /// Where the script stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Place>,
        /// What it depends on, in words.
        on: String,
    },
    /// What was done is now taken back, last in first out.
    UnwindBegan {
        /// How many entries there are.
        entries: usize,
        /// Why.
        reason: String,
    },
    /// One entry was taken back, or could not be.
    Unwound {
        /// The position of the effect or step that is taken back.
        position: Position,
        /// What was done to take it back, in words.
        what: String,
        /// `Done` when it is taken back.
        outcome: Outcome,
        /// How long it took.
        #[serde(with = "millis")]
        took: Duration,
        /// Why it could not be taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// People are asked to decide; while planning it is only told whom.
    GateOpened {
        /// Where in the tree.
        position: Position,
        /// What is asked of whom.
        asked: Asked,
        /// Both clocks when it was opened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Reading>,
    },
    /// Somebody decided at a gate.
    GateAnswered {
        /// Where in the tree.
        position: Position,
        /// The answer.
        answer: Answer,
    },
    /// A gate is passed, or not.
    GateClosed {
        /// Where in the tree.
        position: Position,
        /// Its name.
        name: String,
        /// How.
        end: GateEnd,
        /// How long it was waited for.
        #[serde(with = "millis")]
        took: Duration,
    },
    /// A run that was held to a saved plan is compared with it.
    PlanCompared {
        /// The plan's hash.
        plan: String,
        /// How many changes were planned.
        planned: usize,
        /// How many of them were made just so.
        as_planned: usize,
        /// How many were made that the plan did not know.
        unplanned: usize,
        /// The first differences, in words.
        differences: Vec<String>,
        /// The share of all changes, made or planned, that went as planned: 0 to 1.
        accuracy: f64,
        /// The same over all runs of this playbook that were held to a plan, this one among them.
        usual: f64,
        /// How many those are.
        runs: u64,
    },
    /// The run may change an environment that is frozen or closed.
    GlassBroken {
        /// Who began the run.
        person: String,
        /// Why.
        reason: String,
        /// What was closed when it began; nothing may have been yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<String>,
    },
    /// The process of the run ends, and the run does not: it waits for time or for people.
    Suspended {
        /// Until when, RFC 3339; without one it waits for people alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        /// What it waits for, in words.
        what: String,
    },
    /// A lock was taken away from the run that held it.
    Unlocked {
        /// The lock's name.
        name: String,
        /// The run that held it.
        run: String,
        /// Who had begun that run, and how it stood.
        holder: String,
        /// Who took it away.
        person: String,
        /// Why.
        reason: String,
    },
    /// The run ended.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// How long it took in all.
        #[serde(with = "millis")]
        took: Duration,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
}

/// Somebody who is told of every event as it happens: a terminal, a file, a web page.
pub trait Listener: Send + Sync {
    /// Takes one event; must not block for long, and cannot fail the run.
    fn hear(&self, event: &Event);

    /// Takes one event that an earlier turn of the run recorded: it is told again, and nothing happens.
    fn recall(&self, event: &Event) {
        self.hear(event);
    }

    /// The W3C `traceparent` of a call (`RUN/POSITION`), where runs are traced: for a service that is called by it.
    fn trace(&self, call: &str) -> Option<String> {
        let _ = call;
        None
    }
}
