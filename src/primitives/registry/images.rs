//! `digest`, `exists`, `tags`, `wait_for`: which images there are.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Registry;
use super::manifest::{self, found};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::api::Ask;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The most tags that are listed.
const MOST: usize = 10_000;
/// How many are asked for at once.
const PAGE: usize = 1000;
/// How long is waited between two looks.
const PAUSE: Duration = Duration::from_secs(3);

/// Reads the digest of an image: "sha256:…". None under that tag is an error that names near ones.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Digest {
    /// The image, without registry and tag: "team/api"
    image: String,
    /// The tag
    tag: String,
}

impl Primitive for Digest {
    const NAME: &'static str = "digest";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let tested = registry("main").digest("team/api", "v2");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the digest of {}:{} in {}", self.image, self.tag, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        match manifest::digest(&cx, &registry, &self.image, &self.tag).await? {
            Some(digest) => Ok(digest.into()),
            None => Err(missing(&cx, &registry, &self.image, &self.tag).await),
        }
    }
}

/// Whether there is an image under a tag or digest.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exists {
    /// The image, without registry and tag: "team/api"
    image: String,
    /// The tag or digest
    tag: String,
}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the image was pushed", registry("main").exists("team/api", "v2");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look for {}:{} in {}", self.image, self.tag, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        Ok(manifest::digest(&cx, &registry, &self.image, &self.tag).await?.is_some().into())
    }
}

/// Lists the tags of an image, at most 10 000, sorted; an image that is not there has none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tags {
    /// The image, without registry and tag: "team/api"
    image: String,
}

impl Primitive for Tags {
    const NAME: &'static str = "tags";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let tags = registry("main").tags("team/api");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list the tags of {} in {}", self.image, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        Ok(json!(tags(&cx, &registry, &self.image).await?))
    }
}

/// Waits until there is an image under a tag, as while it is being built and pushed; gives its digest.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    /// The image, without registry and tag: "team/api"
    image: String,
    /// The tag
    tag: String,
}

impl Primitive for WaitFor {
    const NAME: &'static str = "wait_for";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"let built = registry("main").wait_for("team/api", "v2", #{ timeout: "20m" });"#;
    const TIMEOUT: Duration = Duration::from_secs(900);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait for {}:{} in {}", self.image, self.tag, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let registry = Registry::of(&cx).await?;
        loop {
            if let Some(digest) = manifest::digest(&cx, &registry, &self.image, &self.tag).await? {
                return Ok(digest.into());
            }
            cx.pause(PAUSE).await?;
        }
    }
}

/// The error for a tag that is not there.
pub(super) async fn missing(cx: &Cx, registry: &Registry, image: &str, tag: &str) -> Error {
    let error = Error::missing(format!("`{}` has no image {image}:{tag}", registry.api.name));
    match tags(cx, registry, image).await {
        Ok(tags) if tags.is_empty() => {
            error.why("it has no tag of that image at all").fix("check the image's name")
        }
        Ok(tags) => error.fix(suggest::advice(tag, tags.iter().map(String::as_str))),
        Err(_) => error.fix("check the image's name and its tag, and that it was pushed"),
    }
}

async fn tags(cx: &Cx, registry: &Registry, image: &str) -> Result<Vec<String>> {
    let path: Vec<&str> = ["v2"].into_iter().chain(image.split('/')).chain(["tags", "list"]).collect();
    let mut all: Vec<String> = Vec::new();
    while all.len() < MOST {
        let mut ask = Ask::get(&path).query("n", PAGE.to_string());
        if let Some(last) = all.last() {
            ask = ask.query("last", last);
        }
        let reply = registry.send(cx, &ask, image, "pull").await?;
        if !found(registry, &reply, &format!("list the tags of {image}"))? {
            break;
        }
        let page = reply.json.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
        all.extend(page.iter().filter_map(Value::as_str).map(str::to_owned));
        // Without a link there is no more, however many came.
        if page.is_empty() || reply.header("link").is_none() {
            break;
        }
    }
    all.truncate(MOST);
    all.sort();
    Ok(all)
}
