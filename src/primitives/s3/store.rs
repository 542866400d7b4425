//! A bucket as a store of objects for other families: staged, read back, then published.

use std::sync::Arc;

use async_trait::async_trait;

use super::bucket::{Attributes, Bucket};
use super::incoming::Incoming;
use super::reading::Span;
use super::{client, content_type, key, leftovers};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Work;
use crate::effect::store::{Content, Object, Store, Upload};

/// Opens the resource for another family.
pub(super) fn open(cx: Cx) -> Work<'static, Arc<dyn Store>> {
    Box::pin(async move {
        let bucket = client::bucket(&cx).await?;
        Ok(Arc::new(Opened { bucket, cx }) as Arc<dyn Store>)
    })
}

/// A bucket, as a call reached it.
struct Opened {
    bucket: Arc<Bucket>,
    cx: Cx,
}

/// Begins an object; what earlier runs left is removed first.
async fn begin(bucket: &Arc<Bucket>, cx: &Cx, key: &str, with: Attributes) -> Result<Incoming> {
    key::check(key)?;
    leftovers::tidy(bucket, cx).await?;
    Ok(Incoming::new(Arc::clone(bucket), key, key::stage(cx.run()), with))
}

/// The bytes of an object, or of one version of it.
pub(super) async fn content(bucket: &Arc<Bucket>, key: &str, version: Option<&str>) -> Result<Content> {
    key::check(key)?;
    let head = bucket.look(key, version).await?.ok_or_else(|| missing(bucket, key))?;
    let version = version.map(str::to_owned);
    Ok(bucket.read(vec![Span { key: key.to_owned(), version, etag: head.etag, bytes: head.bytes }]))
}

/// The error for an object that is not there.
pub(super) fn missing(bucket: &Bucket, key: &str) -> Error {
    Error::missing(format!("`{}` has no object `{key}`", bucket.resource)).fix("look with `list(\"\")`")
}

#[async_trait]
impl Store for Opened {
    async fn begin(&self, key: &str) -> Result<Box<dyn Upload>> {
        let with =
            Attributes { content_type: Some(content_type::of(key).to_owned()), ..Attributes::default() };
        Ok(Box::new(begin(&self.bucket, &self.cx, key, with).await?))
    }

    async fn open(&self, key: &str) -> Result<Content> {
        content(&self.bucket, key, None).await
    }

    async fn head(&self, key: &str) -> Result<Option<Object>> {
        key::check(key)?;
        Ok(self.bucket.look(key, None).await?.map(|head| head.object(key)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        key::check_prefix(prefix)?;
        self.bucket.list_all(prefix).await
    }

    async fn remove(&self, key: &str) -> Result<()> {
        key::check(key)?;
        self.bucket.erase(key).await
    }

    async fn tidy(&self) -> Result<()> {
        leftovers::sweep(&self.bucket, &self.cx).await.map(drop)
    }
}
