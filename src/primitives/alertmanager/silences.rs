//! `silences`: what nobody is told of, and how one of them is found again.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::matchers;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::endpoint::Api;
use crate::effect::primitive::Primitive;

/// Reads the silences that are active, or will be: an array of `#{ id, state, labels, comment, author, starts_at, ends_at }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Silences {}

impl Primitive for Silences {
    const NAME: &'static str = "silences";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"alertmanager("main").silences().len()"#;

    fn plan(&self, _: &ResourceId) -> String {
        "read the silences".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let told = |one: &Value| {
            json!({
                "id": one["id"],
                "state": one["status"]["state"],
                "labels": matchers::read(&one["matchers"]),
                "comment": one["comment"],
                "author": one["createdBy"],
                "starts_at": one["startsAt"],
                "ends_at": one["endsAt"],
            })
        };
        Ok(living(&Api::of(&cx).await?).await?.iter().map(told).collect())
    }
}

/// The silences that are not over, as Alertmanager tells them.
pub(super) async fn living(api: &Arc<Api>) -> Result<Vec<Value>> {
    let all = api.get("/api/v2/silences", &Map::new()).await?;
    let all = all.as_array().cloned().unwrap_or_default();
    Ok(all.into_iter().filter(|one| one["status"]["state"] != "expired").collect())
}

/// Whether a silence has this mark in its comment.
pub(super) fn is_marked(silence: &Value, mark: &str) -> bool {
    silence["comment"].as_str().is_some_and(|comment| comment.contains(mark))
}
