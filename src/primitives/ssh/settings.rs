//! The settings of a group of hosts: who they are, how one gets in, and what may be run there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::address;
use super::fleet::Fleet;
use super::words::Words;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::base::text;
use crate::effect::allowed::{Allowed, Pattern};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::sys::ssh::{Login, Target, Trust};
use crate::sys::{environment, files};

/// A private key larger than this is something else; in bytes.
const LARGEST_KEY: u64 = 64 * 1024;

/// A group of hosts that are reached over SSH with one login. The lists `read`, `write` and `destroy` say what may be run
/// there, as argument lists, with `*` and `**` as for `program`; a command text counts as `["sh", "-c", TEXT]`. Without a
/// list nothing may be run; `upload` and `download` need none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The hosts, as "host", "host:port" or "user@host:port"; or names for them: `{ web1 = "10.0.0.5", … }`
    hosts: Listed,
    /// The user to come as; the one who runs `playbook` when left out
    user: Option<String>,
    /// The private key: a path, `~/` being the home folder, or a reference to its text (`env:NAME`, `file:PATH`)
    key: Option<Setting>,
    /// What opens the private key, as a reference
    passphrase: Option<Secret>,
    /// Whether the keys of an agent (`SSH_AUTH_SOCK`) are tried; default only when there is no `key` and no `password`
    agent: Option<bool>,
    /// The password, as a reference
    password: Option<Secret>,
    /// The file of known host keys
    #[serde(default = "known_hosts")]
    known_hosts: String,
    /// Whether the key of a host that is not known yet is believed and noted; a changed key never is
    #[serde(default)]
    trust_on_first_use: bool,
    /// The host through which the others are reached (ProxyJump), as "user@host:port"; the same login is used
    jump: Option<String>,
    /// How long connecting and logging in may take
    #[serde(default = "ten_seconds")]
    connect_timeout: String,
    /// How long a command may take on each host, unless the call says `within`
    #[serde(default = "half_a_minute")]
    within: String,
    /// On how many hosts at once, unless the call says it
    #[serde(default = "fifty")]
    limit: usize,
    /// The folder that commands work in; the user's home when left out
    pub(super) folder: Option<String>,
    /// Variables for every command: a text each, or a reference to a secret (`env:NAME`, `file:PATH`)
    #[serde(default)]
    env: BTreeMap<String, Setting>,
    /// The argument lists that change nothing, so that a plan may run them
    #[serde(default)]
    read: Vec<Pattern>,
    /// The argument lists that change something
    #[serde(default)]
    write: Vec<Pattern>,
    /// The argument lists that lose something for ever
    #[serde(default)]
    destroy: Vec<Pattern>,
}

/// Hosts by themselves, or by name.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Listed {
    /// By themselves.
    Plain(Vec<String>),
    /// By name.
    Named(BTreeMap<String, String>),
}

fn known_hosts() -> String {
    "~/.ssh/known_hosts".to_owned()
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

const fn fifty() -> usize {
    50
}

/// What is wrong with the table, as far as that can be told without a secret.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    let shown = |error: Error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    };
    table.named().map_err(shown)?;
    table.jump.as_deref().map(address::parse).transpose().map_err(shown)?;
    for span in [&table.connect_timeout, &table.within] {
        text::parse_duration(span).map_err(shown)?;
    }
    if table.limit == 0 {
        return Err("`limit` is 0, so that nothing could ever be done; give at least 1".to_owned());
    }
    Ok(())
}

impl Table {
    /// What may be run.
    pub(super) fn allowed(&self) -> Allowed<'_> {
        Allowed { read: &self.read, write: &self.write, destroy: &self.destroy, run: "exec" }
    }

    /// The first of these commands that may not be run in an environment, and why.
    pub(super) fn forbids<'a>(
        resource: &Resource,
        environment: &str,
        effect: Effect,
        commands: impl IntoIterator<Item = &'a Words>,
    ) -> Option<Error> {
        let table = Self::deserialize(&resource.settings).ok()?;
        let forbids =
            |command: &Words| table.allowed().forbids(resource, environment, effect, &command.arguments());
        commands.into_iter().find_map(forbids)
    }

    /// The names and addresses of the hosts; each name once.
    fn named(&self) -> Result<Vec<(String, String)>> {
        let named: Vec<(String, String)> = match &self.hosts {
            Listed::Plain(hosts) => hosts.iter().map(|host| (host.clone(), host.clone())).collect(),
            Listed::Named(hosts) => hosts.iter().map(|(name, host)| (name.clone(), host.clone())).collect(),
        };
        if named.is_empty() {
            return Err(Error::usage("`hosts` names no host").fix("name at least one"));
        }
        let mut seen = BTreeSet::new();
        for (name, host) in &named {
            address::parse(host)?;
            if !seen.insert(name) {
                return Err(Error::usage(format!("`hosts` names `{name}` twice")).fix("name each host once"));
            }
        }
        Ok(named)
    }

    /// The hosts, ready to be reached; secrets revealed, files read.
    pub(super) async fn fleet(&self, cx: &Cx) -> Result<Fleet> {
        let login = Arc::new(self.login(cx).await?);
        let (known_hosts, first_use) = (home(cx, &self.known_hosts)?, self.trust_on_first_use);
        let trust = Arc::new(Trust { known_hosts, first_use });
        let connect_within = text::parse_duration(&self.connect_timeout)?;
        let target = |name: String, host: &str| -> Result<Target> {
            let (login, trust) = (Arc::clone(&login), Arc::clone(&trust));
            Ok(Target { name, address: address::parse(host)?, login, trust, connect_within })
        };
        let jump = self.jump.as_ref().map(|jump| target(jump.clone(), jump)).transpose()?;
        let targets: Result<Vec<Target>> =
            self.named()?.into_iter().map(|(name, host)| target(name, &host)).collect();
        Ok(Fleet::new(targets?, jump))
    }

    async fn login(&self, cx: &Cx) -> Result<Login> {
        let user =
            self.user.clone().or_else(|| environment::variable("USER")).unwrap_or_else(|| "root".to_owned());
        let mut login = Login { user, ..Login::default() };
        if let Some(key) = &self.key {
            login.keys.push(read_key(cx, key).await?);
        }
        if let Some(passphrase) = &self.passphrase {
            login.passphrase = Some(cx.reveal(passphrase).await?);
        }
        if let Some(password) = &self.password {
            login.password = Some(cx.reveal(password).await?);
        }
        if self.agent.unwrap_or(self.key.is_none() && self.password.is_none()) {
            login.agent = environment::variable("SSH_AUTH_SOCK").map(PathBuf::from);
            if login.agent.is_none() && self.agent == Some(true) {
                return Err(Error::missing(format!("`{}` wants an agent, and none runs", cx.resource()))
                    .why("SSH_AUTH_SOCK is not set")
                    .fix(format!("start one with `eval $(ssh-agent)`, or name a `key` in {}", cx.table())));
            }
        }
        Ok(login)
    }

    /// The variables for every command, secrets revealed.
    pub(super) async fn variables(&self, cx: &Cx) -> Result<Vec<(String, Revealed)>> {
        let mut variables = Vec::new();
        for (name, setting) in &self.env {
            variables.push((name.clone(), cx.text(setting).await?));
        }
        Ok(variables)
    }

    /// How long a command may take on a host: as the call says, or else the settings.
    pub(super) fn within(&self, said: Option<&str>) -> Result<Duration> {
        text::parse_duration(said.unwrap_or(&self.within))
    }

    /// On how many hosts at once.
    pub(super) fn limit(&self, said: Option<usize>) -> usize {
        said.unwrap_or(self.limit).max(1)
    }
}

async fn read_key(cx: &Cx, key: &Setting) -> Result<(String, Revealed)> {
    match key {
        Setting::Reference(reference) => Ok((format!("of {reference}"), cx.text(key).await?)),
        Setting::Plain(path) => {
            let file = home(cx, path)?;
            if !files::exists(&file) {
                return Err(Error::missing(format!("the key of `{}` is not there", cx.resource()))
                    .why(format!("nothing lies at {}", file.display()))
                    .fix(format!("put it there, or correct `key` in {}", cx.table())));
            }
            Ok((path.clone(), Revealed::new(files::read_text(&file, LARGEST_KEY)?)))
        }
    }
}

/// A path of the settings: `~/` is the home folder, others begin at the project.
fn home(cx: &Cx, path: &str) -> Result<PathBuf> {
    let Some(rest) = path.strip_prefix("~/") else { return Ok(cx.trusted_path(path)) };
    let home = environment::variable("HOME").ok_or_else(|| {
        Error::missing(format!("`{path}` cannot be found"))
            .why("HOME is not set")
            .fix(format!("write the whole path in {}", cx.table()))
    })?;
    Ok(PathBuf::from(home).join(rest))
}
