//! `upload`: a file of the project onto every host, whole or not at all.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Judge;
use super::content::Content;
use super::deeds::{asking, sending};
use super::fan::{self, Fan, Went};
use super::restore::Restore;
use super::script;
use super::settings::Table;
use super::words::on;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How long the whole may take.
const LONG: Duration = Duration::from_secs(1800);
/// How long it may take on one host.
const WITHIN: Duration = Duration::from_secs(600);

/// Sends a file of the project to every host, where it is compared by SHA-256 and then takes the place of what was there
/// at once, with its mode and owner. Taken back by putting back what was there, which each host keeps for 30 days in
/// `~/.playbook/kept`, or by removing what is new; what somebody has changed since is left. Gives the lists of `exec`,
/// `bytes`, `sha256`, and `hosts`: for each name `did`: "created", "replaced" or "same".
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The file, in the project
    file: String,
    /// Its path there; one that begins with `~/` begins in the user's home
    to: String,
    /// Its mode, as "755"; default that of what it replaces, or "644"
    mode: Option<String>,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
    /// On how many at once; default that of the settings
    limit: Option<usize>,
    /// How many make a batch, of which the next waits for the one before; default all
    serial: Option<usize>,
    /// How many hosts may fail; after one more, no further host is begun
    #[serde(default)]
    max_failures: usize,
    /// How long it may take on each host
    within: Option<Period>,
    /// Whether what it replaces is kept, so that it can be taken back
    #[serde(default = "yes")]
    keep: bool,
}

const fn yes() -> bool {
    true
}

impl Primitive for Upload {
    const NAME: &'static str = "upload";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssh("web").upload("config/app.toml", "/etc/app/app.toml")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn content(&self) -> Vec<&str> {
        vec![&self.file]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("upload {} to `{}` on {}", self.file, self.to, on(resource, self.hosts.as_deref()))
    }

    fn touches(&self) -> Option<String> {
        // One that is not absolute may be another spelling of one that is.
        self.to.starts_with('/').then(|| self.to.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let content = Content::read(cx.path(&self.file)?).await?;
        let found = self.look(cx, self.max_failures).await?;
        if !self.keep && found.values().any(|before| !before["sha256"].is_null()) {
            return Ok(Inverse::none("`keep: false`: what it replaces is not kept"));
        }
        let call = Call::new(cx.resource().clone(), Restore::NAME);
        Ok(Inverse::Call(call.with("to", self.to.clone()).with("sent", content.sha256).with("before", found)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let content = Content::read(cx.path(&self.file)?).await?;
        let found = self.look(cx, 0).await?;
        let same = found.values().filter(|before| before["sha256"] == content.sha256.as_str()).count();
        Ok(match same {
            0 => Some(false),
            all if all == found.len() => Some(true),
            // On some hosts only.
            _ => None,
        })
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let content = Content::read(cx.path(&self.file)?).await.map_err(Error::unchanged)?;
        let table: Table = cx.settings()?;
        let fleet = super::fleet(&cx).await?;
        let within = self.within.as_deref().map_or(Ok(WITHIN), text::parse_duration)?;
        let (limit, serial, max_failures) = (table.limit(self.limit), self.serial, self.max_failures);
        let fan = Fan { hosts: fleet.choose(self.hosts.as_deref())?, limit, serial, max_failures, within };
        let arguments = script::put(&self.to, &content.sha256, self.mode.as_deref(), self.keep);
        let deed = sending(arguments, content.path.clone(), within);
        let what = format!("uploading to `{}`", self.to);
        let judge = Judge { cx: &cx, what, ok: vec![0], max_failures, within };
        let ends = fan::out(&cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
        let mut value = judge.value(ends, |ended| {
            let did = Value::from(ended.stdout.text.trim());
            Map::from_iter([
                ("did".to_owned(), did),
                ("took_ms".to_owned(), (ended.took.as_millis() as u64).into()),
            ])
        })?;
        (value["bytes"], value["sha256"]) = (content.bytes.into(), content.sha256.into());
        Ok(value)
    }
}

impl Upload {
    /// What lies there now: for each host that answers its `sha256` and `mode`; `null` where nothing does.
    async fn look(&self, cx: &Cx, max_failures: usize) -> Result<Map<String, Value>> {
        let table: Table = cx.settings()?;
        let fleet = super::fleet(cx).await?;
        let within = Duration::from_secs(30);
        let hosts = fleet.choose(self.hosts.as_deref())?;
        let fan = Fan { hosts, limit: table.limit(self.limit), serial: None, max_failures, within };
        let deed = asking(script::look(&self.to), within);
        let judge =
            Judge { cx, what: format!("looking at `{}`", self.to), ok: vec![0], max_failures, within };
        let ends = fan::out(cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
        let found = ends.iter().filter_map(|(target, went)| match went {
            Went::Done(ended) if Judge::is_good(&judge.ok, ended) => {
                Some((target.name.clone(), before(&ended.stdout.text)))
            }
            _ => None,
        });
        let found = found.collect();
        judge.value(ends, |_| Map::new())?;
        Ok(found)
    }
}

/// What a look has found: `SHA256 MODE`, or `absent`.
fn before(text: &str) -> Value {
    match text.trim().split_once(' ') {
        Some((sha256, mode)) => json!({ "sha256": sha256, "mode": mode }),
        None => json!({ "sha256": null, "mode": null }),
    }
}
