//! `finish`: an annotation gets its end.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::annotation::numbered;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::endpoint::{Api, in_doubt};
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Gives an annotation its end, at this moment, so that it becomes a region. Taken back by the end that it had. Gives
/// `#{ id, from, to }`, in milliseconds since 1970.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    /// The annotation's number, as `annotate` gives it
    id: i64,
    /// Another time than now, in milliseconds since 1970
    to: Option<i64>,
}

impl Primitive for Finish {
    const NAME: &'static str = "finish";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"grafana("main").finish(17)"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("end the annotation {}", self.id)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let one = numbered(&Api::of(cx).await?, self.id).await?;
        let before = [&one["timeEnd"], &one["time"]].into_iter().filter_map(Value::as_i64).find(|at| *at > 0);
        Ok(before.map_or_else(
            || Inverse::none("Grafana does not tell when the annotation began"),
            |to| {
                Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("id", self.id).with("to", to))
            },
        ))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let told = cx.witnessed().and_then(|told| told["to"].as_i64());
        let Some(to) = self.to.or(told) else { return Ok(cx.is_settling().then_some(false)) };
        Ok(Some(numbered(&Api::of(cx).await?, self.id).await?["timeEnd"] == to))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        self.receipt(&Api::of(cx).await?).await.map(Some)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let api = Api::of(&cx).await?;
        let to = self.to.unwrap_or((cx.seconds() * 1e3) as i64);
        if self.to.is_none() {
            cx.witness(json!({ "to": to }))?;
        }
        let path = format!("/api/annotations/{}", self.id);
        api.send(Method::PATCH, &path, &Map::new(), Some(&json!({ "timeEnd": to })))
            .await
            .map_err(in_doubt)?;
        self.receipt(&api).await
    }
}

impl Finish {
    async fn receipt(&self, api: &Arc<Api>) -> Result<Value> {
        let one = numbered(api, self.id).await?;
        Ok(json!({ "id": self.id, "from": one["time"], "to": one["timeEnd"] }))
    }
}
