//! `restore`: processes as they were before a change, which is how each change is taken back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::Pm2;
use super::process::Process;
use super::{LONG, settle};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// For each host, what each application was.
pub(super) type Before = BTreeMap<String, BTreeMap<String, Was>>;

/// What an application was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Was {
    /// At least one of its processes ran
    Online,
    /// pm2 knew it, and none of its processes ran
    Stopped,
    /// pm2 did not know it
    Absent,
}

impl Was {
    /// What the application `name` is among the processes of a place.
    pub(super) fn of(name: &str, all: &[Process]) -> Self {
        let mut ours = all.iter().filter(|one| one.name == name).peekable();
        if ours.peek().is_none() {
            Self::Absent
        } else if ours.any(|one| !matches!(one.status.as_str(), "stopped" | "errored" | "stopping")) {
            Self::Online
        } else {
            Self::Stopped
        }
    }
}

/// What `names` are now on every place.
pub(super) async fn look(pm2: &Pm2, names: &[String]) -> Result<Before> {
    let mut before = Before::new();
    for host in &pm2.places {
        let all = pm2.list(host).await?;
        let of_host = names.iter().map(|name| (name.clone(), Was::of(name, &all)));
        before.insert(host.clone(), of_host.collect());
    }
    Ok(before)
}

/// How a change of those applications is taken back.
pub(super) fn inverse(cx: &Cx, before: &Before) -> Inverse {
    Inverse::Call(Call::new(cx.resource().clone(), Restore::NAME).with("before", json!(before)))
}

/// Makes applications what they were: runs those that were online, stops those that were stopped, forgets those that pm2
/// did not know; this is how `start`, `stop`, `reload` and `restart` are taken back. Gives the processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// For each host, what each application was: "online", "stopped" or "absent"
    before: Before,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").restore(#{ before: #{ "web1": #{ "api": "online" } } })"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let mut names: Vec<&str> =
            self.before.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        format!("make {} what it was", names.join(", "))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let pm2 = Pm2::open(cx, Effect::Write).await?;
        let mut now = Before::new();
        for (host, before) in &self.before {
            let all = pm2.list(host).await?;
            now.insert(host.clone(), before.keys().map(|name| (name.clone(), Was::of(name, &all))).collect());
        }
        Ok(inverse(cx, &now))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Write).await?;
        let mut left = Vec::new();
        for (host, before) in &self.before {
            for (name, was) in before {
                put_back(&pm2, host, name, *was).await?;
            }
            left.extend(pm2.list(host).await?.into_iter().filter(|one| before.contains_key(&one.name)));
        }
        Ok(left.iter().map(Process::value).collect())
    }
}

async fn put_back(pm2: &Pm2, host: &str, name: &str, was: Was) -> Result<()> {
    let all = pm2.list(host).await?;
    let now = Was::of(name, &all);
    let settled = || all.iter().filter(|one| one.name == name).all(Process::is_online);
    match (was, now) {
        (Was::Absent, Was::Absent) | (Was::Stopped, Was::Stopped) => Ok(()),
        (Was::Online, Was::Online) if settled() => Ok(()),
        (Was::Absent, _) => pm2.tell(host, &["delete", name]).await,
        (Was::Stopped, Was::Online) => pm2.tell(host, &["stop", name]).await,
        (Was::Online, Was::Online | Was::Stopped) => {
            pm2.tell(host, &["restart", name]).await?;
            settle::online(pm2, host, &[name.to_owned()], &[]).await.map(drop)
        }
        (Was::Online | Was::Stopped, Was::Absent) => {
            Err(Error::missing(format!("pm2 on {host} does not know `{name}` any more"))
                .why("it was deleted since, and pm2 forgot how it was started")
                .fix("start it from its ecosystem file"))
        }
    }
}
