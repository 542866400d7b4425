//! `patch`: some fields of any object, custom resources too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Way};
use super::revert::receipt;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How a patch treats lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Means {
    /// A list is replaced whole; the only way for custom resources
    #[default]
    Merge,
    /// Lists of named things are merged by name
    Strategic,
}

/// Changes some fields of an object and leaves the others: the weights of a Gateway's or a mesh's route, a ConfigMap, an
/// annotation. `()` removes a field. A plan shows the difference, as the server itself says it would be. Taken back by
/// restoring the fields that changed. Gives `target`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// The object, as "httproute/web" or "virtualservice.networking.istio.io/web"
    target: Target,
    /// The fields, as a map like the object's manifest
    fields: Map<String, Value>,
    /// Whether a list is replaced ("merge") or merged by the names in it ("strategic", not for custom resources)
    #[serde(default)]
    means: Means,
}

impl Patch {
    async fn change(&self, cluster: &Cluster) -> Result<Change> {
        let kind = cluster.kind(&self.target.word).await?;
        // A merge patch is taken for an object that does not exist, and then fails in odd words.
        cluster.read(&kind, &self.target.name).await?;
        if self.fields.is_empty() {
            return Err(Error::usage("the patch has no fields")
                .fix("give for example `#{ fields: #{ spec: #{ replicas: 3 } } }`"));
        }
        let way = match self.means {
            Means::Merge => Way::Merge,
            Means::Strategic => Way::Strategic,
        };
        Ok(Change::patch(kind, &self.target.name, way, Value::Object(self.fields.clone())))
    }
}

impl Primitive for Patch {
    const NAME: &'static str = "patch";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").patch("configmap/flags", #{ fields: #{ data: #{ mode: "off" } } })"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let is_secret = matches!(self.target.word.as_str(), "secret" | "secrets" | "Secret");
        let fields =
            if is_secret { "values".to_owned() } else { Value::Object(self.fields.clone()).to_string() };
        format!("patch {} with {}", self.target, text::headline(&fields, 120))
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let change = self.change(&cluster).await?;
        change::inverse(cx, &cluster, &[change]).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let change = self.change(&cluster).await?;
        change::probe(&cluster, &[change]).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let change = self.change(&cluster).await?;
        let done = change::carry_out(&cluster, &change).await?;
        Ok(receipt(done, json!({})))
    }
}
