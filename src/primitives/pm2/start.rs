//! `start`: from an ecosystem file, from a script, or what pm2 knows already.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::door::Pm2;
use super::process::Process;
use super::{LONG, fresh, restore, settle};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Starts applications: those of an ecosystem file, a script, or one that pm2 knows; what runs already is started anew, as
/// pm2 does. On one host after the other. It is done when each process is online and stays so for the settle time; one that
/// does not stay up is an error with the end of its log. Taken back by making each what it was: running (started
/// anew when all else is taken back), stopped, or unknown; of an ecosystem file only with `only`, because else it is not known
/// before what it starts. The variables that this gave to what ran before stay: pm2 does not keep the older ones. Gives the
/// processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// The ecosystem file or script there, in the folder of the settings, or the name of an application that pm2 knows
    what: String,
    /// Only these applications of the ecosystem file
    #[serde(default)]
    only: Vec<String>,
    /// The set of variables in the ecosystem file: "production" means its `env_production`
    env: Option<String>,
    /// The name of the application, for a script
    name: Option<String>,
}

impl Primitive for Start {
    const NAME: &'static str = "start";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"pm2("app").start("ecosystem.config.js", #{ only: ["api"], env: "production" })"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let only =
            if self.only.is_empty() { String::new() } else { format!(", only {}", self.only.join(", ")) };
        let env = self.env.as_ref().map(|env| format!(", env {env}")).unwrap_or_default();
        format!("start {} of {resource}{only}{env}", self.what)
    }

    fn touches(&self) -> Option<String> {
        match self.names().as_slice() {
            [name] => Some(name.clone()),
            _ => None,
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.consistent()?;
        let pm2 = Pm2::open(cx, Effect::Read).await?;
        let names = self.names();
        if names.is_empty() {
            return Ok(Inverse::none(
                "what an ecosystem file starts is not known before; name it with `only: [\"…\"]`",
            ));
        }
        let (before, pids) = restore::look(&pm2, &names).await?;
        restore::inverse(cx, &before, Some(&pids)).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        if cx.is_settling() {
            return fresh::are_there(cx, &self.names()).await;
        }
        let pm2 = Pm2::open(cx, Effect::Read).await?;
        let (names, all) = (self.names(), pm2.list_all().await?);
        let is_down = |name: &String, host: &String| {
            let mut ours = all.iter().filter(|one| one.name == *name && one.host == *host).peekable();
            ours.peek().is_none() || ours.all(|one| !one.is_online())
        };
        // What is online now may have been so before.
        let some_down = names.iter().any(|name| pm2.places.iter().any(|host| is_down(name, host)));
        Ok(some_down.then_some(false))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        fresh::receipt(cx, &self.names()).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Write).await?;
        let mut after = Vec::new();
        for (host, before) in fresh::keep(&pm2).await? {
            after.extend(self.on(&pm2, &host, &before).await?);
        }
        Ok(after.iter().map(Process::value).collect())
    }
}

impl Start {
    /// Whether it means a file with many applications.
    fn is_ecosystem(&self) -> bool {
        let ends = [".config.js", ".config.cjs", ".config.mjs", ".json", ".yml", ".yaml"];
        ends.iter().any(|end| self.what.ends_with(end))
    }

    fn consistent(&self) -> Result<()> {
        if self.is_ecosystem() {
            return match &self.name {
                Some(_) => Err(Error::usage("an ecosystem file names its applications itself")
                    .fix("choose among them with `only`, and leave `name` out")),
                None => Ok(()),
            };
        }
        let wrong = if !self.only.is_empty() { "only" } else { "env" };
        if !self.only.is_empty() || self.env.is_some() {
            return Err(Error::usage(format!(
                "`{wrong}` is for an ecosystem file, and `{}` is none",
                self.what
            ))
            .fix("name a file that ends in `.config.js`, `.json` or `.yml`"));
        }
        Ok(())
    }

    /// The applications that are meant, as far as that is known before.
    fn names(&self) -> Vec<String> {
        if self.is_ecosystem() {
            return self.only.clone();
        }
        // pm2 names a script after its file.
        let file = self.what.rsplit('/').next().unwrap_or(&self.what);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        vec![self.name.clone().unwrap_or_else(|| stem.to_owned())]
    }

    async fn on(&self, pm2: &Pm2, host: &str, before: &[Process]) -> Result<Vec<Process>> {
        let only = self.only.join(",");
        let mut words = vec!["start", self.what.as_str()];
        if !only.is_empty() {
            words.extend(["--only", &only]);
        }
        words.extend(self.env.iter().flat_map(|env| ["--env", env.as_str()]));
        words.extend(self.name.iter().flat_map(|name| ["--name", name.as_str()]));
        pm2.tell(host, &words).await?;
        let mut names = self.names();
        if names.is_empty() {
            let is_old = |one: &Process| before.iter().any(|old| old.id == one.id && old.pid == one.pid);
            names =
                pm2.list(host).await?.into_iter().filter(|one| !is_old(one)).map(|one| one.name).collect();
            names.dedup();
        }
        if names.is_empty() {
            return Err(Error::remote(format!("pm2 on {host} started nothing from {}", self.what))
                .why("no process is new or has a new pid, although it gave no error")
                .fix("look at what the file lists under `apps`"));
        }
        let ours = before.iter().filter(|one| names.contains(&one.name));
        let old: Vec<u64> = ours.map(|one| one.pid).filter(|pid| *pid > 0).collect();
        settle::online(pm2, host, &names, &old).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(value: serde_json::Value) -> Start {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_started_has_a_name_before_where_that_is_known() {
        let eco = start(serde_json::json!({ "what": "ecosystem.config.js", "only": ["api", "web"] }));
        assert_eq!(eco.names(), ["api", "web"]);
        assert!(start(serde_json::json!({ "what": "ecosystem.config.js" })).names().is_empty());
        assert_eq!(start(serde_json::json!({ "what": "dist/server.js" })).names(), ["server"]);
        assert_eq!(start(serde_json::json!({ "what": "dist/server.js", "name": "api" })).names(), ["api"]);
        assert_eq!(start(serde_json::json!({ "what": "api" })).names(), ["api"]);
        assert!(start(serde_json::json!({ "what": "api", "env": "production" })).consistent().is_err());
        assert!(start(serde_json::json!({ "what": "a.config.js", "name": "x" })).consistent().is_err());
    }
}
