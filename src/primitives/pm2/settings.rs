//! The settings of a pm2: where it runs, as which program, and how long a process must stay alive.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Setting};
use crate::base::text;
use crate::effect::cx::Cx;

/// A pm2, on this machine or on each host of an `ssh` resource; there the hosts are taken one after the other.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The `ssh` resource on whose hosts it runs, as "ssh.web"; this machine when left out
    pub(super) over: Option<ResourceId>,
    /// Only on these hosts of it, by name
    pub(super) hosts: Option<Vec<String>>,
    /// The program: its name in `PATH`, or its path
    #[serde(default = "pm2")]
    pub(super) program: String,
    /// Its folder of state (`PM2_HOME`); that of the user when left out
    home: Option<String>,
    /// The folder that ecosystem files and scripts are found in; the project, or the user's home on a host
    pub(super) folder: Option<String>,
    /// Variables for pm2 and what it starts: a text each, or a reference to a secret (`env:NAME`, `file:PATH`). On hosts
    /// whose `PATH` lacks Node, say it here
    #[serde(default)]
    env: BTreeMap<String, Setting>,
    /// How long a process must stay online to be called started, as "2s"
    #[serde(default = "two_seconds")]
    settle: String,
    /// How long one command of pm2 may take, and how long a process may take to come online, as "60s"
    #[serde(default = "a_minute")]
    within: String,
}

fn pm2() -> String {
    "pm2".to_owned()
}

fn two_seconds() -> String {
    "2s".to_owned()
}

fn a_minute() -> String {
    "60s".to_owned()
}

/// What is wrong with the table, as far as that can be told without a secret.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    let shown = |error: Error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    };
    table.settle().and_then(|_| table.within()).map(drop).map_err(shown)?;
    if table.hosts.is_some() && table.over.is_none() {
        return Err("`hosts` needs `over`; name the `ssh` resource that has them".to_owned());
    }
    Ok(())
}

impl Table {
    pub(super) fn settle(&self) -> Result<Duration> {
        text::parse_duration(&self.settle)
    }

    pub(super) fn within(&self) -> Result<Duration> {
        text::parse_duration(&self.within)
    }

    /// The variables for every command, secrets revealed.
    pub(super) async fn variables(&self, cx: &Cx) -> Result<Vec<(String, Revealed)>> {
        let mut variables = vec![("PM2_DISABLE_VERSION_CHECK".to_owned(), Revealed::new("true".to_owned()))];
        if let Some(home) = &self.home {
            let home =
                if self.over.is_some() { home.clone() } else { cx.trusted_path(home).display().to_string() };
            variables.push(("PM2_HOME".to_owned(), Revealed::new(home)));
        }
        for (name, setting) in &self.env {
            variables.push((name.clone(), cx.text(setting).await?));
        }
        Ok(variables)
    }
}
