//! `dispatch`: a workflow is started, and the run that it became is found.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
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
/// How far GitHub's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

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

/// Starts a workflow that has `workflow_dispatch`, and finds the run that it became. `undo` says which workflow takes it back.
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

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        let inputs: Map<String, Value> =
            self.inputs.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let body = json!({ "ref": self.on, "inputs": inputs, "return_run_details": true });
        let begun: Timestamp = cx.now().parse().map_err(|_| Error::bug("the clock tells no time"))?;
        let path = ["actions", "workflows", &self.workflow, "dispatches"];
        let ask = repository.request(Method::POST, &path).json(&body);
        let sent = repository.ask(&cx, &ask, &format!("dispatch {}", self.workflow)).await;
        let reply = sent.map_err(refused_whole)?;
        match reply.json.get("workflow_run_id").and_then(Value::as_u64) {
            Some(run) => Ok(json!({ "run": run, "url": reply.at("/html_url") })),
            // Older servers do not tell which run it became.
            None => self.find(&cx, &repository, begun - SKEW).await,
        }
    }
}

impl Dispatch {
    /// The first run of the workflow that was dispatched on that branch after `since`.
    async fn find(&self, cx: &Cx, repository: &Repository, since: Timestamp) -> Result<Value> {
        loop {
            let ask = repository
                .request(Method::GET, &["actions", "workflows", &self.workflow, "runs"])
                .query("event", "workflow_dispatch")
                .query("branch", &self.on)
                .query("created", format!(">={since:.0}"));
            let reply = repository.ask(cx, &ask, "find the run of the workflow").await?;
            let all = reply.json.get("workflow_runs").and_then(Value::as_array).cloned().unwrap_or_default();
            if let Some(run) = all.iter().max_by_key(|run| run.get("id").and_then(Value::as_u64)) {
                return Ok(json!({ "run": run.get("id"), "url": run.get("html_url") }));
            }
            cx.pause(PAUSE).await?;
        }
    }
}

fn text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        other => shown(other).into(),
    }
}
