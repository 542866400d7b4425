//! `pause` and `resume`: whether changes of a Deployment are rolled out.

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

/// Pauses a Deployment: its changes are not rolled out until `resume`. Taken back if it was not paused before. Gives
/// `target`, `paused`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    /// The workload, as "deployment/web"
    target: Target,
}

/// Lets a paused Deployment roll out its changes. Taken back if it was paused before. Gives `target`, `paused`,
/// `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// The workload, as "deployment/web"
    target: Target,
}

/// The change, and whether it is paused now.
async fn change(cluster: &Cluster, target: &Target, paused: bool) -> Result<(Change, bool)> {
    let Found { kind, name, object } = cluster.get(target).await?;
    if kind.plural != "deployments" {
        return Err(Error::usage(format!("a {} cannot be paused", kind.spoken())).fix("name a deployment"));
    }
    let body = field(&["spec", "paused"], paused);
    Ok((Change::patch(kind, &name, Way::Merge, body), object["spec"]["paused"] == true))
}

async fn inverse(cx: &Cx, target: &Target, paused: bool) -> Result<Inverse> {
    let cluster = Cluster::of(cx).await?;
    let (change, _) = change(&cluster, target, paused).await?;
    change::inverse(cx, &cluster, &[change]).await
}

async fn probe(cx: &Cx, target: &Target, paused: bool) -> Result<Option<bool>> {
    let cluster = Cluster::of(cx).await?;
    let (_, is_paused) = change(&cluster, target, paused).await?;
    Ok(Some(is_paused == paused))
}

async fn run(cx: &Cx, target: &Target, paused: bool) -> Result<Value> {
    let cluster = Cluster::of(cx).await?;
    let (change, _) = change(&cluster, target, paused).await?;
    let done = change::carry_out(&cluster, &change).await?;
    Ok(receipt(done, json!({ "paused": paused })))
}

impl Primitive for Pause {
    const NAME: &'static str = "pause";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").pause("deployment/web")"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("pause {}", self.target)
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        inverse(cx, &self.target, true).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        probe(cx, &self.target, true).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        run(&cx, &self.target, true).await
    }
}

impl Primitive for Resume {
    const NAME: &'static str = "resume";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").resume("deployment/web")"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("resume {}", self.target)
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        inverse(cx, &self.target, false).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        probe(cx, &self.target, false).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        run(&cx, &self.target, false).await
    }
}
