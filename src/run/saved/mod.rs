//! Saved plans: what a plan read and would change, kept in a file with its hash, so that a run can be held to it.

mod accuracy;
mod compare;
mod held;
mod record;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use accuracy::Watch;
pub use held::of_run;
use record::Recorder;

use super::exec::{self, Ended, Intention};
use super::order::{Audience, Ready};
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::effect::family::{self, Families};
use crate::sys::{clock, environment, files};

/// More than this is no plan.
const LARGEST: u64 = 64 * 1024 * 1024;

/// At least so long lies between the two times that everything is read.
const APART: Duration = Duration::from_millis(1100);

/// A plan as it was when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The playbook's file, as the project names it.
    pub playbook: String,
    /// The environment's name.
    pub environment: String,
    /// Who made it.
    pub person: String,
    /// When, RFC 3339.
    pub made: String,
    /// The parameters, without secrets.
    pub parameters: Map<String, Value>,
    /// SHA-256 of the playbook and of each module.
    pub scripts: BTreeMap<String, String>,
    /// SHA-256 of what `playbook.toml` says of each resource that the header uses.
    pub resources: BTreeMap<String, String>,
    /// What was read, by its position.
    pub reads: BTreeMap<String, Read>,
    /// What would be changed, by its position.
    pub changes: BTreeMap<String, Change>,
    /// Where the plan ends because what follows depends on a change, and on what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<String>,
}

/// Something that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The call's name: `postgres.main.value`.
    pub call: String,
    /// SHA-256 of its arguments.
    pub digest: String,
    /// What it does, in words.
    pub what: String,
    /// What it gave, without secrets; a large value is its hash.
    pub value: Value,
    /// Parts of the value that were different when it was read again at once: they are not held to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsteady: Vec<String>,
}

/// Something that would be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The call's name: `flags.main.disable`.
    pub call: String,
    /// SHA-256 of its arguments; empty when they depend on another change, or were others when it was planned again at
    /// once: they are not held to.
    pub digest: String,
    /// What it does, in words.
    pub what: String,
    /// Its class.
    pub effect: Effect,
}

impl Change {
    /// Whether a call of that name with those arguments is what was planned.
    fn is_it(&self, call: &str, digest: &str) -> bool {
        self.call == call && (self.digest.is_empty() || self.digest == digest)
    }
}

/// The file: the plan and its hash.
#[derive(Serialize, Deserialize)]
struct Saved {
    hash: String,
    plan: Plan,
}

impl Plan {
    /// SHA-256 of everything in it, hexadecimal.
    pub fn hash(&self) -> Result<String> {
        self.text().map(|text| sha256(&text))
    }

    /// Everything in it as one line of JSON.
    fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|why| unwritable(&why))
    }

    /// The same as it will be read again: the last digit of a broken number may be another one then.
    fn settled(&self) -> Result<Self> {
        let mut plan = self.clone();
        for _ in 0..8 {
            let text = serde_json::to_string(&plan).map_err(|why| unwritable(&why))?;
            let again: Self = serde_json::from_str(&text).map_err(|why| unwritable(&why))?;
            if again.hash()? == plan.hash()? {
                break;
            }
            plan = again;
        }
        Ok(plan)
    }

    /// Writes it to a file; returns its hash.
    pub fn write(&self, file: &Path) -> Result<String> {
        let plan = self.settled()?;
        let hash = plan.hash()?;
        let saved = Saved { hash: hash.clone(), plan };
        let text = serde_json::to_string_pretty(&saved).map_err(|why| unwritable(&why))?;
        files::replace(file, format!("{text}\n").as_bytes())?;
        Ok(hash)
    }

    /// Reads it from a file; one that was changed since it was written is refused.
    pub fn read(file: &Path) -> Result<(Self, String)> {
        if !files::exists(file) {
            return Err(Error::missing(format!("there is no plan {}", file.display()))
                .fix("make one: `playbook plan PLAYBOOK --save FILE`"));
        }
        let text = files::read_text(file, LARGEST)?;
        let saved: Saved = serde_json::from_str(&text).map_err(|why| {
            let why = why.to_string();
            // Where in the file something is missing helps nobody who did not write it.
            let why = why.split(" at line ").next().unwrap_or_default();
            Error::usage(format!("{} is no saved plan", file.display()))
                .why(why.replace("missing field", "it has no"))
                .fix("make one: `playbook plan PLAYBOOK --save FILE`")
        })?;
        if saved.plan.hash()? == saved.hash {
            return Ok((saved.plan, saved.hash));
        }
        Err(Error::new(Kind::Tampered, format!("the plan {} was changed since it was saved", file.display()))
            .why("its content does not have the hash that stands in it")
            .fix("make a new one: `playbook plan PLAYBOOK --save FILE`"))
    }
}

/// Plans what is ready, telling the audience, and gives the plan to be saved. What is read is read twice: what differs
/// by itself cannot be held to.
pub fn make(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    let begin = clock::instant();
    let (ended, plan) = plan(ready, families, audience)?;
    if ended.error.is_some() {
        return Ok((ended, plan));
    }
    // What tells the time tells it in seconds, as the header of an answer does.
    clock::rest_until(begin, APART);
    let (_, again) = plan_quietly(ready, families, audience)?;
    let mut plan = plan;
    for (position, change) in &mut plan.changes {
        if again.changes.get(position).is_some_and(|second| second.digest != change.digest) {
            change.digest.clear();
        }
    }
    for (position, read) in &mut plan.reads {
        let second = again.reads.get(position).filter(|second| second.digest == read.digest);
        read.unsteady = second.map(|second| compare::paths(&read.value, &second.value)).unwrap_or_default();
        if measures(families, &read.call) {
            read.unsteady = vec![String::new()];
        }
    }
    Ok((ended, plan))
}

/// Whether a call, `family.name.verb`, measures what changes by itself.
fn measures(families: Families, call: &str) -> bool {
    let (Some((family, _)), Some((_, verb))) = (call.split_once('.'), call.rsplit_once('.')) else {
        return false;
    };
    family::find(families, family).and_then(|family| family.entry(verb)).is_some_and(|entry| entry.measures)
}

/// Refuses to go on when anything that the saved plan was made of has moved, and names it.
pub fn hold(saved: &Plan, ready: &Ready, families: Families, audience: &Audience) -> Result<()> {
    let moved = compare::known(saved, &facts(ready, families)?);
    let moved = if moved.is_empty() {
        let (ended, now) = plan_quietly(ready, families, audience)?;
        match ended.error {
            Some(error) => vec![format!("planning it again fails: {}", error.what)],
            None => compare::seen(saved, &now),
        }
    } else {
        moved
    };
    if moved.is_empty() {
        return Ok(());
    }
    let count =
        if moved.len() == 1 { "something has".to_owned() } else { format!("{} things have", moved.len()) };
    Err(Error::new(
        Kind::Changed,
        format!("the plan does not hold any more: {count} moved since it was made"),
    )
    .why(moved.join("\n"))
    .fix(format!("look at it, and make a new plan: `playbook plan {} --save FILE`", saved.playbook)))
}

fn plan_quietly(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    plan(ready, families, &Audience { listeners: Vec::new(), ask: None, ..audience.clone() })
}

fn plan(ready: &Ready, families: Families, audience: &Audience) -> Result<(Ended, Plan)> {
    let recorder = Arc::new(Recorder::new(facts(ready, families)?));
    let mut audience = audience.clone();
    audience.listeners.push(recorder.clone());
    let ready = Ready { plan: None, ..ready.clone() };
    let ended = exec::exec(&ready, families, &audience, &Intention::Plan)?;
    Ok((ended, recorder.take()))
}

/// The plan before anything was planned: what is known without reading any system.
fn facts(ready: &Ready, families: Families) -> Result<Plan> {
    let scripts = exec::scripts(ready, families)?;
    let used = |resource: &crate::effect::environment::Resource| {
        ready.header.uses.iter().any(|access| access.resource == resource.id)
    };
    let resources = ready.environment.resources.values().filter(|one| used(one));
    Ok(Plan {
        playbook: ready.name.clone(),
        environment: ready.environment.name.clone(),
        person: environment::person(),
        made: clock::now().to_string(),
        parameters: ready.parameters.clone(),
        scripts: scripts.into_iter().map(|script| (script.name, sha256(&script.text))).collect(),
        resources: resources
            .map(|one| (one.id.to_string(), sha256(&format!("{} {}", one.grant, one.settings))))
            .collect(),
        reads: BTreeMap::new(),
        changes: BTreeMap::new(),
        horizon: None,
    })
}

fn sha256(text: &str) -> String {
    text::hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn unwritable(why: &serde_json::Error) -> Error {
    Error::bug("a plan cannot be written as JSON").why(why.to_string())
}
