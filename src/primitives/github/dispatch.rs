//! `dispatch`: a workflow is started, and the run that it became is found.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::repository::Repository;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::api::refused_whole;
use crate::effect::cx::Cx;
use crate::effect::notice::shown;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// How long is waited between two looks for the run.
const PAUSE: Duration = Duration::from_secs(2);
/// How long it may take until GitHub lists a run, in seconds.
const SHOWN: f64 = 15.0;
/// The field of a witness that holds the number of the workflow's newest run before.
const NEWEST: &str = "newest";

/// Another workflow that takes one back.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// Its file: "rollback.yml"; the same workflow when left out
    workflow: Option<String>,
    /// Its inputs
    #[serde(default)]
    inputs: Map<String, Value>,
}

/// Starts a workflow that has `workflow_dispatch`, and finds the run that it became, after a crash too: the only one on that
/// branch since. `undo` says which workflow takes it back.
/// Gives `run` (its id, for `wait_for_run`) and `url`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dispatch {
    /// The workflow's file, or its id: "deploy.yml"
    workflow: String,
    /// The branch or tag that it runs on
    #[serde(default = "main")]
    on: String,
    /// Its inputs; GitHub takes them as texts
    #[serde(default)]
    inputs: Map<String, Value>,
    /// The workflow that takes it back: `#{ workflow, inputs }`
    undo: Option<Undo>,
}

fn main() -> String {
    "main".to_owned()
}

impl Primitive for Dispatch {
    const NAME: &'static str = "dispatch";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"let run = github("app").dispatch("deploy.yml", #{ inputs: #{ version: "v2" }, undo: #{ inputs: #{ version: "v1" } } }).run;"#;
    const TIMEOUT: Duration = Duration::from_secs(120);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run the workflow {} of {} on {}", self.workflow, resource.name, self.on)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let repository = Repository::of(cx).await?;
        let workflow = repository.request(Method::GET, &["actions", "workflows", &self.workflow]);
        let reply = repository.ask(cx, &workflow, &format!("read the workflow {}", self.workflow)).await?;
        let state = reply.at("/state");
        if state.starts_with("disabled") {
            return Err(Error::usage(format!(
                "the workflow {} of `{}` is disabled",
                self.workflow,
                cx.resource()
            ))
            .why(format!("its state is {state}"))
            .fix("enable it on its page, or with `gh workflow enable`"));
        }
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what a workflow does is not known; give its way back as `undo: #{ workflow, inputs }`",
            ));
        };
        let workflow = undo.workflow.as_deref().unwrap_or(&self.workflow);
        let call = Call::new(cx.resource().clone(), Self::NAME)
            .with("workflow", workflow)
            .with("on", self.on.as_str());
        Ok(Inverse::Call(call.with("inputs", undo.inputs.clone())))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        if !cx.is_settling() {
            return Ok(None);
        }
        match self.since(cx).await?.as_deref() {
            None | Some([]) => Ok(Some(false)),
            Some([_]) => Ok(Some(true)),
            Some(several) => {
                let urls: Vec<&str> =
                    several.iter().filter_map(|run| run.get("html_url")?.as_str()).collect();
                Err(Error::remote(format!("{} was dispatched several times since", self.workflow))
                    .why(urls.join("\n")))
            }
        }
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(self.since(cx).await?.and_then(|runs| runs.first().map(told)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        let inputs: Map<String, Value> =
            self.inputs.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let body = json!({ "ref": self.on, "inputs": inputs, "return_run_details": true });
        let before = self.runs(&cx, &repository).await.map_err(Error::unchanged)?;
        let newest = before.iter().filter_map(id).max().unwrap_or(0);
        cx.witness(json!({ NEWEST: newest, "at": cx.seconds() }))?;
        let path = ["actions", "workflows", &self.workflow, "dispatches"];
        let ask = repository.request(Method::POST, &path).json(&body);
        let sent = repository.ask(&cx, &ask, &format!("dispatch {}", self.workflow)).await;
        let reply = sent.map_err(refused_whole)?;
        match reply.json.get("workflow_run_id").and_then(Value::as_u64) {
            Some(run) => Ok(json!({ "run": run, "url": reply.at("/html_url") })),
            // Older servers do not tell which run it became.
            None => loop {
                let after = self.after(&cx, &repository, newest).await?;
                if let Some(run) = after.iter().min_by_key(|run| id(run)) {
                    return Ok(told(run));
                }
                cx.pause(PAUSE).await?;
            },
        }
    }
}

impl Dispatch {
    /// The newest runs of the workflow that were dispatched on that branch.
    async fn runs(&self, cx: &Cx, repository: &Repository) -> Result<Vec<Value>> {
        let ask = repository
            .request(Method::GET, &["actions", "workflows", &self.workflow, "runs"])
            .query("event", "workflow_dispatch")
            .query("branch", &self.on);
        let reply = repository.ask(cx, &ask, "list the runs of the workflow").await?;
        Ok(reply.json.get("workflow_runs").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Those of them that came after the one of that number.
    async fn after(&self, cx: &Cx, repository: &Repository, newest: u64) -> Result<Vec<Value>> {
        let mut runs = self.runs(cx, repository).await?;
        runs.retain(|run| id(run) > Some(newest));
        Ok(runs)
    }

    /// The runs of the workflow that came since the call was about to dispatch it; `None` when it was not yet about to.
    async fn since(&self, cx: &Cx) -> Result<Option<Vec<Value>>> {
        let Some(told) = cx.witnessed() else { return Ok(None) };
        let (newest, at) = (told[NEWEST].as_u64().unwrap_or(0), told["at"].as_f64().unwrap_or(0.0));
        let repository = Repository::of(cx).await?;
        loop {
            let runs = self.after(cx, &repository, newest).await?;
            if !runs.is_empty() || cx.seconds() - at > SHOWN {
                return Ok(Some(runs));
            }
            cx.pause(PAUSE).await?;
        }
    }
}

fn id(run: &Value) -> Option<u64> {
    run.get("id")?.as_u64()
}

fn told(run: &Value) -> Value {
    json!({ "run": run.get("id"), "url": run.get("html_url") })
}

fn text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        other => shown(other).into(),
    }
}
