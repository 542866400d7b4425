//! `exec`: a command that changes something, on every host, as far as the lists of the settings allow it.

use std::collections::BTreeMap;
use std::iter::once;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::LONG;
use super::carry::{Given, How, carry_out, zero};
use super::settings::Table;
use super::words::{Words, on};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;

/// Why there is no way back without `undo`.
const UNKNOWN: &str = "what a command has done is not known, nor what it had done when it failed; give its own way back as \
                       `undo: [\"…\"]`";

/// Runs a command on every host of the group, as far as the list `write` or `read` of its settings allows it; a text is
/// run by the host's shell and allowed as `["sh", "-c", TEXT]`. Each line is shown as it comes, with its host. A command
/// that takes too long, or is called off, is ended with all its children; so is one that a run left when it was killed, before
/// it is done again or taken back. Gives `ok`, `failed`, `unreachable` and
/// `skipped`, lists of names that `hosts` of a next call takes, and `hosts`: for each name `code`, `stdout`, `stderr`
/// (their ends) and `took_ms`, or `error`; with one host, these stand beside. More failures than `max_failures` are an
/// error with the same lists in its `details`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exec {
    /// The command: arguments one by one, or a text for the shell
    command: Words,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
    /// On how many at once; default that of the settings
    limit: Option<usize>,
    /// How many make a batch, of which the next waits for the one before; default all
    serial: Option<usize>,
    /// How many hosts may fail; after one more, no further host is begun
    #[serde(default)]
    max_failures: usize,
    /// How long it may take on each host, as "5m"; default that of the settings
    within: Option<Period>,
    /// What it reads on its standard input; nothing when left out
    stdin: Option<String>,
    /// Variables of its environment
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// The exit codes that mean success
    #[serde(default = "zero")]
    ok: Vec<i32>,
    /// The command that takes it back, on the same hosts; without it it cannot be taken back. Where it is the same `command`,
    /// as of a restart, which takes into use what was put there before, it comes after everything else was taken back
    undo: Option<Words>,
}

impl Primitive for Exec {
    const NAME: &'static str = "exec";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssh("web").exec(["systemctl", "restart", "api"], #{ serial: 2 })"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a command does is not known, nor whether it has done it");
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Write, once(&self.command).chain(&self.undo))
    }

    fn undone_last(&self) -> bool {
        self.undo.as_ref().is_some_and(|undo| undo.arguments() == self.command.arguments())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.allowed().permit(cx, Effect::Write, &self.command.arguments())?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(UNKNOWN));
        };
        table.allowed().permit(cx, Effect::Write, &undo.arguments())?;
        let mut call = Call::new(cx.resource().clone(), Undo::NAME)
            .with("command", undo.value())
            .with("ends", cx.call_id());
        if let Some(hosts) = &self.hosts {
            call = call.with("hosts", hosts.clone());
        }
        Ok(Inverse::Call(call))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let how = How {
            hosts: self.hosts,
            limit: self.limit,
            serial: self.serial,
            max_failures: self.max_failures,
            within: self.within,
            ok: self.ok,
        };
        let given = Given { stdin: self.stdin, environment: self.environment, ends: None };
        carry_out(cx, Effect::Write, self.command, given, how).await
    }
}

/// Runs the `undo` of an `exec`, on the same hosts; where the command of that call still runs, because a run was killed or a
/// session lost, it is ended first. Gives what `exec` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    /// The command: arguments one by one, or a text for the shell
    command: Words,
    /// The call of which nothing may run any more, by its name
    ends: String,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
}

impl Primitive for Undo {
    const NAME: &'static str = "undo";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssh("web").undo(["systemctl", "restart", "api"], "4f2a/1/2")"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a command does is not known, nor whether it has done it");
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.allowed().permit(cx, Effect::Write, &self.command.arguments())?;
        Ok(Inverse::none(UNKNOWN))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let given = Given { ends: Some(self.ends), ..Given::default() };
        carry_out(cx, Effect::Write, self.command, given, How::on(self.hosts)).await
    }
}
