//! `restart`: all pods of a workload made anew.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Found, Way};
use super::object::field;
use super::revert::receipt;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Where a restart writes when it was, as `kubectl rollout restart` does.
const WHEN: &str = "kubectl.kubernetes.io/restartedAt";
/// Where a restart writes which call of which run it was, so that a doubt can be settled.
const WHOSE: &str = "playbook/restarted-by";

/// Makes all pods of a Deployment, a StatefulSet or a DaemonSet anew, by a rollout; `rollout_status` waits for it. There
/// is nothing to take back: the new pods are made of the same template. Gives `target`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    /// The workload, as "deployment/web"
    target: Target,
}

impl Restart {
    async fn found(&self, cluster: &Cluster) -> Result<Found> {
        let found = cluster.get(&self.target).await?;
        if !found.kind.rolls() {
            return Err(Error::usage(format!("a {} cannot be restarted", found.kind.spoken()))
                .fix("name a deployment, a statefulset or a daemonset"));
        }
        if found.object["spec"]["paused"] == true {
            return Err(Error::remote(format!("{} of `{}` is paused", self.target, cluster.named))
                .fix("let it go on with `resume` first")
                .unchanged());
        }
        Ok(found)
    }
}

impl Primitive for Restart {
    const NAME: &'static str = "restart";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").restart("deployment/web")"#;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("restart {}", self.target)
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        self.found(&cluster).await.map(|_| Inverse::Nothing)
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let found = self.found(&cluster).await?;
        Ok(Some(found.object["spec"]["template"]["metadata"]["annotations"][WHOSE] == cx.call_id()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let Found { kind, name, .. } = self.found(&cluster).await?;
        let annotations = json!({ WHEN: cx.now(), WHOSE: cx.call_id() });
        let body = field(&["spec", "template", "metadata", "annotations"], annotations);
        let done = change::carry_out(&cluster, &Change::patch(kind, &name, Way::Merge, body)).await?;
        Ok(receipt(done, json!({})))
    }
}
