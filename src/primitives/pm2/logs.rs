//! `list`, `describe` and `logs`: what pm2 knows, and what its processes said last.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::Pm2;
use super::process::Process;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How long a look may take: each starts Node over there.
const WITHIN: Duration = Duration::from_secs(60);
/// More lines than this come from `archive_to`.
const MOST_LINES: usize = 10_000;

/// Reads all processes of all hosts: an array of maps of `host`, `name`, `id`, `status`, `pid` (`()` when it does not run),
/// `restarts`, `exit_code` (of its last end), `since`, `cpu` (percent), `memory` (bytes), `mode` and `script`. Their
/// environment, which holds secrets, is not among them. That pm2 does not run there is an error: asking it would start it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {}

impl Primitive for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"pm2("app").list()"#;
    const TIMEOUT: Duration = WITHIN;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the processes of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let all = Pm2::open(&cx, Effect::Read).await?.list_running().await?;
        Ok(all.iter().map(Process::value).collect())
    }
}

/// Reads one application: `online` (whether all of its processes are), `restarts` (of all) and `processes`, as `list` gives
/// them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    /// The application's name
    name: String,
}

impl Primitive for Describe {
    const NAME: &'static str = "describe";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"pm2("app").describe("api").online"#;
    const TIMEOUT: Duration = WITHIN;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read {} of {resource}", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Read).await?;
        let mut found = Vec::new();
        for host in &pm2.places {
            found.extend(pm2.find(&self.name, host, &pm2.list(host).await?)?);
        }
        Ok(json!({
            "name": self.name,
            "online": found.iter().all(Process::is_online),
            "restarts": found.iter().map(|one| one.restarts).sum::<u64>(),
            "processes": found.iter().map(Process::value).collect::<Vec<_>>(),
        }))
    }
}

/// Reads the last lines that each process of an application has written: an array of maps of `host`, `id`, `out` and
/// `error`, without colours and secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    /// The application's name
    name: String,
    /// How many lines of each output
    #[serde(default = "hundred")]
    lines: usize,
    /// Of them only those that contain one of these texts, in capitals or not; a process without any is left out
    #[serde(default)]
    matching: Vec<String>,
}

const fn hundred() -> usize {
    100
}

impl Primitive for Logs {
    const NAME: &'static str = "logs";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"pm2("app").logs("api", #{ lines: 20 })"#;
    const TIMEOUT: Duration = WITHIN;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the log of {} of {resource}", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        if self.lines > MOST_LINES {
            return Err(Error::usage(format!("{} lines are too many for a script", self.lines))
                .fix(format!("ask for at most {MOST_LINES}, or store the whole log with `archive_to`")));
        }
        let pm2 = Pm2::open(&cx, Effect::Read).await?;
        let mut logs = Vec::new();
        for host in &pm2.places {
            for one in pm2.find(&self.name, host, &pm2.list(host).await?)? {
                let out = self.chosen(pm2.tail(host, &one.out_log, self.lines).await?);
                let error = self.chosen(pm2.tail(host, &one.err_log, self.lines).await?);
                if !self.matching.is_empty() && out.is_empty() && error.is_empty() {
                    continue;
                }
                logs.push(json!({ "host": host, "id": one.id, "out": out, "error": error }));
            }
        }
        Ok(logs.into())
    }
}

impl Logs {
    /// The lines that were asked for.
    fn chosen(&self, text: String) -> String {
        if self.matching.is_empty() {
            return text;
        }
        let wanted: Vec<String> = self.matching.iter().map(|one| one.to_lowercase()).collect();
        let is_wanted = |line: &&str| wanted.iter().any(|one| line.to_lowercase().contains(one));
        text.lines().filter(is_wanted).collect::<Vec<_>>().join("\n")
    }
}
