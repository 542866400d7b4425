//! `apply`: what a manifest says is to be so, by server-side apply.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::change::{self, Change};
use super::cluster::Cluster;
use super::manifest;
use super::object::condition;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::notice::shown;
use crate::effect::primitive::Primitive;

/// How long a definition may take until its objects can be made.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// Applies a manifest of one or more objects by server-side apply: its fields are then so, and owned by the resource's
/// `field_manager`; fields that it does not name stay. A plan shows the difference, as the server itself says it would
/// be. Taken back by restoring the fields that changed and deleting the objects that were made; then it waits for the
/// rollouts that this begins. What a Secret held is not kept, so it cannot be put back. Gives a list of `target`,
/// `result` ("created", "changed", "unchanged") and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    /// A file of the project, a folder of them, or the YAML or JSON itself
    manifest: String,
    /// Whether fields that another manager owns are taken over
    #[serde(default)]
    force: bool,
    /// What stands in place of `{NAME}` in the manifest: `#{ release: "v2", replicas: 3 }`; where any is given, a place
    /// without one is an error
    #[serde(default)]
    values: Map<String, Value>,
}

impl Apply {
    async fn changes(&self, cx: &Cx, cluster: &Cluster) -> Result<Vec<Change>> {
        manifest::read(cx, &self.manifest, &self.values)?.changes(cx.resource(), cluster, self.force).await
    }
}

impl Primitive for Apply {
    const NAME: &'static str = "apply";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").apply("k8s/web.yaml")"#;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const IDEMPOTENT: bool = true;

    fn content(&self) -> Vec<&str> {
        vec![&self.manifest]
    }

    fn plan(&self, _: &ResourceId) -> String {
        let by_force = if self.force { ", by force" } else { "" };
        let with: String =
            self.values.iter().map(|(name, value)| format!(", {name} {}", shown(value))).collect();
        format!("apply {}{with}{by_force}", manifest::spoken(&self.manifest))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let changes = self.changes(cx, &cluster).await?;
        change::inverse(cx, &cluster, &changes).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let changes = self.changes(cx, &cluster).await?;
        change::probe(&cluster, &changes).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let changes = self.changes(&cx, &cluster).await.map_err(Error::unchanged)?;
        let mut receipts = Vec::new();
        for change in &changes {
            let receipt = change::carry_out(&cluster, change).await.map_err(|mut error| {
                // The first one that is refused leaves all as it was; a later one does not.
                error.unchanged &= receipts.is_empty();
                error
            })?;
            receipts.push(receipt);
            if change.kind.plural == "customresourcedefinitions" {
                establish(&cx, &cluster, change).await?;
            }
        }
        Ok(Value::Array(receipts))
    }
}

/// Waits until objects of a new definition can be made.
async fn establish(cx: &Cx, cluster: &Cluster, definition: &Change) -> Result<()> {
    let began = cx.instant();
    loop {
        let object = cluster.read(&definition.kind, &definition.name).await?;
        match condition(&object, "Established") {
            Some(("True", ..)) => break,
            Some((_, reason, message)) if began.elapsed() > ESTABLISHED => {
                return Err(Error::remote(format!("{} is not established", definition.spoken()))
                    .why(format!("{reason}: {message}")));
            }
            _ if began.elapsed() > ESTABLISHED => {
                return Err(Error::remote(format!("{} is not established", definition.spoken())));
            }
            _ => cx.pause(Duration::from_millis(100)).await?,
        }
    }
    cluster.forget_kinds();
    Ok(())
}
