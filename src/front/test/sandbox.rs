//! A copy of the project in which a test runs playbooks, and what a run in it came to.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};
use crate::effect::mocks::Mock;
use crate::sys::again::{self, Printed};
use crate::sys::scratch::Scratch;
use crate::sys::{copying, files};

/// The environment of tests, where none is named.
const ENVIRONMENT: &str = "test";

/// What a run is started with.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) playbook: String,
    pub(super) environment: Option<String>,
    pub(super) set: Vec<String>,
    pub(super) plan: bool,
}

/// A copy of a project.
pub(super) struct Sandbox {
    _scratch: Scratch,
    pub(super) folder: PathBuf,
    answers: PathBuf,
}

impl Sandbox {
    /// A copy of the project at `from`, with the record of its runs where it has one and `whole` says so.
    pub(super) fn of(from: &Path, whole: bool) -> Result<Self> {
        let scratch = Scratch::make(None)?;
        let (folder, answers) = (scratch.path("project"), scratch.path("answers.json"));
        copying::copy(from, &folder, if whole { &[".playbook"] } else { &[] })?;
        Ok(Self { _scratch: scratch, folder, answers })
    }

    /// Writes what the systems answer from now on.
    pub(super) fn answer(&self, mocks: &[Mock]) -> Result<()> {
        let text = serde_json::to_vec(mocks)
            .map_err(|why| Error::bug("answers cannot be written").why(why.to_string()))?;
        let given = self.answers.with_extension("given");
        if files::exists(&given) {
            files::remove(&given)?;
        }
        files::write_public(&self.answers, &text)
    }

    /// Runs a playbook to its end, or to the moment at which it is killed.
    pub(super) fn exec(&self, start: &Start, kill_at: Option<&str>) -> Result<Printed> {
        let verb = if start.plan { "plan" } else { "exec" };
        let mut arguments: Vec<OsString> = [verb, &start.playbook, "--env"].map(OsString::from).to_vec();
        arguments.push(start.environment.as_deref().unwrap_or(ENVIRONMENT).into());
        for one in &start.set {
            arguments.extend(["--set".into(), one.into()]);
        }
        self.run(arguments, kill_at)
    }

    /// Goes on with the last run.
    pub(super) fn resume(&self) -> Result<Printed> {
        self.run(["resume", "last"].map(OsString::from).to_vec(), None)
    }

    fn run(&self, mut arguments: Vec<OsString>, kill_at: Option<&str>) -> Result<Printed> {
        arguments.extend(["--output", "json", "--no-input", "--answers"].map(OsString::from));
        arguments.push(self.answers.clone().into());
        let variable = kill_at.map(|moment| (crate::sys::mortal::VARIABLE, moment));
        again::run(&arguments, &self.folder, variable)
    }
}

/// What a run came to, as the test sees it.
pub(super) fn told(printed: &Printed) -> Value {
    let mut run = json!({ "exit": printed.code, "outcome": "refused", "error": Value::Null });
    let (mut calls, mut steps, mut said, mut checks) = (Vec::new(), Vec::new(), Vec::new(), Map::new());
    for event in printed.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match event.get("event").and_then(Value::as_str).unwrap_or_default() {
            "effect_ended" if text("outcome") == "done" => calls.push(text("call")),
            "step_ended" => steps.push(json!({ "name": text("name"), "outcome": text("outcome") })),
            "logged" => said.push(text("text")),
            "judged" => drop(checks.insert(text("name"), event.get("passed").cloned().unwrap_or_default())),
            "run_ended" => {
                run["outcome"] = event.get("outcome").cloned().unwrap_or_default();
                run["error"] = event.pointer("/error/what").cloned().unwrap_or_default();
            }
            "error" if run["error"].is_null() => {
                run["error"] = event.pointer("/error/what").cloned().unwrap_or_default()
            }
            _ => {}
        }
    }
    run["calls"] = json!(calls);
    run["steps"] = json!(steps);
    run["said"] = json!(said);
    run["checks"] = Value::Object(checks);
    run
}
