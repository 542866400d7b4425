//! `run_job`: a Job from its start to its end, with what it says.

use std::time::{Duration, Instant};

use futures::io::AsyncBufReadExt as _;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{ListParams, LogParams};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cluster::Cluster;
use super::kind::Kind;
use super::manifest;
use super::object::{condition, list, name, number, text};
use super::pods;
use super::rollout;
use super::silence::Wait;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind as Sort, Result};
use crate::base::period::Period;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The pause between two looks.
const EVERY: Duration = Duration::from_millis(300);
/// How long it may take to delete a job that nobody waits for any more.
const PARTING: Duration = Duration::from_secs(8);
/// So many lines of the log's end are given.
const KEPT: usize = 200;
/// So many lines of the log's end are told in an error.
const TOLD: usize = 20;
/// Where a job writes which run it is of, so that a doubt can be settled.
const WHOSE: &str = "playbook/run";
/// The field of a witness that holds the name of the job.
const JOB: &str = "job";

/// Makes a Job and waits for its end; its pods' lines are shown as they come. A job that fails, or whose pods cannot
/// start for as long as `patience`, is an error that tells the end of its log. A job that is given up or stopped is
/// deleted with its pods, so that it does not begin later. Gives `job`, `attempts`, `log` (its last 200 lines) and
/// `took_ms`. What a job did is not known, so nothing takes it back unless `undo` names the job that does.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunJob {
    /// A file of the project with one Job, or its YAML or JSON itself; with `generateName` each run gets a job of its own
    manifest: String,
    /// Whether a job of that name that has ended is deleted first
    #[serde(default)]
    replace: bool,
    /// The manifest of the job that takes it back
    undo: Option<String>,
    /// How long it may take
    #[serde(default = "rollout::ten_minutes")]
    within: Period,
    /// How long its pods may keep failing to start
    #[serde(default = "rollout::a_minute")]
    patience: Period,
}

impl RunJob {
    async fn job(&self, cx: &Cx, cluster: &Cluster) -> Result<(Kind, Value)> {
        let manifest = manifest::read(cx, &self.manifest, &Map::new())?;
        let [job] = manifest.objects.as_slice() else {
            return Err(Error::usage(format!("{} holds {} objects", manifest.named, manifest.objects.len()))
                .fix("give one Job; `apply` takes the others"));
        };
        let job = &job.value;
        if text(job, "/kind") != "Job" {
            return Err(Error::usage(format!("{} is no Job", manifest.named)).fix("write `kind: Job`"));
        }
        let mut job = job.clone();
        let generated = text(&job, "/metadata/generateName").to_owned();
        if name(&job).is_empty() && !generated.is_empty() {
            job["metadata"]["name"] =
                format!("{generated}{}", &uuid::Uuid::now_v7().simple().to_string()[20..]).into();
        }
        job["metadata"]["annotations"][WHOSE] = cx.run().into();
        let objects = vec![manifest::Object { place: manifest.named.clone(), value: job }];
        let manifest = manifest::Manifest { named: manifest.named, objects };
        let change = manifest.changes(cx.resource(), cluster, false).await?.pop();
        let change = change.ok_or_else(|| Error::bug("a manifest lost its job"))?;
        Ok((change.kind, change.body))
    }

    /// What is there under the job's name, unless it may be replaced.
    async fn clear(
        &self,
        wait: &mut Wait<'_>,
        cx: &Cx,
        cluster: &Cluster,
        (kind, job): (&Kind, &str),
    ) -> Result<()> {
        let Some(there) = cluster.find(kind, job).await? else { return Ok(()) };
        if !self.replace || ending(&there).is_none() {
            let error = Error::remote(format!("`{}` has a job `{job}` already", cluster.named)).unchanged();
            return Err(match ending(&there) {
                Some(_) => error.fix("use `generateName` in its manifest, or let it go with `replace: true`"),
                None => error.why("it has not ended").fix("wait for it, or delete it"),
            });
        }
        cluster.delete(kind, job).await?;
        loop {
            match wait.ask(cluster.find(kind, job)).await {
                Ok(None) => return Ok(()),
                Ok(Some(_)) if !wait.is_over() => cx.pause(EVERY).await?,
                Err(error) if wait.may_look_again(&error) => cx.pause(EVERY).await?,
                Ok(Some(_)) => {
                    let what = format!("the job `{job}` of `{}` was deleted and does not go", cluster.named);
                    return Err(
                        Error::remote(what).fix("see which finalizer of it or of its pods waits for what")
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Primitive for RunJob {
    const NAME: &'static str = "run_job";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").run_job("k8s/migrate.yaml", #{ undo: "k8s/migrate-down.yaml" })"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

    fn plan(&self, _: &ResourceId) -> String {
        format!("run the job of {}, at most {}", manifest::spoken(&self.manifest), self.within)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let (kind, job) = self.job(cx, &cluster).await?;
        if cluster.find(&kind, name(&job)).await?.is_none() {
            // What the server would refuse is better known before anything is begun.
            cluster.create(&kind, &job, true).await?;
        }
        Ok(match &self.undo {
            Some(undo) => Inverse::Call(
                Call::new(cx.resource().clone(), Self::NAME)
                    .with("manifest", undo.clone())
                    .with("replace", true)
                    .with("within", self.within.clone()),
            ),
            None => Inverse::none("what a job did is not known; name the job that takes it back as `undo`"),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        if !cx.is_settling() {
            return Ok(None);
        }
        let Some(told) = cx.witnessed() else { return Ok(Some(false)) };
        let cluster = Cluster::of(cx).await?;
        let Some(kind) = cluster.named_kind("batch/v1", "Job").await? else { return Ok(None) };
        let there = cluster.find(&kind, told[JOB].as_str().unwrap_or_default()).await?;
        let own = there.filter(|there| there["metadata"]["annotations"][WHOSE] == cx.run());
        // One that still runs is waited for; one that is not there may have ended and been removed.
        Ok(own.as_ref().map(|job| ending(job).is_none_or(|ending| ending.is_ok())))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let Some(told) = cx.witnessed() else { return Ok(None) };
        let cluster = Cluster::of(cx).await?;
        let Some(kind) = cluster.named_kind("batch/v1", "Job").await? else { return Ok(None) };
        let patience = (parse_duration(&self.within)?, parse_duration(&self.patience)?);
        let job = told[JOB].as_str().unwrap_or_default();
        Attendant::of(cx, &cluster, job, patience.0).attend(&kind, patience).await.map(Some)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        cx.close_gracefully();
        let patience = (parse_duration(&self.within)?, parse_duration(&self.patience)?);
        let cluster = Cluster::of(&cx).await?;
        let (kind, job) = self.job(&cx, &cluster).await.map_err(Error::unchanged)?;
        let mut wait =
            Wait::begin(&cx, &cluster, format!("the end of an earlier job {}", name(&job)), patience.0);
        self.clear(&mut wait, &cx, &cluster, (&kind, name(&job))).await?;
        cx.witness(json!({ JOB: name(&job) }))?;
        cluster.create(&kind, &job, false).await?;
        let mut attendant = Attendant::of(&cx, &cluster, name(&job), patience.0);
        let attended = tokio::select! {
            attended = attendant.attend(&kind, patience) => attended,
            () = cx.stop().given() => Err(cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"))),
        };
        match attended {
            // A job that nobody waits for any more must not begin later.
            Err(error) if error.kind != Sort::Remote || error.details.contains_key("given_up") => {
                let deleted = tokio::time::timeout(PARTING, cluster.delete(&kind, name(&job))).await;
                Err(parted(error, matches!(deleted, Ok(Ok(_))), name(&job), &cluster))
            }
            attended => attended,
        }
    }
}

/// The error of a job that was given up, with what became of the job itself.
fn parted(error: Error, is_deleted: bool, job: &str, cluster: &Cluster) -> Error {
    if is_deleted {
        return if error.fix.is_some() { error } else { error.fix("it was deleted") };
    }
    let delete = format!("`kubectl delete job {job} --namespace {}`", cluster.namespace);
    let advice = error.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
    let why = error.why.clone().unwrap_or_default();
    error
        .why(format!("{why}\nthe job could not be deleted: it may still run"))
        .fix(format!("delete it, {delete}{advice}"))
}

/// How a job ended; `None` while it has not.
fn ending(job: &Value) -> Option<Result<(), String>> {
    if condition(job, "Complete").is_some_and(|(state, ..)| state == "True") {
        return Some(Ok(()));
    }
    match condition(job, "Failed") {
        Some(("True", reason, message)) => Some(Err(format!("{reason}: {message}"))),
        _ => None,
    }
}

/// Whoever waits for one job.
struct Attendant<'a> {
    cx: &'a Cx,
    cluster: &'a Cluster,
    job: String,
    wait: Wait<'a>,
    /// The pods whose logs were followed to their end.
    seen: Vec<String>,
    log: Vec<String>,
}

impl<'a> Attendant<'a> {
    fn of(cx: &'a Cx, cluster: &'a Cluster, job: &str, within: Duration) -> Self {
        let wait = Wait::begin(cx, cluster, format!("the job {job}"), within);
        Self { cx, cluster, job: job.to_owned(), wait, seen: Vec::new(), log: Vec::new() }
    }

    async fn attend(&mut self, kind: &Kind, (within, patience): (Duration, Duration)) -> Result<Value> {
        let called = format!("the job {} of `{}`", self.job, self.cluster.named);
        let mut failing_since: Option<Instant> = None;
        loop {
            let (job, pods) = match self.look(kind).await {
                Ok(seen) => seen,
                // An API server that is restarted in between comes back.
                Err(error) if self.wait.may_look_again(&error) => {
                    self.cx.pause(EVERY).await?;
                    continue;
                }
                Err(error) if self.wait.is_over() => {
                    let why = error.why.clone().unwrap_or_default();
                    return Err(error.why(self.told(&why)).detail("given_up", true));
                }
                Err(error) => return Err(error),
            };
            // What is seen when the time is over decides: a log may have been followed until then.
            let (ended, was_over) = (ending(&job), self.wait.is_over());
            self.listen(&pods).await;
            match ended {
                Some(Ok(())) => return Ok(self.receipt(&job)),
                Some(Err(why)) => {
                    let codes: Vec<i64> = pods.iter().filter_map(exit_code).collect();
                    let error = Error::remote(format!("{called} failed")).why(self.told(&why));
                    return Err(match codes.last() {
                        Some(code) => error.detail("exit_code", *code),
                        None => error,
                    });
                }
                None => {}
            }
            let ill = pods.iter().filter_map(pods::ailment).find(|ill| ill.is_failing && !ill.has_crashed);
            failing_since = ill.as_ref().map(|_| failing_since.unwrap_or_else(|| self.cx.instant()));
            let given_up =
                |what: String, why: String| Err(Error::remote(what).why(why).detail("given_up", true));
            if let (Some(ill), Some(since)) = (ill, failing_since)
                && since.elapsed() >= patience
            {
                return given_up(
                    format!("{called} could not start within {}", show_duration(patience)),
                    ill.to_string(),
                );
            }
            if was_over {
                let what = format!("{called} did not end within {}", show_duration(within));
                return given_up(what, self.told(""));
            }
            self.cx.pause(EVERY).await?;
        }
    }

    /// The job and its pods as they are.
    async fn look(&mut self, kind: &Kind) -> Result<(Value, Vec<Value>)> {
        let job = self.wait.ask(self.cluster.read(kind, &self.job)).await?;
        let pods = ListParams::default().labels(&format!("job-name={}", self.job));
        let (pods, _) = self.wait.ask(self.cluster.list(&Kind::pod(), &pods)).await?;
        Ok((job, pods))
    }

    /// Follows the log of each pod that has begun and was not followed yet.
    async fn listen(&mut self, pods: &[Value]) {
        for pod in pods {
            let has_begun = matches!(text(pod, "/status/phase"), "Running" | "Succeeded" | "Failed");
            if !has_begun || self.seen.iter().any(|seen| seen == name(pod)) {
                continue;
            }
            self.seen.push(name(pod).to_owned());
            let left = self.wait.left().max(Duration::from_secs(1));
            // A log that cannot be read is no failure of the job.
            let (cx, cluster) = (self.cx, self.cluster);
            tokio::select! {
                () = follow(cx, cluster, name(pod), &mut self.log) => {}
                _ = cx.pause(left) => {}
                never = self.wait.heed() => match never {},
            }
        }
    }

    /// Why, with the end of the log.
    fn told(&self, why: &str) -> String {
        let end = &self.log[self.log.len().saturating_sub(TOLD)..];
        match (why, end) {
            (why, []) => why.to_owned(),
            ("", end) => format!("it said last:\n{}", end.join("\n")),
            (why, end) => format!("{why}\nit said last:\n{}", end.join("\n")),
        }
    }

    fn receipt(&self, job: &Value) -> Value {
        let log = &self.log[self.log.len().saturating_sub(KEPT)..];
        json!({
            "job": self.job,
            "attempts": number(job, "/status/succeeded") + number(job, "/status/failed"),
            "log": log.join("\n"),
            "took_ms": u64::try_from(self.wait.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Tells and keeps what a pod writes, until it ends.
async fn follow(cx: &Cx, cluster: &Cluster, pod: &str, log: &mut Vec<String>) {
    let wanted = LogParams { follow: true, ..LogParams::default() };
    let Ok(request) = cluster.request(&Kind::pod()).logs(pod, &wanted) else { return };
    let Ok(stream) = cluster.client.request_stream(request).await else { return };
    let mut lines = stream.lines().into_stream();
    while let Some(Ok(line)) = lines.next().await {
        let line = cx.redactor().text(&line);
        cx.line(false, &line);
        log.push(line);
        if log.len() > KEPT * 2 {
            log.drain(..KEPT);
        }
    }
}

/// The exit code of a pod's container that did not end well.
fn exit_code(pod: &Value) -> Option<i64> {
    let states = list(pod, "/status/containerStatuses");
    states
        .iter()
        .filter_map(|state| state["state"]["terminated"]["exitCode"].as_i64())
        .find(|code| *code != 0)
}
