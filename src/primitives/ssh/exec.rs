//! `exec`, `read` and `destroy`: a command on every host, as far as the lists of the settings allow it.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::LONG;
use super::answer::{Judge, said};
use super::fan::{self, Deed, Fan};
use super::fleet::Fleet;
use super::settings::Table;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::effect::cx::Cx;
use crate::effect::output::{shown, spoken};
use crate::effect::primitive::Primitive;
use crate::sys::process::Line;
use crate::sys::ssh::{Feed, Order};

/// How much is kept of what all hosts of a call say together, in bytes.
const KEEP_ALL: usize = 2 * 1024 * 1024;
/// How much is kept of each output at most, and at least; in bytes.
const KEEP: (usize, usize) = (512 * 1024, 2 * 1024);

/// A command: arguments one by one, or a text for the host's shell.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Words {
    /// A program and its arguments, one by one
    List(Vec<String>),
    /// A text for `sh -c`
    Text(String),
}

impl Words {
    /// The argument list that the settings judge, and that runs.
    fn arguments(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            Self::Text(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
        }
    }

    /// As people would type it.
    fn spoken(&self) -> String {
        match self {
            Self::List(list) => spoken(&list.iter().map(String::as_str).collect::<Vec<_>>()),
            Self::Text(text) => format!("`{}`", crate::base::text::headline(text, 160)),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::List(list) => list.clone().into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// Runs a command on every host of the group, as far as the list `write` or `read` of its settings allows it; a text is
/// run by the host's shell and allowed as `["sh", "-c", TEXT]`. Each line is shown as it comes, with its host. A command
/// that takes too long, or is called off, is ended with all its children. Gives `ok`, `failed`, `unreachable` and
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
    within: Option<String>,
    /// What it reads on its standard input; nothing when left out
    stdin: Option<String>,
    /// Variables of its environment
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// The exit codes that mean success
    #[serde(default = "zero")]
    ok: Vec<i32>,
    /// The command that takes it back, on the same hosts; without it it cannot be taken back
    undo: Option<Words>,
}

fn zero() -> Vec<i32> {
    vec![0]
}

impl Primitive for Exec {
    const NAME: &'static str = "exec";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssh("web").exec(["systemctl", "restart", "api"], #{ serial: 2 })"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.allowed().permit(cx, Effect::Write, &self.command.arguments())?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what a command does is not known; give its own way back as `undo: [\"…\"]`",
            ));
        };
        table.allowed().permit(cx, Effect::Write, &undo.arguments())?;
        let mut call = Call::new(cx.resource().clone(), Self::NAME).with("command", undo.value());
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
        let given = Given { stdin: self.stdin, environment: self.environment };
        carry_out(cx, Effect::Write, self.command, given, how).await
    }
}

/// Runs a command that the list `read` allows on every host of the group; a plan does too. Gives what `exec` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// The command: arguments one by one, or a text for the shell
    command: Words,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
    /// On how many at once; default that of the settings
    limit: Option<usize>,
    /// How many hosts may fail; after one more, no further host is begun
    #[serde(default)]
    max_failures: usize,
    /// How long it may take on each host, as "5m"; default that of the settings
    within: Option<String>,
    /// The exit codes that mean success
    #[serde(default = "zero")]
    ok: Vec<i32>,
}

impl Primitive for Read {
    const NAME: &'static str = "read";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ssh("web").read(["cat", "/etc/os-release"]).hosts"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let how = How {
            hosts: self.hosts,
            limit: self.limit,
            serial: None,
            max_failures: self.max_failures,
            within: self.within,
            ok: self.ok,
        };
        carry_out(cx, Effect::Read, self.command, Given::default(), how).await
    }
}

/// Runs a command that the list `destroy` allows on every host of the group. Nothing takes it back. Gives what `exec`
/// gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Destroy {
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
    within: Option<String>,
}

impl Primitive for Destroy {
    const NAME: &'static str = "destroy";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"ssh("web").destroy(["rm", "-r", "releases/v1"])"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("destroy with {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.allowed().permit(cx, Effect::Destroy, &self.command.arguments())?;
        Ok(Inverse::none("what was destroyed cannot be had again"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let how = How {
            hosts: self.hosts,
            limit: self.limit,
            serial: self.serial,
            max_failures: self.max_failures,
            within: self.within,
            ok: zero(),
        };
        carry_out(cx, Effect::Destroy, self.command, Given::default(), how).await
    }
}

/// On which hosts and how, as a call says it.
struct How {
    hosts: Option<Vec<String>>,
    limit: Option<usize>,
    serial: Option<usize>,
    max_failures: usize,
    within: Option<String>,
    ok: Vec<i32>,
}

/// What a command is given.
#[derive(Default)]
struct Given {
    stdin: Option<String>,
    environment: BTreeMap<String, String>,
}

/// The hosts in words: `ssh.web`, or some of it.
pub(super) fn on(resource: &ResourceId, hosts: Option<&[String]>) -> String {
    match hosts {
        None => resource.to_string(),
        Some(hosts) => format!("{} of {resource}", crate::base::text::headline(&hosts.join(", "), 80)),
    }
}

async fn carry_out(cx: Cx, effect: Effect, command: Words, given: Given, how: How) -> Result<Value> {
    let what = command.spoken();
    let prepared = prepare(&cx, effect, &command, given, &how).await;
    let (fleet, fan, one) = prepared.map_err(Error::unchanged)?;
    let deed = one.deed(&cx, fan.within);
    let judge = Judge { cx: &cx, what, ok: how.ok, max_failures: fan.max_failures, within: fan.within };
    let ends = fan::out(&cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
    judge.value(ends, |ended| said(&cx, ended))
}

/// Everything that can be wrong before a host is asked for anything.
async fn prepare(
    cx: &Cx,
    effect: Effect,
    command: &Words,
    given: Given,
    how: &How,
) -> Result<(Arc<Fleet>, Fan, One)> {
    let table: Table = cx.settings()?;
    let arguments = command.arguments();
    table.allowed().permit(cx, effect, &arguments)?;
    let fleet = super::fleet(cx).await?;
    let fan = Fan {
        hosts: fleet.choose(how.hosts.as_deref())?,
        limit: table.limit(how.limit),
        serial: how.serial,
        max_failures: how.max_failures,
        within: table.within(how.within.as_deref())?,
    };
    let mut variables = table.variables(cx).await?;
    variables.retain(|(name, _)| !given.environment.contains_key(name));
    variables.extend(given.environment.into_iter().map(|(name, value)| (name, Revealed::new(value))));
    let keep = keep(fan.hosts.len());
    let one = One { arguments, folder: table.folder, variables, stdin: given.stdin, keep };
    Ok((fleet, fan, one))
}

/// How much of each output is kept, when so many hosts speak.
pub(super) fn keep(hosts: usize) -> usize {
    (KEEP_ALL / hosts.max(1) / 2).clamp(KEEP.1, KEEP.0)
}

/// One command, as it is run on each host.
pub(super) struct One {
    pub(super) arguments: Vec<String>,
    pub(super) folder: Option<String>,
    pub(super) variables: Vec<(String, Revealed)>,
    pub(super) stdin: Option<String>,
    pub(super) keep: usize,
}

impl One {
    /// What is done on each host: the command, its lines shown as they come.
    fn deed(self, cx: &Cx, within: std::time::Duration) -> Deed<crate::sys::process::Ended> {
        let cx = cx.clone();
        Arc::new(move |fleet: &Fleet, target, patience| {
            let tell = |line: Line<'_>| cx.line_of(&target.name, line.error, &shown(&cx, line));
            fleet
                .with(target, patience, |session| session.run(self.order(), &patience.at_most(within), &tell))
        })
    }

    pub(super) fn order(&self) -> Order {
        Order {
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
            variables: self.variables.clone(),
            feed: self.stdin.clone().map_or(Feed::Nothing, Feed::Text),
            keep: self.keep,
        }
    }
}
