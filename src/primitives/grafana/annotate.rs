//! `annotate`, `unannotate`: a line in the dashboards that says what happened, and its removal.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::annotation::{is_gone, numbered, tagged};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::{headline, hexadecimal};
use crate::effect::cx::Cx;
use crate::effect::endpoint::{Api, in_doubt};
use crate::effect::primitive::Primitive;
use crate::effect::witness::VALUE;
use crate::sys::http::Method;

/// Writes an annotation at this moment; `finish` gives it an end, which makes it a region. One of its tags is a mark of the run: the
/// same annotation asked for twice in a run is one, and it is found again when it is taken back, which removes it. Gives
/// `#{ id, created }`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotate {
    /// What it says; may hold HTML
    text: String,
    /// The tags by which dashboards choose what they show
    #[serde(default = "deployment")]
    tags: Vec<String>,
    /// The uid of the only dashboard to show it in
    dashboard: Option<String>,
    /// The number of the only panel of that dashboard
    panel: Option<i64>,
    /// Another time than now, in milliseconds since 1970
    from: Option<i64>,
    /// Its end, in milliseconds since 1970
    to: Option<i64>,
}

fn deployment() -> Vec<String> {
    vec!["deployment".to_owned()]
}

impl Annotate {
    /// The tag that no other annotation has.
    fn mark(&self, cx: &Cx) -> String {
        let what = json!([self.text, self.tags, self.dashboard, self.panel, self.from, self.to]).to_string();
        format!("playbook:{}/{}", cx.run(), &hexadecimal(&Sha256::digest(what.as_bytes()))[..8])
    }

    fn body(&self, cx: &Cx) -> Value {
        let now = (cx.seconds() * 1e3) as i64;
        let mut tags = self.tags.clone();
        tags.push(self.mark(cx));
        let mut body = json!({ "text": self.text, "tags": tags, "time": self.from.unwrap_or(now) });
        for (name, value) in [
            ("dashboardUID", json!(self.dashboard)),
            ("panelId", json!(self.panel)),
            ("timeEnd", json!(self.to)),
        ] {
            if !value.is_null() {
                body[name] = value;
            }
        }
        body
    }
}

impl Primitive for Annotate {
    const NAME: &'static str = "annotate";
    const EFFECT: Effect = Effect::Write;
    const ADDS: bool = true;
    const EXAMPLE: &'static str =
        r#"let mark = grafana("main").annotate("API v2", #{ tags: ["deployment", "api"] });"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("annotate the dashboards: {}", headline(&self.text, 120))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let mark = self.mark(cx);
        if !tagged(&Api::of(cx).await?, &mark).await?.is_empty() {
            return Ok(Inverse::Nothing);
        }
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Unannotate::NAME).with("mark", mark)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(!tagged(&Api::of(cx).await?, &self.mark(cx)).await?.is_empty()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let api = Api::of(&cx).await?;
        if let Some(one) = tagged(&api, &self.mark(&cx)).await?.first() {
            return Ok(json!({ "id": one["id"], "created": false }));
        }
        let made = api.send(Method::POST, "/api/annotations", &Map::new(), Some(&self.body(&cx))).await;
        Ok(json!({ "id": made.map_err(in_doubt)?["id"], "created": true }))
    }
}

/// Removes an annotation, by its `id`, or those with a `mark`, of which there may be none any more. Taken back by one that is like
/// it. Gives `#{ removed }`, how many there were.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unannotate {
    /// The annotation's number, as `annotate` gives it
    id: Option<i64>,
    /// The tag that `annotate` marked it with
    mark: Option<String>,
}

impl Unannotate {
    async fn meant(&self, cx: &Cx) -> Result<Vec<Value>> {
        let api = Api::of(cx).await?;
        match (self.id, &self.mark) {
            (Some(id), None) => Ok(vec![numbered(&api, id).await?]),
            (None, Some(mark)) if !mark.trim().is_empty() => tagged(&api, mark).await,
            _ => Err(Error::usage("an annotation is removed by its `id` or by its `mark`")
                .fix("give one of the two: `unannotate(receipt.id)`")),
        }
    }
}

impl Primitive for Unannotate {
    const NAME: &'static str = "unannotate";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"grafana("main").unannotate(17)"#;

    fn plan(&self, _: &ResourceId) -> String {
        match (self.id, &self.mark) {
            (Some(id), _) => format!("remove the annotation {id}"),
            (_, mark) => format!("remove the annotation {}", mark.as_deref().unwrap_or("?")),
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let meant = self.meant(cx).await?;
        let [one] = meant.as_slice() else {
            return Ok(if meant.is_empty() {
                Inverse::Nothing
            } else {
                Inverse::none("it removes several annotations")
            });
        };
        let mut call = Call::new(cx.resource().clone(), Annotate::NAME)
            .with("text", one["text"].clone())
            .with("tags", one["tags"].clone())
            .with("from", one["time"].clone());
        let optional = [("dashboard", "dashboardUID"), ("panel", "panelId"), ("to", "timeEnd")];
        for (name, field) in optional {
            // Grafana writes 0 and "" for nothing, and the beginning as the end of what is no region.
            let is_nothing =
                one[field].is_null() || one[field] == 0 || one[field] == "" || one[field] == one["time"];
            if !is_nothing {
                call = call.with(name, one[field].clone());
            }
        }
        Ok(Inverse::Call(call))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        match self.meant(cx).await {
            Ok(meant) => Ok(Some(meant.is_empty())),
            Err(error) if is_gone(&error) => Ok(Some(true)),
            Err(error) => Err(error),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let meant = self.meant(&cx).await?;
        let api = Api::of(&cx).await?;
        cx.witness(json!({ VALUE: { "removed": meant.len() } }))?;
        for one in &meant {
            let path = format!("/api/annotations/{}", one["id"]);
            api.send(Method::DELETE, &path, &Map::new(), None).await.map_err(in_doubt)?;
        }
        Ok(json!({ "removed": meant.len() }))
    }
}
