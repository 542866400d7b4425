//! A service of ECS: how it is, new deployments of it, and the way back to the task definition before.

mod deploy;
mod service;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::service::open;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "ecs",
    about: "A service of ECS: how it is, a new deployment of it that is waited for, and the way back to the task \
            definition that it had before.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Status>(), entry::<WaitStable>(), entry::<deploy::Deploy>()],
    store: None,
    sql: None,
    hosts: None,
};

/// How long tasks may take to come and go.
const LONG: Duration = Duration::from_secs(1200);

/// A service of ECS.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
    /// The cluster, by its name or its whole name (ARN)
    cluster: String,
    /// The service's name
    service: String,
}

/// Reads how the service is: `desired`, `running` and `pending` tasks; `stable`, whether one deployment is all there is
/// and all its tasks run; `task_definition`; `rollout`, the state of the newest deployment; `deployments`, how many
/// there are; `events`, its newest words.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "all tasks run", ecs("api").status().stable;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how {resource} is")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(open(&cx).await?.read(&cx).await?.value())
    }
}

/// Waits until one deployment is all there is and all its tasks run. A deployment that ECS has given up is an error.
/// Gives the same as `status`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaitStable {}

impl Primitive for WaitStable {
    const NAME: &'static str = "wait_stable";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ecs("api").wait_stable(#{ timeout: "10m" });"#;
    const TIMEOUT: Duration = LONG;
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {resource} is stable")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let service = open(&cx).await?;
        let found = service.wait(&cx, |found| found.failure().map_or(Ok(found.is_stable()), Err)).await?;
        Ok(found.value())
    }
}

impl service::Found {
    /// What a script gets.
    fn value(&self) -> Value {
        json!({
            "desired": self.desired,
            "running": self.running,
            "pending": self.pending,
            "stable": self.is_stable(),
            "task_definition": self.task_definition,
            "rollout": self.primary().map_or("", |deployment| &deployment.rollout),
            "deployments": self.deployments.len(),
            "events": self.events,
        })
    }
}
