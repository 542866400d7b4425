//! `upload`: a file of the project onto every host, whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::answer::Judge;
use super::exec::on;
use super::fan::{self, Deed, Fan, Went};
use super::fleet::Fleet;
use super::restore::Restore;
use super::script;
use super::settings::Table;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::process::{Ended, Line};
use crate::sys::ssh::{Broken, Cut, Feed, Order};
use crate::sys::{blocking, files};

/// How long the whole may take.
const LONG: Duration = Duration::from_secs(1800);
/// How long it may take on one host.
const WITHIN: Duration = Duration::from_secs(600);
/// How much of what a script says is kept, in bytes.
const KEEP: usize = 16 * 1024;

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
    within: Option<String>,
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

    fn plan(&self, resource: &ResourceId) -> String {
        format!("upload {} to `{}` on {}", self.file, self.to, on(resource, self.hosts.as_deref()))
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

/// A script without input on each host; nothing of it is shown.
pub(super) fn asking(arguments: Vec<String>, within: Duration) -> Deed<Ended> {
    Arc::new(move |fleet: &Fleet, target, patience| {
        fleet.with(target, patience, |session| {
            session.run(order(&arguments, Feed::Nothing), &patience.at_most(within), &|_: Line<'_>| {})
        })
    })
}

/// A script that is fed a file on each host.
fn sending(arguments: Vec<String>, path: PathBuf, within: Duration) -> Deed<Ended> {
    Arc::new(move |fleet: &Fleet, target, patience| {
        fleet.with(target, patience, |session| {
            let unreadable = |why: String| Cut { why: Broken::Failed(why), began: false, left: None };
            let opened = files::open(&path).map_err(|why| unreadable(why.what.clone()))?;
            let (file, _) = opened.ok_or_else(|| unreadable(format!("{} is gone", path.display())))?;
            let order = order(&arguments, Feed::From(Box::new(file)));
            session.run(order, &patience.at_most(within), &|_: Line<'_>| {})
        })
    })
}

fn order(arguments: &[String], feed: Feed) -> Order {
    Order { arguments: arguments.to_vec(), folder: None, variables: Vec::new(), feed, keep: KEEP }
}

/// A file of the project that is to be sent.
struct Content {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

impl Content {
    async fn read(path: PathBuf) -> Result<Self> {
        blocking::run(move || {
            let (mut file, bytes) = files::open(&path)?.ok_or_else(|| missing(&path))?;
            let mut digest = Sha256::new();
            files::copy_exactly(&mut file, bytes, &mut Hashing(&mut digest))
                .map_err(|why| Error::io(format!("{} cannot be read", path.display()), &why))?;
            Ok(Self { bytes, sha256: text::hexadecimal(&digest.finalize()), path })
        })
        .await
    }
}

fn missing(path: &Path) -> Error {
    Error::missing(format!("there is no file {}", path.display())).fix("build it first, or correct its path")
}

/// A digest as something that can be written to.
struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
