//! `scale`: how many replicas of a workload there are.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Found, Way};
use super::object::{field, number};
use super::revert::receipt;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;

/// Sets how many replicas a Deployment, a StatefulSet or another scalable object has; `rollout_status` waits until they
/// run. Taken back by the number that it had. Gives `target`, `replicas`, `before`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    /// The workload, as "deployment/web"
    target: Target,
    /// How many replicas, 0 or more
    replicas: i64,
}

impl Scale {
    fn fit(&self) -> Result<()> {
        if (0..=i64::from(i32::MAX)).contains(&self.replicas) {
            return Ok(());
        }
        Err(Error::usage(format!("replicas is {}", self.replicas)).fix("give 0 or more").unchanged())
    }

    async fn change(&self, cluster: &Cluster) -> Result<(Change, i64)> {
        self.fit()?;
        let Found { kind, name, object } = cluster.get(&self.target).await?;
        if object["spec"]["replicas"].is_null() {
            return Err(Error::usage(format!("{} of `{}` has no replicas", self.target, cluster.named))
                .fix("name a deployment, a statefulset or a replicaset"));
        }
        let body = field(&["spec", "replicas"], self.replicas);
        Ok((Change::patch(kind, &name, Way::Merge, body), number(&object, "/spec/replicas")))
    }
}

impl Primitive for Scale {
    const NAME: &'static str = "scale";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").scale("deployment/web", 5)"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("scale {} to {}", self.target, self.replicas)
    }

    fn forbidden(&self, _: &Resource, _: &str) -> Option<Error> {
        self.fit().err()
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let (change, _) = self.change(&cluster).await?;
        change::inverse(cx, &cluster, &[change]).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let (_, replicas) = self.change(&cluster).await?;
        Ok(Some(replicas == self.replicas))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (change, before) = self.change(&cluster).await?;
        let done = change::carry_out(&cluster, &change).await?;
        Ok(receipt(done, json!({ "replicas": self.replicas, "before": before })))
    }
}
