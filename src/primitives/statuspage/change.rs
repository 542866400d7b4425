//! `update` and `resolve`: how an incident goes on, and its end.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::create::LENGTHS;
use super::incident::{Incident, Stage, receipt, states};
use super::page::{Page, text};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::notice::cut;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Adds to an incident. Taken back by giving it, and its components, the state that they had. Gives what `create` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// The incident's id: the `id` that `create` gives
    incident: Incident,
    /// What customers read now
    #[serde(default)]
    text: String,
    /// How far it is; as far as before when left out
    status: Option<Stage>,
    /// Names or ids of components and the state that each has now
    #[serde(default)]
    components: Map<String, Value>,
    /// Whether the run fails when the page refuses it
    #[serde(default)]
    must: bool,
}

impl Primitive for Update {
    const NAME: &'static str = "update";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"let incident = statuspage("public").create("Slow answers"); statuspage("public").update(incident.id, "A new release is on its way.", #{ status: "identified" })"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("update the incident {} of {}", self.incident.shown(), resource.name)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        before(cx, &self.incident, &self.components).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let Some(found) = self.incident.find(cx, &Page::of(cx).await?).await? else { return Ok(None) };
        let is_there =
            |status: Option<&Value>| self.status.is_none_or(|wanted| status == Some(&json!(wanted)));
        if self.text.is_empty() || !cx.is_settling() {
            return Ok(self.status.map(|_| is_there(found.get("status"))));
        }
        // What was said of it stands there with the state that was given with it.
        let Some(said) = found.get("incident_updates").and_then(Value::as_array) else { return Ok(None) };
        let words = cut(&self.text, LENGTHS.1);
        let is_ours = |one: &Value| text(one, "body") == words && is_there(one.get("status"));
        Ok(Some(said.iter().any(is_ours)))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let found = self.incident.find(cx, &Page::of(cx).await?).await?;
        Ok(found.map(|found| receipt(&found, true)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        change(&cx, &self.incident, self.status, &self.text, &self.components).await
    }
}

/// Ends an incident; one that is over stays as it is. Taken back by giving it, and its components, the state that they
/// had. Gives what `create` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolve {
    /// The incident's id: the `id` that `create` gives
    incident: Incident,
    /// What customers read at its end
    #[serde(default = "over")]
    text: String,
    /// Names or ids of components and the state that each has now
    #[serde(default)]
    components: Map<String, Value>,
    /// Whether the run fails when the page refuses it
    #[serde(default)]
    must: bool,
}

fn over() -> String {
    "This incident has been resolved.".to_owned()
}

impl Primitive for Resolve {
    const NAME: &'static str = "resolve";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"let incident = statuspage("public").create("Slow answers"); statuspage("public").resolve(incident.id, "All is well.")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("resolve the incident {} of {}", self.incident.shown(), resource.name)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        before(cx, &self.incident, &self.components).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let found = self.incident.find(cx, &Page::of(cx).await?).await?;
        // What is not open under a key of ours is over.
        Ok(Some(found.is_none_or(|found| found.get("status") == Some(&json!(Stage::Resolved)))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        change(&cx, &self.incident, Some(Stage::Resolved), &self.text, &self.components).await
    }
}

async fn before(cx: &Cx, incident: &Incident, components: &Map<String, Value>) -> Result<Inverse> {
    let page = Page::of(cx).await?;
    let Some(found) = incident.find(cx, &page).await? else { return Ok(Inverse::Nothing) };
    let (_, states) = states(cx, &page, components).await?;
    let call = Call::new(cx.resource().clone(), Update::NAME)
        .with("incident", text(&found, "id"))
        .with("status", text(&found, "status"))
        .with("text", "What was said last was taken back.")
        .with("components", states)
        .with("must", true);
    Ok(Inverse::Call(call))
}

async fn change(
    cx: &Cx,
    incident: &Incident,
    status: Option<Stage>,
    words: &str,
    components: &Map<String, Value>,
) -> Result<Value> {
    let page = Page::of(cx).await?;
    let (to, _) = states(cx, &page, components).await?;
    let Some(found) = incident.find(cx, &page).await? else {
        for (id, status) in &to {
            super::component::set(cx, &page, id, status).await?;
        }
        return Ok(json!({ "sent": true, "id": null, "changed": false }));
    };
    let is_over = found.get("status") == Some(&json!(Stage::Resolved));
    if is_over && status == Some(Stage::Resolved) && to.is_empty() {
        return Ok(receipt(&found, false));
    }
    let mut change = json!({ "body": cut(words, LENGTHS.1), "components": to });
    if let Some(status) = status {
        change["status"] = json!(status);
    }
    let ask =
        page.request(Method::PATCH, &["incidents", text(&found, "id")]).json(&json!({ "incident": change }));
    let reply = page.api.ask(cx, &ask, "change the incident").await?;
    Ok(receipt(&reply.json, true))
}
