//! `weights`, `set_weights`, `restore`: how much of an upstream's traffic each of its servers gets.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::Control;
use super::upstream;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::traffic::{self, Weights};

/// More is a mistake.
const LARGEST: u32 = 65_535;
/// Long enough for a test, a reload, and workers that start slowly.
const LONG: Duration = Duration::from_secs(60);

/// Reads the weights of an upstream's servers from its file: a map from name to weight, 0 for one that gets nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadWeights {
    /// The upstream
    upstream: String,
}

impl Primitive for ReadWeights {
    const NAME: &'static str = "weights";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"nginx("edge").weights("app")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the weights of `{}`", self.upstream)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(json!(Control::take(&cx, &self.upstream).await?.weights()?))
    }
}

/// Gives servers of an upstream their weights, in proportion to one another; the servers that are not named keep theirs. The
/// file is written, tested with `nginx -t`, and read by nginx, whose workers are seen to be new ones. When the test or that
/// fails, the old file is put back. It is refused when nobody would be left to serve. Taken back by the file that was there.
/// Gives `#{ target, before, after, changed }` with the weights of all servers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWeights {
    /// The upstream
    upstream: String,
    /// The servers with their weights: `#{ blue: 90, green: 10 }`
    weights: Weights,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl SetWeights {
    /// The weights as they are and as they are to be, or why they may not.
    fn wanted(&self, control: &Control, cx: &Cx) -> Result<(Weights, Weights)> {
        if let Some((name, weight)) = self.weights.iter().find(|(_, weight)| **weight > LARGEST) {
            return Err(Error::usage(format!("{weight} is no weight for `{name}`"))
                .fix(format!("give a whole number from 0 to {LARGEST}"))
                .unchanged());
        }
        let before = control.weights()?;
        let whose = format!("the upstream `{}` of `{}`", self.upstream, cx.resource());
        let after = traffic::merged(&before, &self.weights, &whose)?;
        if !self.allow_empty && after.values().all(|weight| *weight == 0) {
            let why = format!("every request would be answered with 502, since {}", traffic::told(&after));
            return Err(traffic::nobody_left(cx.resource(), &self.upstream, &why));
        }
        Ok((before, after))
    }
}

impl Primitive for SetWeights {
    const NAME: &'static str = "set_weights";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"nginx("edge").set_weights("app", #{ blue: 90, green: 10 })"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("set the weights of `{}`: {}", self.upstream, traffic::told(&self.weights))
    }

    fn touches(&self) -> Option<String> {
        Some(self.upstream.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let control = Control::take(cx, &self.upstream).await?;
        let (_, after) = self.wanted(&control, cx)?;
        let text = control.upstream()?.write(&self.upstream, &after);
        restoring(cx, &control, &self.upstream, Some(&text)).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let control = Control::take(cx, &self.upstream).await?;
        let have = control.weights()?;
        if self.weights.iter().any(|(name, weight)| have.get(name) != Some(weight)) {
            return Ok(Some(false));
        }
        Ok(control.is_loaded())
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let control = Control::take(&cx, &self.upstream).await?;
        let (before, after) = self.wanted(&control, &cx)?;
        control.put(Some(&control.upstream()?.write(&self.upstream, &after))).await?;
        Ok(traffic::receipt(&self.upstream, &before, &control.weights()?))
    }
}

/// Puts back the file of an upstream as it was, tested and read by nginx as with `set_weights`; this is how that is taken back.
/// Taken back itself by the file that was there. Gives `#{ upstream, changed }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// The upstream
    upstream: String,
    /// The text of the file; without it the file is removed
    text: Option<String>,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"nginx("edge").restore("app")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        match self.text {
            Some(_) => format!("put back the file of the upstream `{}`", self.upstream),
            None => format!("remove the file of the upstream `{}`", self.upstream),
        }
    }

    fn touches(&self) -> Option<String> {
        Some(self.upstream.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.judge()?;
        let control = Control::take(cx, &self.upstream).await?;
        restoring(cx, &control, &self.upstream, self.text.as_deref()).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let control = Control::take(cx, &self.upstream).await?;
        if control.text()? != self.text {
            return Ok(Some(false));
        }
        Ok(control.is_loaded())
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.judge()?;
        let control = Control::take(&cx, &self.upstream).await?;
        let changed = control.put(self.text.as_deref()).await?;
        Ok(json!({ "upstream": self.upstream, "changed": changed }))
    }
}

impl Restore {
    fn judge(&self) -> Result<()> {
        match self.text.as_deref() {
            Some(text) if !upstream::is_sound(text, &self.upstream) => {
                Err(Error::usage(format!("the text is no file of the upstream `{}`", self.upstream))
                    .fix("give a text that `set_weights` wrote, or call `set_weights`")
                    .unchanged())
            }
            _ => Ok(()),
        }
    }
}

/// The call that puts the file back which is there now, unless it is to become `text` and already is.
async fn restoring(cx: &Cx, control: &Control, upstream: &str, text: Option<&str>) -> Result<Inverse> {
    let before = control.text()?;
    if before.as_deref() == text && control.is_loaded() != Some(false) {
        return Ok(Inverse::Nothing);
    }
    let call = Call::new(cx.resource().clone(), Restore::NAME).with("upstream", upstream);
    Ok(Inverse::Call(match before {
        Some(text) => call.with("text", text),
        None => match control.alike().await? {
            Some(alike) => call.with("text", alike),
            None => call,
        },
    }))
}
