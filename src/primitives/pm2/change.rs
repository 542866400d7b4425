//! `stop`, `reload`, `restart`, `delete`: an application that pm2 knows, on one host after the other.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::Pm2;
use super::process::Process;
use super::restore::{self, Was};
use super::{LONG, fresh, settle};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::witness::VALUE;

/// The application, or all of them.
fn touched(name: &str) -> Option<String> {
    Some(if name == "all" { String::new() } else { name.to_owned() })
}

/// Stops every process of an application, on one host after the other; nothing happens to what does not run. Taken back
/// by running again what ran. Gives the processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    /// The application's name, or "all"
    name: String,
}

impl Primitive for Stop {
    const NAME: &'static str = "stop";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").stop("sync-worker")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("stop {} of {resource}", self.name)
    }

    fn touches(&self) -> Option<String> {
        touched(&self.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let pm2 = Pm2::open(cx, Effect::Read).await?;
        let (mut before, _) = restore::look(&pm2, &names(&pm2, &self.name).await?).await?;
        before.values_mut().for_each(|of_host| of_host.retain(|_, was| *was == Was::Online));
        before.retain(|_, of_host| !of_host.is_empty());
        if before.is_empty() { Ok(Inverse::Nothing) } else { restore::inverse(cx, &before, None).await }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let pm2 = Pm2::open(cx, Effect::Read).await?;
        let all = pm2.list_all().await?;
        let mut ours = all.iter().filter(|one| self.name == "all" || one.name == self.name);
        Ok(Some(ours.all(|one| !one.is_online())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Write).await?;
        let mut after = Vec::new();
        for host in &pm2.places {
            let found = pm2.find(&self.name, host, &pm2.list(host).await?)?;
            if found.iter().any(|one| one.status != "stopped") {
                pm2.tell(host, &["stop", &self.name]).await?;
            }
            let all = pm2.list(host).await?;
            after.extend(pm2.find(&self.name, host, &all)?);
        }
        Ok(after.iter().map(Process::value).collect())
    }
}

/// Starts every process of an application anew without a gap, where it runs in cluster mode; on one host after the other,
/// of which the next waits until the one before is up. It is done when each process is online with a new pid and stays so
/// for the settle time; a process that does not stay up is an error with the end of its log. Taken back by
/// reloading it once more when all else is taken back, so that it runs what is on the disk then; or by stopping it, where it
/// was stopped. While another reload is under way or was cut off, it waits as long as pm2 says. Gives the processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reload {
    /// The application's name, or "all"
    name: String,
    /// Whether the settings' variables take the place of those that it was started with
    #[serde(default)]
    update_env: bool,
}

impl Primitive for Reload {
    const NAME: &'static str = "reload";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").reload("api")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("reload {} of {resource}", self.name)
    }

    fn touches(&self) -> Option<String> {
        touched(&self.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        as_it_was(cx, &self.name).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        were_started(cx, &self.name).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let names = names(&Pm2::open(cx, Effect::Read).await?, &self.name).await?;
        fresh::receipt(cx, &names).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        anew(&cx, "reload", &self.name, self.update_env).await
    }
}

/// Ends every process of an application and starts it again; else as `reload`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    /// The application's name, or "all"
    name: String,
    /// Whether the settings' variables take the place of those that it was started with
    #[serde(default)]
    update_env: bool,
}

impl Primitive for Restart {
    const NAME: &'static str = "restart";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").restart("api")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("restart {} of {resource}", self.name)
    }

    fn touches(&self) -> Option<String> {
        touched(&self.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        as_it_was(cx, &self.name).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        were_started(cx, &self.name).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let names = names(&Pm2::open(cx, Effect::Read).await?, &self.name).await?;
        fresh::receipt(cx, &names).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        anew(&cx, "restart", &self.name, self.update_env).await
    }
}

/// Stops an application and makes pm2 forget how it was started. Nothing takes it back. Gives how many processes there
/// were.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// The application's name
    name: String,
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"pm2("app").delete("old-worker")"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("stop {} of {resource} and forget it", self.name)
    }

    fn touches(&self) -> Option<String> {
        touched(&self.name)
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        Ok(Inverse::none("pm2 forgets how it was started; start it from its ecosystem file"))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let all = Pm2::open(cx, Effect::Read).await?.list_all().await?;
        Ok(Some(all.iter().all(|one| one.name != self.name)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Destroy).await?;
        let mut count = 0;
        for host in &pm2.places {
            count += pm2.find(&self.name, host, &pm2.list(host).await?)?.len();
        }
        cx.witness(json!({ VALUE: count }))?;
        for host in &pm2.places {
            pm2.tell(host, &["delete", &self.name]).await?;
        }
        Ok(count.into())
    }
}

/// The names that are meant, on all places.
async fn names(pm2: &Pm2, name: &str) -> Result<Vec<String>> {
    if name != "all" {
        return Ok(vec![name.to_owned()]);
    }
    let mut names: Vec<String> = pm2.list_all().await?.into_iter().map(|one| one.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

async fn as_it_was(cx: &Cx, name: &str) -> Result<Inverse> {
    let pm2 = Pm2::open(cx, Effect::Read).await?;
    for host in &pm2.places {
        pm2.find(name, host, &pm2.list(host).await?)?;
    }
    let (mut before, pids) = restore::look(&pm2, &names(&pm2, name).await?).await?;
    before.values_mut().for_each(|of_host| of_host.retain(|_, was| *was != Was::Absent));
    restore::inverse(cx, &before, Some(&pids)).await
}

async fn were_started(cx: &Cx, name: &str) -> Result<Option<bool>> {
    if !cx.is_settling() {
        return Ok(None);
    }
    let names = names(&Pm2::open(cx, Effect::Read).await?, name).await?;
    fresh::are_there(cx, &names).await
}

async fn anew(cx: &Cx, verb: &str, name: &str, update_env: bool) -> Result<Value> {
    let pm2 = Pm2::open(cx, Effect::Write).await?;
    let mut after = Vec::new();
    for (host, before) in &fresh::keep(&pm2).await? {
        let found = pm2.find(name, host, before)?;
        let old: Vec<u64> = found.iter().map(|one| one.pid).filter(|pid| *pid > 0).collect();
        let mut words = vec![verb, name];
        if update_env {
            words.push("--update-env");
        }
        pm2.tell(host, &words).await?;
        let mut names: Vec<String> = found.into_iter().map(|one| one.name).collect();
        names.dedup();
        after.extend(settle::online(&pm2, host, &names, &old).await?);
    }
    Ok(after.iter().map(Process::value).collect())
}
