//! A new deployment of a service: with another task definition, or with the same one anew.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::service::{Found, open};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Ask};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Deploys the service with a task definition, and waits until all its tasks run and the old ones are gone. Without one
/// its tasks are started anew from the definition that it has, which leaves nothing to take back; otherwise it is taken
/// back by deploying the definition that was before. Gives `before` and `after`, the whole names of the definitions,
/// `deployment` and `running`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deploy {
    /// The task definition: `api:43`, `api` for its newest revision, or its whole name; default the one it has
    task_definition: Option<String>,
    /// Whether to wait until it has come to its end
    #[serde(default = "yes")]
    wait: bool,
}

const fn yes() -> bool {
    true
}

impl Primitive for Deploy {
    const NAME: &'static str = "deploy";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ecs("api").deploy("api:43");"#;
    const TIMEOUT: Duration = super::LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        match &self.task_definition {
            Some(definition) => format!("deploy {definition} to {resource}"),
            None => format!("start the tasks of {resource} anew"),
        }
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let found = open(cx).await?.read(cx).await?;
        if self.task_definition.as_deref().is_none_or(|wanted| is_same(wanted, &found.task_definition)) {
            return Ok(Inverse::Nothing);
        }
        Ok(Inverse::Call(
            Call::new(cx.resource().clone(), Self::NAME).with("task_definition", found.task_definition),
        ))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let Some(wanted) = &self.task_definition else { return Ok(None) };
        // A name without a revision may have meant an older one.
        let told = wanted.contains(':');
        let found = open(cx).await?.read(cx).await?;
        Ok(told.then(|| is_same(wanted, &found.task_definition)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let service = open(&cx).await?;
        let before = service.read(&cx).await.map_err(Error::unchanged)?.task_definition;
        let mut body =
            json!({ "cluster": service.cluster, "service": service.name, "forceNewDeployment": true });
        if let Some(definition) = &self.task_definition {
            body["taskDefinition"] = definition.clone().into();
        }
        let ask = Ask::json(aws::Service::ECS, "UpdateService", &body).changing_once();
        let answer = service.account.json(&cx, &self.plan(cx.resource()), &ask).await?;
        let mut found = Found::read(&answer["service"]);
        let (after, id) = (found.task_definition.clone(), found.primary().map(|new| new.id.clone()));
        if self.wait {
            found = service.wait(&cx, |now| is_over(now, &after, id.as_deref())).await?;
        }
        Ok(json!({ "before": before, "after": after, "deployment": id, "running": found.running }))
    }
}

/// Whether the deployment has come to its end, or why it has failed.
fn is_over(now: &Found, wanted: &str, id: Option<&str>) -> Result<bool, String> {
    if let Some(why) = now.failure() {
        return Err(why);
    }
    if now.task_definition != wanted {
        return Err(format!("ECS went back to {}", now.task_definition));
    }
    match (id, now.primary()) {
        (Some(id), Some(new)) if new.id != id => Err("another deployment took its place".to_owned()),
        _ => Ok(now.is_stable()),
    }
}

/// Whether both name the same revision: `wanted` may be the short name of `whole`.
fn is_same(wanted: &str, whole: &str) -> bool {
    wanted == whole || whole.rsplit_once('/').is_some_and(|(_, short)| short == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_the_same_revision() {
        let whole = "arn:aws:ecs:eu-central-1:1:task-definition/api:43";
        assert!(is_same("api:43", whole) && is_same(whole, whole));
        assert!(!is_same("api:4", whole) && !is_same("api", whole));
    }
}
