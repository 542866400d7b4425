//! `get` and `list`: objects as they are.

use kube::api::ListParams;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::cluster::{Cluster, Found};
use super::object;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Reads an object as a map, like its manifest with `status`. Of a Secret, the names of its values are given and not
/// the values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// The object, as "deployment/web"
    target: Target,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"kubernetes("prod").get("deployment/web").status"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read {}", self.target)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let Found { kind, object, .. } = Cluster::of(&cx).await?.get(&self.target).await?;
        Ok(object::shown(object, kind.is_secret()))
    }
}

/// Reads the objects of a kind as a list of maps. More than `most` are an error, so that no part is taken for all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// The kind, as "pods" or "deployments.apps"
    kind: String,
    /// Only objects with these labels, as "app=web,tier!=db"
    selector: Option<String>,
    /// Only objects with these fields, as "status.phase=Running"
    fields: Option<String>,
    /// How many there may be
    #[serde(default = "two_hundred")]
    most: u32,
}

const fn two_hundred() -> u32 {
    200
}

impl Primitive for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"kubernetes("prod").list("pods", #{ selector: "app=web" }).len()"#;

    fn plan(&self, _: &ResourceId) -> String {
        match &self.selector {
            Some(selector) => format!("read {} with {selector}", self.kind),
            None => format!("read {}", self.kind),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let kind = cluster.kind(&self.kind).await?;
        let wanted = ListParams {
            label_selector: self.selector,
            field_selector: self.fields,
            limit: Some(self.most.max(1)),
            ..ListParams::default()
        };
        let (objects, more) = cluster.list(&kind, &wanted).await?;
        if objects.is_empty()
            && kind.is_namespaced
            && let Some(error) = cluster.homeless().await
        {
            return Err(error);
        }
        if more {
            return Err(Error::usage(format!(
                "`{}` has more than {} {}",
                cluster.named, self.most, kind.plural
            ))
            .fix("ask for fewer with `selector` or `fields`, or allow more with `most`"));
        }
        // The server leaves these out of a list, and whoever takes one of it needs them.
        let whole = |object: Value| {
            let mut object = object::shown(object, kind.is_secret());
            object["kind"] = kind.name.clone().into();
            object["apiVersion"] = kind.api_version().into();
            object
        };
        Ok(objects.into_iter().map(whole).collect())
    }
}
