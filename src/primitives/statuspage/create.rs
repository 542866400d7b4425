//! `create`: a new incident.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::change::Resolve;
use super::incident::{Impact, Stage, key, open, receipt, states};
use super::page::Page;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::text::headline;
use crate::effect::cx::Cx;
use crate::effect::notice::cut;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// The longest name and the longest text of an incident, in characters.
pub(super) const LENGTHS: (usize, usize) = (255, 25_000);

/// Creates an incident. Taken back by resolving it, its components as they were. Gives `sent`, `id`, `status`, `impact`
/// and `url`; `update` and `resolve` take that `id`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// Its headline
    name: String,
    /// What customers read below it
    #[serde(default)]
    text: String,
    /// How far it is
    #[serde(default)]
    status: Stage,
    /// How bad it is; what the components' states say when left out
    impact: Option<Impact>,
    /// Names or ids of components and the state that each has now: `#{ API: "partial_outage" }`
    #[serde(default)]
    components: Map<String, Value>,
    /// Whether subscribers are written to
    #[serde(default = "yes")]
    notify: bool,
    /// Whether the run fails when the page refuses it
    #[serde(default)]
    must: bool,
}

const fn yes() -> bool {
    true
}

impl Primitive for Create {
    const NAME: &'static str = "create";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"statuspage("public").create("Slow answers", #{ components: #{ API: "degraded_performance" } })"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("create an incident on {}: {}", resource.name, headline(&self.name, 100))
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let page = Page::of(cx).await?;
        let (_, before) = states(cx, &page, &self.components).await?;
        let call = Call::new(cx.resource().clone(), Resolve::NAME).with("incident", key(cx, &self.name));
        Ok(Inverse::Call(call.with("components", before).with("must", true)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(open(cx, &Page::of(cx).await?, &key(cx, &self.name)).await?.is_some()))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let found = open(cx, &Page::of(cx).await?, &key(cx, &self.name)).await?;
        Ok(found.map(|found| receipt(&found, true)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let page = Page::of(&cx).await?;
        let (components, _) = states(&cx, &page, &self.components).await?;
        let mut incident = json!({
            "name": cut(&self.name, LENGTHS.0),
            "body": cut(&self.text, LENGTHS.1),
            "status": self.status,
            "component_ids": components.keys().collect::<Vec<_>>(),
            "components": components,
            "deliver_notifications": self.notify,
            "metadata": { "playbook": { "key": key(&cx, &self.name), "run": cx.run() } },
        });
        if let Some(impact) = self.impact {
            incident["impact_override"] = json!(impact);
        }
        let ask = page.request(Method::POST, &["incidents"]).json(&json!({ "incident": incident }));
        let reply = page.api.ask(&cx, &ask, "create the incident").await?;
        Ok(receipt(&reply.json, true))
    }
}
