//! `promote` and `untag`: a tag moved to an image that is there, and a tag removed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Registry;
use super::images::missing;
use super::manifest;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Gives an image that is there a further tag, without building or copying anything. Taken back by moving the tag to where it
/// was, or by removing it where the registry can. Gives `image`, `tag`, `digest`, `before` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Promote {
    /// The image, without registry and tag: "team/api"
    image: String,
    /// The tag or digest that it has
    from: String,
    /// The tag that it gets
    to: String,
}

impl Primitive for Promote {
    const NAME: &'static str = "promote";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"registry("main").promote("team/api", "v2", "production")"#;
    const TIMEOUT: Duration = Duration::from_secs(60);
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("tag {}:{} of {} as {}", self.image, self.from, resource.name, self.to)
    }

    fn touches(&self) -> Option<String> {
        Some(format!("{}:{}", self.image, self.to))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let registry = Registry::of(cx).await?;
        let Some(wanted) = manifest::digest(cx, &registry, &self.image, &self.from).await? else {
            return Err(missing(cx, &registry, &self.image, &self.from).await);
        };
        let call = |verb: &str| Call::new(cx.resource().clone(), verb).with("image", self.image.as_str());
        Ok(match manifest::digest(cx, &registry, &self.image, &self.to).await? {
            Some(before) if before == wanted => Inverse::Nothing,
            Some(before) => Inverse::Call(call(Self::NAME).with("from", before).with("to", self.to.as_str())),
            None => Inverse::Call(call(Untag::NAME).with("tag", self.to.as_str())),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let registry = Registry::of(cx).await?;
        let wanted = manifest::digest(cx, &registry, &self.image, &self.from).await?;
        Ok(Some(wanted.is_some() && manifest::digest(cx, &registry, &self.image, &self.to).await? == wanted))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        let Some(found) = manifest::read(&cx, &registry, &self.image, &self.from).await? else {
            return Err(missing(&cx, &registry, &self.image, &self.from).await.unchanged());
        };
        let before = manifest::digest(&cx, &registry, &self.image, &self.to).await?;
        let changed = before.as_ref() != Some(&found.digest);
        if changed {
            let ask = manifest::request(Method::PUT, &self.image, &self.to)?
                .body("application/json", found.text)
                .header("content-type", found.kind);
            let reply = registry.send(&cx, &ask, &self.image, "pull,push").await?;
            if !manifest::found(&registry, &reply, &format!("tag {}:{}", self.image, self.to))? {
                return Err(registry.api.refused(&reply, "write the tag"));
            }
        }
        Ok(json!({
            "image": self.image, "tag": self.to, "digest": found.digest, "before": before, "changed": changed,
        }))
    }
}

/// Removes a tag and leaves the image; none of that name is no error. Not every registry can do that. Taken back by giving the
/// image that tag again. Gives `image`, `tag` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Untag {
    /// The image, without registry and tag: "team/api"
    image: String,
    /// The tag
    tag: String,
}

impl Primitive for Untag {
    const NAME: &'static str = "untag";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"registry("main").untag("team/api", "candidate")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("remove the tag {}:{} of {}", self.image, self.tag, resource.name)
    }

    fn touches(&self) -> Option<String> {
        Some(format!("{}:{}", self.image, self.tag))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let registry = Registry::of(cx).await?;
        let Some(digest) = manifest::digest(cx, &registry, &self.image, &self.tag).await? else {
            return Ok(Inverse::Nothing);
        };
        let call = Call::new(cx.resource().clone(), Promote::NAME).with("image", self.image.as_str());
        Ok(Inverse::Call(call.with("from", digest).with("to", self.tag.as_str())))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let registry = Registry::of(cx).await?;
        Ok(Some(manifest::digest(cx, &registry, &self.image, &self.tag).await?.is_none()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        let there = manifest::digest(&cx, &registry, &self.image, &self.tag).await?.is_some();
        if there {
            // By tag: by its digest the image itself would go, with every other tag on it.
            let ask = manifest::request(Method::DELETE, &self.image, &self.tag)?;
            let reply = registry.send(&cx, &ask, &self.image, "pull,push,delete").await?;
            if matches!(reply.status, 400 | 405) {
                return Err(Error::remote(format!("`{}` cannot remove a tag alone", registry.api.name))
                    .why(format!("it answered {}: {}", reply.line, reply.words()))
                    .fix(format!("leave {}:{} there, or move it with `promote`", self.image, self.tag))
                    .unchanged());
            }
            manifest::found(&registry, &reply, &format!("remove {}:{}", self.image, self.tag))?;
        }
        Ok(json!({ "image": self.image, "tag": self.tag, "changed": there }))
    }
}
