//! `delete`: an object and what belongs to it, for good.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::silence::Wait;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Kind as Sort, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Deletes an object and all that belongs to it, and waits until the object is gone. Nothing takes it back: `apply` its
/// manifest again. An object that is not there is no error. Gives `target` and `deleted`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// The object, as "deployment/web"
    target: Target,
    /// Whether to wait until it is gone
    #[serde(default = "yes")]
    wait: bool,
}

/// The pause between two looks.
const EVERY: Duration = Duration::from_millis(200);

const fn yes() -> bool {
    true
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"kubernetes("prod").delete("job/migrate")"#;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("delete {} and what belongs to it", self.target)
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let kind = cluster.kind(&self.target.word).await?;
        Ok(match cluster.find(&kind, &self.target.name).await? {
            Some(_) => Inverse::none(format!(
                "{} and what belongs to it are gone; apply its manifest again",
                self.target
            )),
            None => Inverse::Nothing,
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let kind = cluster.kind(&self.target.word).await?;
        Ok(Some(match cluster.find(&kind, &self.target.name).await? {
            Some(object) => !object["metadata"]["deletionTimestamp"].is_null(),
            None => true,
        }))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let kind = cluster.kind(&self.target.word).await?;
        let is_deleted = cluster.delete(&kind, &self.target.name).await?;
        let mut wait = Wait::begin(&cx, &cluster, format!("the end of {}", self.target), Duration::MAX);
        if !self.wait || !is_deleted {
            return Ok(json!({ "target": self.target, "deleted": is_deleted }));
        }
        loop {
            match wait.ask(cluster.find(&kind, &self.target.name)).await {
                Ok(None) => return Ok(json!({ "target": self.target, "deleted": true })),
                Ok(Some(_)) => {}
                Err(error) if wait.may_look_again(&error) => {}
                Err(mut error) => {
                    // It was told to go.
                    error.kind = Sort::InDoubt;
                    return Err(error);
                }
            }
            cx.pause(EVERY).await?;
        }
    }
}
