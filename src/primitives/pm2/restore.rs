//! `restore`: processes as they were before a change, which is how each change is taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::Pm2;
use super::process::Process;
use super::withdraw::Withdraw;
use super::{LONG, settle};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// For each host, what each application was.
pub(super) type Before = BTreeMap<String, BTreeMap<String, Was>>;

/// For each host, the pids that ran.
pub(super) type Pids = BTreeMap<String, Vec<u64>>;

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

/// What `names` are now on every place, and the pids that they have.
pub(super) async fn look(pm2: &Pm2, names: &[String]) -> Result<(Before, Pids)> {
    let (mut before, mut pids) = (Before::new(), Pids::new());
    for host in &pm2.places {
        let all = pm2.list(host).await?;
        let of_host = names.iter().map(|name| (name.clone(), Was::of(name, &all)));
        before.insert(host.clone(), of_host.collect());
        let ours = all.iter().filter(|one| names.contains(&one.name) && one.pid > 0);
        pids.insert(host.clone(), ours.map(|one| one.pid).collect());
    }
    Ok((before, pids))
}

/// What this run has brought up itself, by host and name.
#[derive(Default)]
struct BroughtUp(Mutex<BTreeSet<(String, String)>>);

/// How a change of those applications is taken back: in its turn where nothing ran before that this run has not brought up
/// itself, else last of all. `pids` are those that ran, where the change starts them anew.
pub(super) async fn inverse(cx: &Cx, before: &Before, pids: Option<&Pids>) -> Result<Inverse> {
    let brought_up = cx.shared(async { Ok(BroughtUp::default()) }).await?;
    let mut brought_up = brought_up.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut runs = false;
    for (host, of_host) in before {
        for (name, was) in of_host {
            let key = (host.clone(), name.clone());
            if *was == Was::Online {
                runs |= !brought_up.contains(&key);
            } else if pids.is_some() {
                brought_up.insert(key);
            }
        }
    }
    let verb = if runs { Restore::NAME } else { Withdraw::NAME };
    let call = Call::new(cx.resource().clone(), verb).with("before", json!(before));
    Ok(Inverse::Call(match pids {
        Some(pids) if runs => call.with("pids", json!(pids)),
        _ => call,
    }))
}

/// Makes applications what they were: runs those that were online, stops those that were stopped, forgets those that pm2
/// did not know; this is how `start`, `stop`, `reload` and `restart` are taken back where something ran before. Where the
/// change started processes anew, they are reloaded again, so that they run what is on the disk then; those that nothing has
/// touched are left alone. A run that is taken back does this last, when the files are back. The variables that a process
/// runs with stay those that it was given last: pm2 does not keep older ones. Gives the processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// For each host, what each application was: "online", "stopped" or "absent"
    before: Before,
    /// For each host, the pids that ran: an application that runs with others now is started anew
    #[serde(default)]
    pids: Pids,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").restore(#{ before: #{ "web1": #{ "api": "online" } } })"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;
    const LAST: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        words(&self.before)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        inverse_of(cx, &self.before).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        all_back(&cx, &self.before, &self.pids).await
    }
}

/// What is done, in words.
pub(super) fn words(before: &Before) -> String {
    let mut names: Vec<&str> = before.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    format!("make {} what it was", names.join(", "))
}

/// How putting back is itself taken back.
pub(super) async fn inverse_of(cx: &Cx, before: &Before) -> Result<Inverse> {
    let pm2 = Pm2::open(cx, Effect::Write).await?;
    let mut now = Before::new();
    for (host, before) in before {
        let all = pm2.list(host).await?;
        now.insert(host.clone(), before.keys().map(|name| (name.clone(), Was::of(name, &all))).collect());
    }
    inverse(cx, &now, None).await
}

/// Makes each application what it was.
pub(super) async fn all_back(cx: &Cx, before: &Before, pids: &Pids) -> Result<Value> {
    let pm2 = Pm2::open(cx, Effect::Write).await?;
    let mut left = Vec::new();
    for (host, before) in before {
        for (name, was) in before {
            put_back(&pm2, host, name, (*was, pids.get(host))).await?;
        }
        left.extend(pm2.list(host).await?.into_iter().filter(|one| before.contains_key(&one.name)));
    }
    Ok(left.iter().map(Process::value).collect())
}

async fn put_back(pm2: &Pm2, host: &str, name: &str, (was, pids): (Was, Option<&Vec<u64>>)) -> Result<()> {
    let mut all = pm2.list(host).await?;
    let names = [name.to_owned()];
    if was == Was::Online && all.iter().any(|one| one.name == name && one.status == "launching") {
        // What is under way ends by itself; how, is seen below.
        let _ = settle::online(pm2, host, &names, &[]).await;
        all = pm2.list(host).await?;
    }
    let ours = || all.iter().filter(|one| one.name == name);
    let is_up = ours().all(Process::is_online);
    match (was, Was::of(name, &all)) {
        (Was::Absent, Was::Absent) | (Was::Stopped, Was::Stopped) => Ok(()),
        (Was::Online, Was::Online)
            if is_up && pids.is_none_or(|pids| ours().all(|one| pids.contains(&one.pid))) =>
        {
            Ok(())
        }
        (Was::Absent, _) => pm2.tell(host, &["delete", name]).await,
        (Was::Stopped, Was::Online) => pm2.tell(host, &["stop", name]).await,
        (Was::Online, Was::Online | Was::Stopped) => {
            let old: Vec<u64> = ours().map(|one| one.pid).filter(|pid| *pid > 0).collect();
            match pm2.tell(host, &[if is_up { "reload" } else { "restart" }, name]).await {
                // Something that was under way was quicker.
                Err(why) if why.why.as_deref().is_some_and(|why| why.contains("already started")) => {}
                done => done?,
            }
            let old = if pids.is_some() { old.as_slice() } else { &[] };
            settle::online(pm2, host, &names, old).await.map(drop)
        }
        (Was::Online | Was::Stopped, Was::Absent) => {
            Err(Error::missing(format!("pm2 on {host} does not know `{name}` any more"))
                .why("it was deleted since, and pm2 forgot how it was started")
                .fix("start it from its ecosystem file"))
        }
    }
}
