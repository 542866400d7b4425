//! `restore`: what takes an upload back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Judge;
use super::deeds::asking;
use super::fan::{self, Deed, Fan};
use super::fleet::Fleet;
use super::script;
use super::settings::Table;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::process::Ended;

/// How long it may take on one host.
const WITHIN: Duration = Duration::from_secs(120);

/// Puts back what a file held on each host before an upload, or removes it where there was none; this is how an upload is
/// taken back. A host where somebody has changed the file since is an error, and left as it is. Gives the lists of `exec`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// The path there
    to: String,
    /// The SHA-256 of what was put there
    sent: String,
    /// For each host what was there before: `sha256` and `mode`, `()` each where nothing was
    before: BTreeMap<String, Before>,
}

/// What was there before.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Before {
    /// Its SHA-256
    sha256: Option<String>,
    /// Its mode
    mode: Option<String>,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssh("web").restore("/etc/app.toml", "9f86…", #{ before: #{ "web1": #{ sha256: (), mode: () } } })"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("put back what `{}` was on {} of {resource}", self.to, hosts_in_words(self.before.len()))
    }

    fn touches(&self) -> Option<String> {
        // One that is not absolute may be another spelling of one that is.
        self.to.starts_with('/').then(|| self.to.clone())
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        Ok(Inverse::none("it takes something back itself"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let table: Table = cx.settings()?;
        let fleet = super::fleet(&cx).await?;
        let names: Vec<String> = self.before.keys().cloned().collect();
        let hosts = fleet.choose(Some(&names))?;
        let fan =
            Fan { hosts, limit: table.limit(None), serial: None, max_failures: usize::MAX, within: WITHIN };
        let what = format!("putting back `{}`", self.to);
        let judge = Judge { cx: &cx, what, ok: vec![0], max_failures: 0, within: WITHIN };
        let deed = self.deed();
        let ends = fan::out(&cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
        judge.value(ends, |ended| Map::from_iter([("did".to_owned(), ended.stdout.text.trim().into())]))
    }
}

impl Restore {
    fn deed(self) -> Deed<Ended> {
        Arc::new(move |fleet: &Fleet, target, patience| {
            let before = self.before.get(&target.name);
            let sha256 = before.and_then(|before| before.sha256.as_deref()).unwrap_or("absent");
            let mode = before.and_then(|before| before.mode.as_deref()).unwrap_or("");
            asking(script::back(&self.to, &self.sent, sha256, mode), WITHIN)(fleet, target, patience)
        })
    }
}

fn hosts_in_words(count: usize) -> String {
    if count == 1 { "one host".to_owned() } else { format!("{count} hosts") }
}
