//! `run` and `wait_for_run`: how a run of a workflow stands, and its end.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::Repository;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// How long is waited between two looks: a first few quick ones, then what the hour's limit can bear.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// After so many looks it is looked less often.
const QUICK: u32 = 15;

/// Reads how a run of a workflow stands: `run`, `status`, `conclusion` (`()` until it ends), `attempt`, `commit`, `branch`, `url`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    /// The run's id
    run: u64,
}

impl Primitive for Run {
    const NAME: &'static str = "run";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "CI is done", github("app").run(12345).conclusion == "success";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the run {} of {}", self.run, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(told(&read(&cx, &Repository::of(&cx).await?, self.run).await?))
    }
}

/// Waits until a run of a workflow has ended, and tells what its jobs do meanwhile. Gives what `run` gives, and `jobs`; a
/// conclusion other than "success" is an error that names the jobs and steps at fault, unless it is `accept`ed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitForRun {
    /// The run's id, as `dispatch` gives it
    run: u64,
    /// The conclusions that are no error: "success", "neutral", "skipped", "failure", …
    #[serde(default = "success")]
    accept: Vec<String>,
}

fn success() -> Vec<String> {
    vec!["success".to_owned()]
}

impl Primitive for WaitForRun {
    const NAME: &'static str = "wait_for_run";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"github("app").wait_for_run(12345, #{ timeout: "30m" })"#;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait for the run {} of {}", self.run, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        let (mut looks, mut said) = (0, Vec::new());
        loop {
            let run = read(&cx, &repository, self.run).await?;
            let jobs = jobs(&cx, &repository, self.run).await?;
            for line in jobs.iter().map(line) {
                if !said.contains(&line) {
                    cx.line(false, &line);
                    said.push(line);
                }
            }
            if text(&run, "status") == "completed" {
                return self.judge(&cx, &run, &jobs);
            }
            looks += 1;
            cx.pause(if looks < QUICK { PAUSES.0 } else { PAUSES.1 }).await?;
        }
    }
}

impl WaitForRun {
    fn judge(&self, cx: &Cx, run: &Value, jobs: &[Value]) -> Result<Value> {
        let conclusion = text(run, "conclusion");
        if self.accept.iter().any(|fine| fine == conclusion) {
            let mut value = told(run);
            value["jobs"] = jobs
                .iter()
                .map(|job| json!({ "name": text(job, "name"), "conclusion": job.get("conclusion") }))
                .collect();
            return Ok(value);
        }
        let faults: Vec<String> = jobs.iter().filter(|job| is_fault(job)).map(fault).collect();
        Err(Error::remote(format!("the run {} of `{}` ended with {conclusion}", self.run, cx.resource()))
            .why(faults.join("\n"))
            .fix(format!("see {}", text(run, "html_url")))
            .detail("conclusion", conclusion)
            .detail("url", text(run, "html_url")))
    }
}

async fn read(cx: &Cx, repository: &Repository, run: u64) -> Result<Value> {
    let ask = repository.request(Method::GET, &["actions", "runs", &run.to_string()]);
    Ok(repository.ask(cx, &ask, &format!("read the run {run}")).await?.json)
}

async fn jobs(cx: &Cx, repository: &Repository, run: u64) -> Result<Vec<Value>> {
    let ask = repository
        .request(Method::GET, &["actions", "runs", &run.to_string(), "jobs"])
        .query("per_page", "100");
    let reply = repository.ask(cx, &ask, &format!("read the jobs of the run {run}")).await?;
    Ok(reply.json.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default())
}

fn told(run: &Value) -> Value {
    json!({
        "run": run.get("id"), "status": run.get("status"), "conclusion": run.get("conclusion"),
        "attempt": run.get("run_attempt"), "commit": run.get("head_sha"), "branch": run.get("head_branch"),
        "url": run.get("html_url"),
    })
}

fn line(job: &Value) -> String {
    match text(job, "conclusion") {
        "" => format!("{}: {}", text(job, "name"), text(job, "status").replace('_', " ")),
        conclusion => format!("{}: {conclusion}", text(job, "name")),
    }
}

fn is_fault(job: &Value) -> bool {
    !matches!(text(job, "conclusion"), "success" | "skipped" | "neutral")
}

/// A job at fault, and its steps that are.
fn fault(job: &Value) -> String {
    let steps = job.get("steps").and_then(Value::as_array).into_iter().flatten();
    let steps: Vec<&str> = steps.filter(|step| is_fault(step)).map(|step| text(step, "name")).collect();
    let at = if steps.is_empty() { String::new() } else { format!(", at {}", steps.join(", ")) };
    format!("{}{at}", line(job))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
