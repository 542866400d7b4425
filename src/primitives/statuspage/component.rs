//! `component`, `components` and `incidents`: the state of each part, and what is open.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::incident::Status;
use super::page::{Page, text};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Gives a component a state. Taken back by giving it the one that it had. Gives `sent`, `component`, `status` and
/// `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    /// Its name or id
    component: String,
    /// Its state
    status: Status,
    /// Whether the run fails when the page refuses it
    #[serde(default)]
    must: bool,
}

impl Primitive for Component {
    const NAME: &'static str = "component";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"statuspage("public").component("API", "under_maintenance")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let status = json!(self.status).as_str().unwrap_or_default().replace('_', " ");
        format!("show {} as {status} on {}", self.component, resource.name)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let found = Page::of(cx).await?.component(cx, &self.component).await?;
        if found.get("status") == Some(&json!(self.status)) {
            return Ok(Inverse::Nothing);
        }
        let call = Call::new(cx.resource().clone(), Self::NAME).with("component", text(&found, "id"));
        Ok(Inverse::Call(call.with("status", text(&found, "status")).with("must", true)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let found = Page::of(cx).await?.component(cx, &self.component).await?;
        Ok(Some(found.get("status") == Some(&json!(self.status))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let page = Page::of(&cx).await?;
        let found = page.component(&cx, &self.component).await?;
        let changed = found.get("status") != Some(&json!(self.status));
        if changed {
            set(&cx, &page, text(&found, "id"), &json!(self.status)).await?;
        }
        Ok(
            json!({ "sent": true, "component": text(&found, "name"), "status": self.status, "changed": changed }),
        )
    }
}

/// Gives the component of that id a state.
pub(super) async fn set(cx: &Cx, page: &Page, id: &str, status: &Value) -> Result<()> {
    let ask =
        page.request(Method::PATCH, &["components", id]).json(&json!({ "component": { "status": status } }));
    page.api.ask(cx, &ask, "change the component").await.map(drop)
}

/// Reads the state of each component: a map from name to state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Components {}

impl Primitive for Components {
    const NAME: &'static str = "components";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the API is shown as up", statuspage("public").components().API == "operational";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the components of {}", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let all = Page::of(&cx).await?.components(&cx).await?;
        let states = all.values().map(|one| (text(one, "name").to_owned(), text(one, "status").into()));
        Ok(Value::Object(states.collect::<Map<_, _>>()))
    }
}

/// Lists the open incidents: `#{ id, name, status, impact, since, url }` each, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Incidents {}

impl Primitive for Incidents {
    const NAME: &'static str = "incidents";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "no open incident", statuspage("public").incidents().len == 0;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the open incidents of {}", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let page = Page::of(&cx).await?;
        let reply = page.read(&cx, &["incidents", "unresolved"], "read its open incidents").await?;
        let told = reply.json.as_array().into_iter().flatten().map(|one| {
            json!({
                "id": one.get("id"), "name": one.get("name"), "status": one.get("status"), "impact": one.get("impact"),
                "since": one.get("created_at"), "url": one.get("shortlink"),
            })
        });
        Ok(told.collect())
    }
}
