//! `revert`: puts objects back as they were found, field by field; what was made is removed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Way};
use super::object;
use super::rollout;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// What leads one object back.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    /// The object
    pub(super) target: String,
    /// The JSON merge patch that restores the fields that were changed; without it, the object is deleted
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) patch: Option<Value>,
    /// Whether it had rolled out well before, so that putting it back ends when it has again
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) waits: bool,
    /// Why it cannot be put back, when it cannot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lost: Option<String>,
}

/// Puts objects back, the last one first: restores the fields that a change set, and deletes what it made. Fields that
/// others changed meanwhile stay. It then waits until workloads whose pods are made anew have rolled out. This is what
/// takes the other verbs back; there is little reason to call it by hand. Gives a list of `target` and `result`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revert {
    /// What leads each object back, in the order in which they were changed
    objects: Vec<Back>,
    /// How long the rollouts may take together
    #[serde(default = "rollout::ten_minutes")]
    within: Period,
}

impl Primitive for Revert {
    const NAME: &'static str = "revert";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").revert([#{ target: "deployments.v1.apps/web", patch: #{ spec: #{ replicas: 3 } } }])"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let part = |back: &Back| match back.patch {
            Some(_) => format!("put {} back", spoken(&back.target)),
            None => format!("delete {}, which was made", spoken(&back.target)),
        };
        self.objects.iter().rev().filter(|back| back.lost.is_none()).map(part).collect::<Vec<_>>().join(", ")
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let mut changes = Vec::new();
        for back in &self.objects {
            match &back.patch {
                Some(patch) => changes.push(restoring(&cluster, back, patch).await?),
                None => {
                    return Ok(Inverse::none(
                        "it is the way back itself; what it deletes can be applied again",
                    ));
                }
            }
        }
        change::inverse(cx, &cluster, &changes).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        for back in self.objects.iter().filter(|back| back.lost.is_none()) {
            let is_done = match &back.patch {
                Some(patch) => change::probe(&cluster, &[restoring(&cluster, back, patch).await?]).await?,
                None => {
                    let target: Target = back.target.parse()?;
                    let kind = cluster.kind(&target.word).await?;
                    Some(cluster.find(&kind, &target.name).await?.is_none())
                }
            };
            if is_done != Some(true) {
                return Ok(is_done);
            }
        }
        Ok(Some(true))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let within = text::parse_duration(&self.within)?;
        let mut receipts = Vec::new();
        let mut rolling: Vec<Target> = Vec::new();
        for back in self.objects.iter().rev().filter(|back| back.lost.is_none()) {
            let target: Target = back.target.parse()?;
            let Some(patch) = &back.patch else {
                let kind = cluster.kind(&target.word).await?;
                let is_deleted = cluster.delete(&kind, &target.name).await?;
                let result = if is_deleted { "deleted" } else { "gone already" };
                receipts.push(json!({ "target": spoken(&back.target), "result": result }));
                continue;
            };
            let change = restoring(&cluster, back, patch).await?;
            receipts.push(change::carry_out(&cluster, &change).await?);
            if back.waits {
                rolling.push(target);
            }
        }
        for target in rolling {
            rollout::wait(&cx, &cluster, &target, &rollout::Patience { within, failing: within }).await?;
        }
        let lost: Vec<&str> = self.objects.iter().filter_map(|back| back.lost.as_deref()).collect();
        if lost.is_empty() {
            return Ok(Value::Array(receipts));
        }
        Err(Error::remote(format!(
            "`{}` is not as it was: {} could not be put back",
            cluster.named,
            lost.len()
        ))
        .why(lost.join("\n"))
        .fix("apply the manifests that were in force before"))
    }
}

async fn restoring(cluster: &Cluster, back: &Back, patch: &Value) -> Result<Change> {
    let target: Target = back.target.parse()?;
    let kind = cluster.kind(&target.word).await?;
    Ok(Change::patch(kind, &target.name, Way::Merge, patch.clone()))
}

/// A target as people say it: `deployments/web` of `deployments.v1.apps/web`.
fn spoken(target: &str) -> String {
    match target.split_once('/') {
        Some((word, name)) => format!("{}/{name}", word.split('.').next().unwrap_or(word)),
        None => target.to_owned(),
    }
}

/// A single receipt of one change, as verbs on one object give it.
pub(super) fn receipt(mut receipt: Value, more: Value) -> Value {
    receipt["changed"] = (object::text(&receipt, "/result") != "unchanged").into();
    if let (Some(all), Value::Object(more)) = (receipt.as_object_mut(), more) {
        all.remove("result");
        all.extend(more);
    }
    receipt
}
