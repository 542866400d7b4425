//! An object while it is written: parts on their way to a staged place, and gone when it is given up.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::bucket::{Attributes, Bucket, SHA256};
use super::copying::Copy;
use super::failure::unless_refused;
use super::leftovers;
use super::parts::Parts;
use super::reading::Span;
use crate::base::error::{Error, Result};
use crate::effect::store::{Content, Object, Upload};

/// An object that is not visible yet. A large one lies in several staged objects, because one multipart upload has at
/// most 10,000 parts, and larger parts would need more memory.
#[derive(Debug)]
pub(super) struct Incoming {
    bucket: Arc<Bucket>,
    key: String,
    with: Attributes,
    /// Where its staged objects lie; each adds its number.
    stage: String,
    /// The part that is being filled.
    part: BytesMut,
    open: Option<Parts>,
    staged: Vec<Span>,
    /// How many staged objects there may be: what was asked for and not answered counts.
    begun: usize,
    /// The multipart upload that puts the staged objects together.
    joining: Option<String>,
    /// Whether a marker tells of it.
    is_marked: bool,
    is_over: bool,
}

impl Incoming {
    /// An object that will be `key`, and lies in `stage` until then.
    pub(super) fn new(bucket: Arc<Bucket>, key: &str, stage: String, with: Attributes) -> Self {
        Self {
            bucket,
            key: key.to_owned(),
            with,
            stage,
            part: BytesMut::new(),
            open: None,
            staged: Vec::new(),
            begun: 0,
            joining: None,
            is_marked: false,
            is_over: false,
        }
    }

    /// Sends the part that was filled.
    async fn send(&mut self) -> Result<()> {
        let part = self.part.split().freeze();
        let parts = match &mut self.open {
            Some(parts) => parts,
            None => {
                let key = format!("{}{}", self.stage, self.begun);
                self.begun += 1;
                self.open.insert(Parts::begin(&self.bucket, &key, None, 0).await?)
            }
        };
        parts.send(part).await?;
        if parts.bytes >= self.bucket.bounds.segment { self.close_segment().await } else { Ok(()) }
    }

    /// Makes one staged object of the parts that were sent.
    async fn close_segment(&mut self) -> Result<()> {
        if let Some(parts) = &mut self.open {
            self.staged.push(parts.complete().await?);
            self.open = None;
        }
        Ok(())
    }

    /// A small object is written in one request.
    async fn write_whole(&mut self) -> Result<()> {
        let (key, part) = (format!("{}0", self.stage), self.part.split().freeze());
        let bytes = part.len() as u64;
        self.begun = 1;
        let etag = self.bucket.write(&self.bucket.patient, &key, part, Attributes::default()).await?.etag;
        self.staged.push(Span { key, version: None, etag, bytes });
        Ok(())
    }

    /// Makes the object visible; what is staged is still there afterwards.
    async fn show(&mut self, sha256: &str, replace: bool) -> Result<Object> {
        let mut with = self.with.clone();
        with.metadata.insert(SHA256.to_owned(), sha256.to_owned());
        let key = self.key.clone();
        let copy = Copy { to: &key, with: Some(with), replace };
        match self.staged.as_slice() {
            [staged] if replace => self.bucket.copy_whole(staged, &copy).await.map_err(unless_refused)?,
            // Nothing has no ranges that could be copied.
            [staged] if staged.bytes == 0 => {
                let with = copy.with.unwrap_or_default();
                self.bucket.write_first(&self.key, with).await.map_err(unless_refused)?;
            }
            _ => self.join(copy).await?,
        }
        let bytes: u64 = self.staged.iter().map(|staged| staged.bytes).sum();
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
    async fn join(&mut self, copy: Copy<'_>) -> Result<()> {
        let bucket = Arc::clone(&self.bucket);
        self.is_marked = true;
        leftovers::mark(&bucket, &self.stage, copy.to, None).await.map_err(Error::unchanged)?;
        let open = bucket.open_multipart(copy.to, copy.with.as_ref()).await.map_err(Error::unchanged)?;
        self.joining = Some(open.clone());
        leftovers::mark(&bucket, &self.stage, copy.to, Some(&open)).await.map_err(Error::unchanged)?;
        bucket.join(&self.staged, &copy, &open).await.map_err(unless_refused)?;
        self.joining = None;
        Ok(())
    }

    /// What has to go when this is given up, or was published.
    fn remains(&mut self) -> Remains {
        self.is_over = true;
        let joining = self.joining.take().map(|upload| (self.key.clone(), upload));
        let mut staged: Vec<String> =
            (0..self.begun).map(|number| format!("{}{number}", self.stage)).collect();
        if self.is_marked {
            staged.push(leftovers::marker(&self.stage));
        }
        Remains { bucket: Arc::clone(&self.bucket), open: self.open.take(), joining, staged }
    }
}

#[async_trait]
impl Upload for Incoming {
    async fn write(&mut self, mut chunk: Bytes) -> Result<()> {
        while !chunk.is_empty() {
            let room = self.bucket.bounds.part - self.part.len();
            // At once, because growing would copy what is there again and again.
            self.part.reserve(room);
            let piece = chunk.split_to(room.min(chunk.len()));
            self.part.extend_from_slice(&piece);
            if self.part.len() == self.bucket.bounds.part {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn seal(&mut self) -> Result<()> {
        if self.open.is_none() && self.staged.is_empty() {
            return self.write_whole().await;
        }
        if !self.part.is_empty() {
            self.send().await?;
        }
        self.close_segment().await
    }

    async fn read_back(&self) -> Result<Content> {
        Ok(self.bucket.read(self.staged.clone()))
    }

    async fn publish(mut self: Box<Self>, sha256: &str, replace: bool) -> Result<Object> {
        let shown = self.show(sha256, replace).await;
        // What stays behind costs a little space until the next run finds it; the object itself is well.
        let _ = self.remains().remove().await;
        shown
    }

    async fn discard(mut self: Box<Self>) -> Result<()> {
        self.remains().remove().await
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let remains = self.remains();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(remains.remove());
        }
    }
}

/// What is left in the bucket of an object that was given up.
struct Remains {
    bucket: Arc<Bucket>,
    open: Option<Parts>,
    joining: Option<(String, String)>,
    staged: Vec<String>,
}

impl Remains {
    async fn remove(self) -> Result<()> {
        if let Some(parts) = self.open {
            parts.give_up().await?;
        }
        if let Some((key, upload)) = &self.joining {
            self.bucket.abort_multipart(key, upload).await?;
        }
        for keys in self.staged.chunks(1000) {
            self.bucket.erase_all(keys).await?;
        }
        Ok(())
    }
}
