//! `silence`: nobody is told of some alerts for a while, and the silence is found again by a mark in its comment.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::matchers;
use super::silences::{is_marked, living};
use super::unsilence::Unsilence;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::{hexadecimal, parse_duration};
use crate::effect::cx::Cx;
use crate::effect::endpoint::{Api, in_doubt};
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Silences the alerts that have all of these labels. Its comment carries a mark of the run: the same silence asked for twice in
/// a run is one, and it is found again when it is taken back, which ends it. Gives `#{ id, ends_at, created }`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Silence {
    /// The labels with their values: `#{ alertname: "HighErrorRate" }`; a value may begin with `=~`, `!=` or `!~`
    labels: Map<String, Value>,
    /// How long it lasts: "30m"
    #[serde(rename = "for", default = "one_hour")]
    lasts: Period,
    /// When it ends, in place of `for`: "2026-03-01T12:00:00Z"
    ends_at: Option<String>,
    /// Why, for those who look
    #[serde(default = "deployment")]
    comment: String,
    /// Who
    #[serde(default = "playbook")]
    author: String,
}

const fn one_hour() -> Period {
    Period::of("1h")
}

fn deployment() -> String {
    "a deployment".to_owned()
}

fn playbook() -> String {
    "playbook".to_owned()
}

impl Silence {
    /// What the comment says besides: the same for the same silence of the same run, and for no other.
    fn mark(&self, cx: &Cx) -> String {
        let what = json!([self.labels, self.lasts, self.ends_at, self.comment, self.author]).to_string();
        format!("[playbook {}/{}]", cx.run(), &hexadecimal(&Sha256::digest(what.as_bytes()))[..8])
    }

    /// The request's body.
    fn body(&self, cx: &Cx) -> Result<Value> {
        let until = match &self.ends_at {
            Some(until) => until.clone(),
            None => cx.after(parse_duration(&self.lasts)?),
        };
        Ok(json!({
            "matchers": matchers::write(&self.labels)?,
            "startsAt": cx.now(),
            "endsAt": until,
            "createdBy": self.author,
            "comment": format!("{} {}", self.comment, self.mark(cx)),
        }))
    }
}

impl Primitive for Silence {
    const NAME: &'static str = "silence";
    const EFFECT: Effect = Effect::Write;
    const ADDS: bool = true;
    const EXAMPLE: &'static str = r#"alertmanager("main").silence(#{ alertname: "HighErrorRate" }, #{ for: "30m", comment: "the canary" })"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let until =
            self.ends_at.as_ref().map_or_else(|| format!("for {}", self.lasts), |at| format!("until {at}"));
        format!("silence {} {until}", matchers::told(&self.labels))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.body(cx)?;
        let mark = self.mark(cx);
        if living(&Api::of(cx).await?).await?.iter().any(|one| is_marked(one, &mark)) {
            return Ok(Inverse::Nothing);
        }
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Unsilence::NAME).with("mark", mark)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let mark = self.mark(cx);
        Ok(Some(living(&Api::of(cx).await?).await?.iter().any(|one| is_marked(one, &mark))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let api = Api::of(&cx).await?;
        let mark = self.mark(&cx);
        if let Some(one) = living(&api).await?.iter().find(|one| is_marked(one, &mark)) {
            return Ok(json!({ "id": one["id"], "ends_at": one["endsAt"], "created": false }));
        }
        let body = self.body(&cx)?;
        api.send(Method::POST, "/api/v2/silences", &Map::new(), Some(&body)).await.map_err(in_doubt)?;
        let all = living(&api).await?;
        let made = all.iter().find(|one| is_marked(one, &mark)).ok_or_else(|| {
            Error::remote(format!("`{}` took the silence and does not have it", cx.resource()))
                .fix("look whether `ends_at` lies in the past")
        })?;
        Ok(json!({ "id": made["id"], "ends_at": made["endsAt"], "created": true }))
    }
}
