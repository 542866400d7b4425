//! Single objects: `put`, `get`, `head`, `exists`, `checksum`.

use std::collections::HashMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::bucket::{Attributes, SHA256};
use super::failure::unless_refused;
use super::{LARGEST_TEXT, LONG, client, content_type, key, leftovers, store, undo};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next};
use crate::effect::primitive::Primitive;

/// Writes a text as an object. Taken back by removing it, or by restoring what it replaced. Gives `key`, `bytes`,
/// `sha256`, and `version` in a bucket that keeps them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Put {
    /// The object's key: parts separated by `/`
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Its whole content
    text: String,
    /// What it is, as "text/html; charset=utf-8"; default by the end of the key
    content_type: Option<String>,
    /// How long it may be kept by browsers and caches, as "max-age=3600"
    cache_control: Option<String>,
    /// Names and values that are kept with it
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Primitive for Put {
    const NAME: &'static str = "put";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"s3("site").put("current.json", `{"version": "v2"}`)"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("write {} to `{}`", text::show_size(self.text.len() as u64), self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        undo::replacing(cx, &self.key, true).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        holds(cx, &self.key, &sha256(self.text.as_bytes())).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        stored(cx, &self.key).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        let bucket = client::bucket(&cx).await?;
        leftovers::tidy(&bucket, &cx).await.map_err(Error::unchanged)?;
        undo::keep(&bucket, &cx, &self.key).await.map_err(Error::unchanged)?;
        let (bytes, sha256) = (self.text.len(), sha256(self.text.as_bytes()));
        let with = attributes(&self.key, self.content_type, self.cache_control, self.metadata, &sha256)?;
        let text = Bytes::from(self.text);
        let written = bucket.write(&bucket.client, &self.key, text, with).await.map_err(unless_refused)?;
        Ok(receipt(&self.key, bytes as u64, Some(&sha256), written.version.as_deref()))
    }
}

/// Reads an object of at most 1 MiB as text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Which of its versions; default the newest
    version: Option<String>,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("site").get("current.json")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        let bucket = client::bucket(&cx).await?;
        let head = bucket.look(&self.key, self.version.as_deref()).await?;
        let head = head.ok_or_else(|| store::missing(&bucket, &self.key))?;
        if head.bytes > LARGEST_TEXT {
            return Err(Error::usage(format!("`{}` is too large for a script", self.key))
                .why(format!("at most {} come into a script", text::show_size(LARGEST_TEXT)))
                .fix("go from door to door instead: `download`, `copy`, `restore_from`, `checksum`"));
        }
        let read = bucket.text(&self.key, self.version, head.bytes).await?;
        String::from_utf8(read.into()).map(Value::String).map_err(|why| {
            Error::usage(format!("`{}` is no UTF-8 text", self.key))
                .why(format!("the first wrong byte stands at offset {}", why.utf8_error().valid_up_to()))
        })
    }
}

/// Looks at an object without reading it: a map of `key`, `bytes`, `modified`, `etag`, `metadata`, and what else goes
/// with it (`content_type`, `cache_control`, `version`, `sha256`), or `()` when there is none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Head {
    const NAME: &'static str = "head";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("site").head("current.json")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("look at `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        let head = client::bucket(&cx).await?.look(&self.key, None).await?;
        Ok(head.map_or(Value::Null, |head| head.value(&self.key)))
    }
}

/// Whether there is an object of that key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exists {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("site").exists("current.json")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("look whether there is `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        Ok(client::bucket(&cx).await?.look(&self.key, None).await?.is_some().into())
    }
}

/// The SHA-256 of an object of any size, hexadecimal; all of it is read for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checksum {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Checksum {
    const NAME: &'static str = "checksum";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("backups").checksum("main/2026-11-01.dump")"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the SHA-256 of `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut content = store::content(&client::bucket(&cx).await?, &self.key, None).await?;
        let mut digest = Sha256::new();
        while let Some(chunk) = next(&mut content, &format!("cannot read `{}`", self.key)).await? {
            digest.update(&chunk);
        }
        Ok(hexadecimal(digest.finalize().as_slice()).into())
    }
}

/// Whether `key` holds the content with that SHA-256; an object is whole or absent.
pub(super) async fn holds(cx: &Cx, key: &str, sha256: &str) -> Result<Option<bool>> {
    let head = client::bucket(cx).await?.look(key, None).await?;
    Ok(match head {
        None => Some(false),
        // Whoever wrote an object without the checksum that goes with ours wrote another one.
        Some(head) => Some(head.sha256() == Some(sha256)),
    })
}

/// What goes with an object of that key and content.
pub(super) fn attributes(
    key: &str,
    content_type: Option<String>,
    cache_control: Option<String>,
    mut metadata: HashMap<String, String>,
    sha256: &str,
) -> Result<Attributes> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    for (what, value) in &metadata {
        if what.is_empty() || what == SHA256 || !name(what) || !plain(value) {
            return Err(Error::usage(format!("`{what}` cannot be metadata of an object")).fix(
                "use small letters, digits and `-` in its name, which is not `sha256`, and ASCII in its value",
            ));
        }
    }
    let texts = [("content_type", &content_type), ("cache_control", &cache_control)];
    for (what, value) in texts {
        if value.as_deref().is_some_and(|value| value.is_empty() || !plain(value)) {
            return Err(
                Error::usage(format!("`{what}` is no value of a header")).fix("use ASCII letters only")
            );
        }
    }
    metadata.insert(SHA256.to_owned(), sha256.to_owned());
    let content_type = content_type.or_else(|| Some(content_type::of(key).to_owned()));
    Ok(Attributes { content_type, cache_control, metadata, ..Attributes::default() })
}

/// The receipt of a write that was found done: a second one would make another version.
pub(super) async fn stored(cx: &Cx, key: &str) -> Result<Option<Value>> {
    let head = client::bucket(cx).await?.look(key, None).await?;
    Ok(head.map(|head| receipt(key, head.bytes, head.sha256(), head.version.as_deref())))
}

/// What a script gets of a write.
pub(super) fn receipt(key: &str, bytes: u64, sha256: Option<&str>, version: Option<&str>) -> Value {
    let mut receipt = json!({ "key": key, "bytes": bytes });
    for (name, text) in [("sha256", sha256), ("version", version)] {
        if let Some(text) = text {
            receipt[name] = text.into();
        }
    }
    receipt
}

/// The SHA-256 of some bytes, hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes).as_slice())
}
