//! `unsilence`: a silence ends now.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::matchers;
use super::silence::Silence;
use super::silences::{is_marked, living};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::endpoint::{Api, in_doubt};
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Ends a silence, by its `id`, or those whose comment has a `mark`, of which there may be none any more. Taken back by a silence
/// of the same labels, end and comment. Gives `#{ ended }`, how many there were.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unsilence {
    /// The silence's id, as `silence` and `silences` give it
    id: Option<String>,
    /// What its comment contains: the mark that `silence` left there
    mark: Option<String>,
}

impl Unsilence {
    /// The silences that are meant and not over.
    async fn meant(&self, cx: &Cx) -> Result<Vec<Value>> {
        let all = living(&Api::of(cx).await?).await?;
        match (&self.id, &self.mark) {
            (Some(id), None) => {
                let one: Vec<Value> = all.into_iter().filter(|one| one["id"] == json!(id)).collect();
                if one.is_empty() {
                    return Err(Error::missing(format!(
                        "`{}` has no silence `{id}` that is not over",
                        cx.resource()
                    ))
                    .fix("call `silences` for those that there are")
                    .unchanged());
                }
                Ok(one)
            }
            (None, Some(mark)) if !mark.trim().is_empty() => {
                Ok(all.into_iter().filter(|one| is_marked(one, mark)).collect())
            }
            _ => Err(Error::usage("a silence is ended by its `id` or by its `mark`")
                .fix("give one of the two: `unsilence(receipt.id)`")),
        }
    }
}

impl Primitive for Unsilence {
    const NAME: &'static str = "unsilence";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"alertmanager("main").unsilence("e10156c5-e899-4094-b034-5afadfacafe4")"#;

    fn plan(&self, _: &ResourceId) -> String {
        match (&self.id, &self.mark) {
            (Some(id), _) => format!("end the silence {id}"),
            (_, mark) => format!("end the silence {}", mark.as_deref().unwrap_or("?")),
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let meant = self.meant(cx).await?;
        let [one] = meant.as_slice() else {
            return Ok(if meant.is_empty() {
                Inverse::Nothing
            } else {
                Inverse::none("it ends several silences")
            });
        };
        let Some(labels) = matchers::read(&one["matchers"]) else {
            return Ok(Inverse::none("the silence names a label twice"));
        };
        let call = Call::new(cx.resource().clone(), Silence::NAME)
            .with("labels", labels)
            .with("ends_at", one["endsAt"].clone())
            .with("comment", one["comment"].clone())
            .with("author", one["createdBy"].clone());
        Ok(Inverse::Call(call))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        match self.meant(cx).await {
            Ok(meant) => Ok(Some(meant.is_empty())),
            Err(error) if error.kind == crate::base::error::Kind::Missing => Ok(Some(true)),
            Err(error) => Err(error),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let meant = self.meant(&cx).await?;
        let api = Api::of(&cx).await?;
        for one in &meant {
            let id = one["id"].as_str().unwrap_or_default();
            api.send(Method::DELETE, &format!("/api/v2/silence/{id}"), &Map::new(), None)
                .await
                .map_err(in_doubt)?;
        }
        Ok(json!({ "ended": meant.len() }))
    }
}
