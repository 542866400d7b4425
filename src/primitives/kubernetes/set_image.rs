//! `set_image`: another image for one container of a workload.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Found, Way};
use super::object::{list, name, text};
use super::revert::receipt;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Gives a container of a Deployment, a StatefulSet or a DaemonSet another image, which begins a rollout;
/// `rollout_status` waits for it. Taken back by the image that it had, and by waiting until that has rolled out. Gives
/// `target`, `container`, `image`, `before`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetImage {
    /// The workload, as "deployment/web"
    target: Target,
    /// The new image, as "registry.example.com/web:v2"
    image: String,
    /// The container; it may be left out where there is only one
    container: Option<String>,
}

impl SetImage {
    /// The change, the container, and the image that it has.
    async fn change(&self, cluster: &Cluster) -> Result<(Change, String, String)> {
        let Found { kind, object, .. } = cluster.get(&self.target).await?;
        let of = format!("{} of `{}`", self.target, cluster.named);
        if self.image.trim().is_empty() || self.image.contains(char::is_whitespace) {
            return Err(Error::usage(format!("`{}` is no image", self.image)));
        }
        let containers = list(&object, "/spec/template/spec/containers");
        let names: Vec<&str> = containers.iter().map(|container| text(container, "/name")).collect();
        let container = match (&self.container, names.as_slice()) {
            (Some(container), names) if names.contains(&container.as_str()) => container.clone(),
            (Some(container), names) => {
                return Err(Error::usage(format!("{of} has no container `{container}`"))
                    .fix(suggest::advice(container, names.iter().copied())));
            }
            (None, [only]) => (*only).to_owned(),
            (None, []) => {
                return Err(Error::usage(format!("{of} has no containers"))
                    .fix("name a deployment, a statefulset or a daemonset"));
            }
            (None, names) => {
                return Err(Error::usage(format!("{of} has {} containers", names.len())).fix(format!(
                    "name one: `#{{ container: \"…\" }}` (it has {})",
                    suggest::list(names.iter().copied())
                )));
            }
        };
        let before = containers
            .iter()
            .find(|one| text(one, "/name") == container)
            .map(|one| text(one, "/image").to_owned());
        let body = json!({ "spec": { "template": { "spec": { "containers": [{ "name": container, "image": self.image }] } } } });
        let change = Change::patch(kind, name(&object), Way::Strategic, body);
        Ok((change, container, before.unwrap_or_default()))
    }
}

impl Primitive for SetImage {
    const NAME: &'static str = "set_image";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").set_image("deployment/web", "registry.example.com/web:v2")"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let of = self.container.as_ref().map(|container| format!("`{container}` of ")).unwrap_or_default();
        format!("set the image of {of}{} to {}", self.target, self.image)
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let (change, ..) = self.change(&cluster).await?;
        change::inverse(cx, &cluster, &[change]).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let (_, _, image) = self.change(&cluster).await?;
        Ok(Some(image == self.image))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (change, container, before) = self.change(&cluster).await?;
        let done = change::carry_out(&cluster, &change).await?;
        Ok(receipt(done, json!({ "container": container, "image": self.image, "before": before })))
    }
}
