//! `copy` and `delete`: changes that the server makes by itself.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::copying::Copy as Copying;
use super::failure::unless_refused;
use super::object::{receipt, stored};
use super::undo::{self, Prior};
use super::{LONG, client, key, leftovers, store};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Copies an object within the bucket, with all that goes with it; its bytes never come here. Taken back like `put`.
/// Gives `key`, `bytes`, and `sha256` and `version` where they are known.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    /// The key to copy
    #[schemars(extend("format" = "key of a store"))]
    from: String,
    /// The key of the copy
    #[schemars(extend("format" = "key of a store"))]
    to: String,
    /// Whether what it replaces is kept, so that it can be taken back
    #[serde(default = "yes")]
    keep: bool,
}

/// What options that are on by default are.
pub(super) const fn yes() -> bool {
    true
}

impl Primitive for Copy {
    const NAME: &'static str = "copy";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"s3("site").copy("releases/v2.json", "current.json")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("copy `{}` to `{}`", self.from, self.to)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        undo::replacing(cx, &self.to, self.keep).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let bucket = client::bucket(cx).await?;
        let (from, to) = (bucket.look(&self.from, None).await?, bucket.look(&self.to, None).await?);
        Ok(match (from, to) {
            (_, None) => Some(false),
            (Some(from), Some(to)) if from.etag == to.etag => Some(true),
            (Some(from), Some(to)) => from.sha256().zip(to.sha256()).map(|(from, to)| from == to),
            (None, Some(_)) => None,
        })
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        stored(cx, &self.to).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.from)?;
        key::check(&self.to)?;
        let bucket = client::bucket(&cx).await?;
        leftovers::tidy(&bucket, &cx).await.map_err(Error::unchanged)?;
        let head = bucket.look(&self.from, None).await.map_err(Error::unchanged)?;
        let head = head.ok_or_else(|| store::missing(&bucket, &self.from).unchanged())?;
        if self.from == self.to {
            return Err(Error::usage(format!("`{}` cannot be copied to itself", self.from)).unchanged());
        }
        if self.keep {
            undo::keep(&bucket, &cx, &self.to).await.map_err(Error::unchanged)?;
        }
        bucket.copy(&cx, (&self.from, &head), Copying::to(&self.to)).await.map_err(unless_refused)?;
        let copied = bucket.look(&self.to, None).await?;
        let version = copied.as_ref().and_then(|copied| copied.version.as_deref());
        Ok(receipt(&self.to, head.bytes, head.sha256(), version))
    }
}

/// Removes an object; gives whether there was one. In a bucket that keeps versions it stays as one; in another it is
/// kept aside as long as the setting `keep` says, unless `keep` is false.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Whether its content is kept, so that it can be taken back
    #[serde(default = "yes")]
    keep: bool,
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"s3("site").delete("old/index.html")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("delete `{}`{}", self.key, if self.keep { "" } else { ", keeping no copy" })
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        key::check(&self.key)?;
        let head = client::bucket(cx).await?.look(&self.key, None).await?;
        Ok(match Prior::of(cx, &self.key, head.as_ref()) {
            Prior::Absent => Inverse::Nothing,
            Prior::Copied(_) if !self.keep => {
                Inverse::none(format!("`{}` was deleted with `keep: false`", self.key))
            }
            prior => Inverse::Call(prior.restoring(cx, &self.key)),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(client::bucket(cx).await?.look(&self.key, None).await?.is_none()))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(cx.found().map(Value::Bool))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        let bucket = client::bucket(&cx).await?;
        leftovers::tidy(&bucket, &cx).await.map_err(Error::unchanged)?;
        let there = if self.keep {
            undo::keep(&bucket, &cx, &self.key).await
        } else {
            bucket.look(&self.key, None).await
        };
        if there.map_err(Error::unchanged)?.is_none() {
            return Ok(false.into());
        }
        bucket.erase(&self.key).await.map_err(unless_refused)?;
        Ok(true.into())
    }
}
