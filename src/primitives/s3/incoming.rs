//! An object while it is written: parts on their way to a staged place, and gone when it is given up.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::bucket::{Attributes, Bucket, SHA256};
use super::copying::Copy;
use super::failure::unless_refused;
use super::leftovers;
use super::reading::Span;
use super::staging::Staging;
use crate::base::error::{Error, Result};
use crate::effect::store::{Content, Object, Upload};

/// An object that is not visible yet. It lies in several staged objects until it is put together.
#[derive(Debug)]
pub(super) struct Incoming {
    bucket: Arc<Bucket>,
    key: String,
    with: Attributes,
    /// The part that is being filled.
    part: BytesMut,
    /// `None` once it was given up or published.
    staging: Option<Staging>,
    /// The multipart upload that puts the staged objects together.
    joining: Option<String>,
    /// Whether a marker tells of it.
    is_marked: bool,
}

impl Incoming {
    /// An object that will be `key`, and lies in `stage` until then.
    pub(super) fn new(bucket: Arc<Bucket>, key: &str, stage: String, with: Attributes) -> Self {
        let staging = Some(Staging::new(Arc::clone(&bucket), stage));
        let key = key.to_owned();
        Self { bucket, key, with, part: BytesMut::new(), staging, joining: None, is_marked: false }
    }

    fn staging(&mut self) -> Result<&mut Staging> {
        self.staging.as_mut().ok_or_else(|| Error::bug("an object was written to after its end"))
    }

    /// Makes the object visible; what is staged is still there afterwards.
    async fn show(&mut self, sha256: &str, replace: bool) -> Result<Object> {
        let mut with = self.with.clone();
        with.metadata.insert(SHA256.to_owned(), sha256.to_owned());
        let (key, staged) = (self.key.clone(), self.staging()?.spans().await?);
        let copy = Copy { to: &key, with: Some(with), replace };
        match staged.as_slice() {
            [staged] if replace => self.bucket.copy_whole(staged, &copy).await.map_err(unless_refused)?,
            // Nothing has no ranges that could be copied.
            [staged] if staged.bytes == 0 => {
                let with = copy.with.unwrap_or_default();
                self.bucket.write_first(&self.key, with).await.map_err(unless_refused)?;
            }
            _ => self.join(&staged, copy).await?,
        }
        let bytes: u64 = staged.iter().map(|staged| staged.bytes).sum();
        match self.bucket.look(&self.key, None).await? {
            Some(head) if head.bytes == bytes => Ok(head.object(&self.key)),
            Some(head) => {
                Err(Error::remote(format!("`{}` published another `{}`", self.bucket.resource, self.key))
                    .why(format!("{bytes} bytes were sent, and {} are there", head.bytes))
                    .fix("look at who else writes there, and run it again"))
            }
            None => Err(Error::remote(format!("`{}` was removed as soon as it was written", self.key))),
        }
    }

    /// Puts the staged objects together under the key, which every server does only when nobody took it meanwhile.
    async fn join(&mut self, staged: &[Span], copy: Copy<'_>) -> Result<()> {
        let bucket = Arc::clone(&self.bucket);
        let stage = self.staging()?.stage().to_owned();
        self.is_marked = true;
        leftovers::mark(&bucket, &stage, copy.to, None).await.map_err(Error::unchanged)?;
        let open = bucket.open_multipart(copy.to, copy.with.as_ref()).await.map_err(Error::unchanged)?;
        self.joining = Some(open.clone());
        leftovers::mark(&bucket, &stage, copy.to, Some(&open)).await.map_err(Error::unchanged)?;
        bucket.join(staged, &copy, &open).await.map_err(unless_refused)?;
        self.joining = None;
        Ok(())
    }

    /// What has to go when this is given up, or was published.
    fn remains(&mut self) -> Option<Remains> {
        let staging = self.staging.take()?;
        let joining = self.joining.take().map(|upload| (self.key.clone(), upload));
        let marker = self.is_marked.then(|| leftovers::marker(staging.stage()));
        Some(Remains { bucket: Arc::clone(&self.bucket), staging, joining, marker })
    }

    async fn clear(&mut self) -> Result<()> {
        match self.remains() {
            Some(remains) => remains.remove().await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Upload for Incoming {
    async fn write(&mut self, mut chunk: Bytes) -> Result<()> {
        let size = self.bucket.bounds.part;
        while !chunk.is_empty() {
            if self.part.capacity() == 0 {
                self.part = self.staging()?.room.buffer(size);
            }
            let room = size - self.part.len();
            let piece = chunk.split_to(room.min(chunk.len()));
            self.part.extend_from_slice(&piece);
            if self.part.len() == size {
                let part = std::mem::take(&mut self.part).freeze();
                self.staging()?.send(part).await?;
            }
        }
        Ok(())
    }

    async fn seal(&mut self) -> Result<()> {
        let part = std::mem::take(&mut self.part).freeze();
        self.staging()?.end(part).await
    }

    async fn read_back(&mut self) -> Result<Content> {
        let staged = self.staging()?.read();
        Ok(self.bucket.read_as_it_comes(staged))
    }

    fn ask_for_checksums(&mut self) -> bool {
        self.staging.as_mut().map(Staging::vouch).is_some()
    }

    fn vouches(&self) -> bool {
        self.staging.as_ref().is_some_and(Staging::vouches)
    }

    async fn publish(mut self: Box<Self>, sha256: &str, replace: bool) -> Result<Object> {
        let shown = self.show(sha256, replace).await;
        // What stays behind costs a little space until the next run finds it; the object itself is well.
        let _ = self.clear().await;
        shown
    }

    async fn discard(mut self: Box<Self>) -> Result<()> {
        self.clear().await
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(remains) = self.remains()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(remains.remove());
        }
    }
}

/// What is left in the bucket of an object that was given up.
struct Remains {
    bucket: Arc<Bucket>,
    staging: Staging,
    joining: Option<(String, String)>,
    marker: Option<String>,
}

impl Remains {
    async fn remove(mut self) -> Result<()> {
        let mut staged = self.staging.clear().await?;
        if let Some((key, upload)) = &self.joining {
            self.bucket.abort_multipart(key, upload).await?;
        }
        staged.extend(self.marker);
        for keys in staged.chunks(1000) {
            self.bucket.erase_all(keys).await?;
        }
        Ok(())
    }
}
