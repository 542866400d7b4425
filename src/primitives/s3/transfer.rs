//! `upload` and `download`: files of any size that go to the bucket and come from it, never through the script.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::bucket::{Head, SHA256};
use super::object::{attributes, holds, stored};
use super::removal::yes;
use super::sending::{self, Sending, TELL_EVERY};
use super::{LONG, client, key, store, undo};
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::arrival::arrived;
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next, until_stopped};
use crate::effect::primitive::Primitive;
use crate::effect::store::{Content, Upload as Uploading};
use crate::effect::witness::VALUE;
use crate::sys::files;

/// Sends a file of the project, of any size, in parts that the server checks, and makes it visible at once and as a
/// whole. Taken back like `put`. Gives `key`, `bytes`, `sha256`, and `version` in a bucket that keeps them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The file, in the project
    file: String,
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// What it is, as "text/html; charset=utf-8"; default by the end of the key
    content_type: Option<String>,
    /// How long it may be kept by browsers and caches, as "max-age=3600"
    cache_control: Option<String>,
    /// Names and values that are kept with it
    #[serde(default)]
    metadata: HashMap<String, String>,
    /// Whether what it replaces is kept, so that it can be taken back
    #[serde(default = "yes")]
    keep: bool,
}

impl Primitive for Upload {
    const NAME: &'static str = "upload";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"s3("site").upload("dist/app.tar.gz", "releases/v2.tar.gz")"#;
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn content(&self) -> Vec<&str> {
        vec![&self.file]
    }

    fn plan(&self, _: &ResourceId) -> String {
        format!("upload {} to `{}`", self.file, self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        undo::replacing(cx, &self.key, self.keep).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let gave = cx.gave().unwrap_or_default();
        if let Some(sha256) = gave.get(SHA256).and_then(Value::as_str) {
            // The file may be another one by now, or gone.
            return holds(cx, &self.key, sha256).await;
        }
        let (file, _) = files::open_stream(&cx.path(&self.file)?).await?;
        holds(cx, &self.key, &sending::sha256_of(file).await?).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        stored(cx, &self.key).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let path = cx.path(&self.file)?;
        let bucket = client::bucket(&cx).await?;
        let file = files::open_stream(&path).await.map_err(Error::unchanged)?;
        let mut with = attributes(&self.key, self.content_type, self.cache_control, self.metadata, "")?;
        with.metadata.remove(SHA256);
        cx.close_gracefully();
        sending::send(&bucket, &cx, file, Sending { key: &self.key, with, keep: self.keep }).await
    }
}

/// Fetches an object of any size into another store, a folder (`files`) or another bucket, where it appears whole or
/// not at all. Where the object carries a SHA-256, it is compared. Taken back by removing it there. Gives `store`,
/// `key`, `bytes` and `sha256`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Download {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// The store that gets it, as its handle
    into: ResourceId,
    /// The key that it gets there; default its own
    name: Option<String>,
    /// Which of its versions; default the newest
    version: Option<String>,
    /// Whether an object that has that key in the store already is replaced; that cannot be taken back
    #[serde(default)]
    replace: bool,
}

impl Download {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key)
    }
}

impl Primitive for Download {
    const NAME: &'static str = "download";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"s3("site").download("releases/v2.tar.gz", files("releases"))"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.into.clone(), Effect::Write)]
    }

    fn plan(&self, _: &ResourceId) -> String {
        format!("download `{}` into {}/{}", self.key, self.into, self.name())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        key::check(&self.key)?;
        let there = cx.store(&self.into, Effect::Write).await?.head(self.name()).await?;
        Ok(match there {
            None => {
                // Every store has this verb and this option.
                let delete = Call::new(self.into.clone(), "delete").with("key", self.name());
                Inverse::Call(delete.with("keep", false))
            }
            Some(_) if self.replace => {
                Inverse::none(format!("what `{}` of {} held is gone", self.name(), self.into))
            }
            Some(_) => {
                return Err(Error::remote(format!("`{}` already holds `{}`", self.into, self.name()))
                    .fix("choose another `name`, or give `replace: true`"));
            }
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        arrived(cx, &self.into, self.name()).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = client::bucket(&cx).await?;
        let version = self.version.as_deref();
        let head = bucket.look(&self.key, version).await.map_err(Error::unchanged)?;
        let head = head.ok_or_else(|| store::missing(&bucket, &self.key).unchanged())?;
        let source = store::content(&bucket, &self.key, version).await.map_err(Error::unchanged)?;
        let target = cx.store(&self.into, Effect::Write).await?;
        let mut upload = target.begin(self.name()).await.map_err(Error::unchanged)?;
        cx.close_gracefully();
        let received = until_stopped(&cx, receive(&cx, (source, &head), &mut *upload, self.name())).await;
        match received {
            Ok(sha256) => {
                let receipt =
                    json!({ "store": self.into, "key": self.name(), "bytes": head.bytes, "sha256": sha256 });
                cx.witness(json!({ VALUE: receipt }))?;
                upload.publish(&sha256, self.replace).await?;
                Ok(receipt)
            }
            Err(error) => {
                let _ = upload.discard().await;
                Err(error.unchanged())
            }
        }
    }
}

async fn receive(
    cx: &Cx,
    (mut source, head): (Content, &Head),
    target: &mut dyn Uploading,
    name: &str,
) -> Result<String> {
    let (mut digest, mut got, mut told) = (Sha256::new(), 0, 0);
    while let Some(chunk) = next(&mut source, &format!("cannot read what becomes `{name}`")).await? {
        digest.update(&chunk);
        got += chunk.len() as u64;
        target.write(chunk).await?;
        if got - told >= TELL_EVERY {
            told = got;
            cx.progress(name, got, Some(head.bytes));
        }
    }
    target.seal().await?;
    let sha256 = hexadecimal(digest.finalize().as_slice());
    match head.sha256() {
        Some(wanted) if wanted != sha256 => {
            Err(Error::remote(format!("`{}` gave something else than was once written", cx.resource()))
                .why(format!("its SHA-256 was {wanted}, and is {sha256}"))
                .fix("fetch another version or copy of it"))
        }
        _ => Ok(sha256),
    }
}
