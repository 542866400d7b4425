//! A dump on its way into a store: streamed, hashed, read back and verified before anybody can see it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::cx::Cx;
use super::primitive::Work;
use super::store::{Store, Upload};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;
/// How often progress is told, in bytes.
const TELL_EVERY: u64 = 4 * 1024 * 1024;

/// Where a dump goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The store.
    pub store: ResourceId,
    /// The key that the dump will have.
    pub key: String,
    /// Whether an object that has this key already may be replaced.
    pub replace: bool,
    /// How many bytes are expected, where that is known; for the progress line only.
    pub expected: Option<u64>,
}

/// What a verification counted in the dump as the store gave it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many tables, where that is known.
    pub tables: Option<u64>,
    /// How many rows in all of them, where that is known.
    pub rows: Option<u64>,
}

/// A dump that is being written. Dropping it discards what was written.
///
/// ```ignore
/// let mut dump = Dump::begin(&cx, target).await?;
/// dump.copy(&mut source).await?;
/// // Here the source says whether it ended well.
/// let receipt = dump.publish(|stored| Box::pin(async move { verify(stored).await })).await?;
/// ```
pub struct Dump {
    cx: Cx,
    target: Target,
    store: Arc<dyn Store>,
    upload: Box<dyn Upload>,
    digest: Sha256,
    bytes: u64,
    told: u64,
    began: Instant,
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump")
            .field("target", &self.target)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Dump {
    /// Begins a dump into a store that the call's permit lists with `write`. A key that is taken is an error unless
    /// `replace` is set.
    pub async fn begin(cx: &Cx, target: Target) -> Result<Self> {
        let store = cx.store(&target.store, Effect::Write).await?;
        Self::into_store(cx, target, store).await
    }

    async fn into_store(cx: &Cx, target: Target, store: Arc<dyn Store>) -> Result<Self> {
        let began = cx.instant();
        refuse_taken(&*store, &target).await?;
        let upload = store.begin(&target.key).await?;
        Ok(Self { cx: cx.clone(), target, store, upload, digest: Sha256::new(), bytes: 0, told: 0, began })
    }

    /// Appends bytes. An error once the call was told to stop, so that a source without end ends with it.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.go_on()?;
        self.digest.update(&chunk);
        self.bytes += chunk.len() as u64;
        self.upload.write(chunk).await?;
        if self.bytes - self.told >= TELL_EVERY {
            self.told = self.bytes;
            self.cx.progress(&self.target.key, self.bytes, self.target.expected);
        }
        Ok(())
    }

    /// Appends all that `source` gives.
    pub async fn copy<R: AsyncRead + Send + Unpin + ?Sized>(&mut self, source: &mut R) -> Result<()> {
        while let Some(chunk) = next(source, "the dump cannot be read from its source").await? {
            self.write(chunk).await?;
        }
        Ok(())
    }

    /// Makes the dump durable, reads it back from the store, has `verify` look at it, compares its SHA-256, and only
    /// then makes it visible. Whatever `verify` leaves unread is read and hashed after it.
    pub async fn publish<V>(mut self, verify: V) -> Result<Receipt>
    where
        V: for<'a> FnOnce(&'a mut (dyn AsyncRead + Send + Unpin)) -> Work<'a, Counted>,
    {
        if self.bytes == 0 {
            return Err(Error::remote(format!("the dump `{}` is empty", self.name())));
        }
        self.upload.seal().await?;
        let sent = hexadecimal(self.digest.finalize_reset().as_slice());
        let mut stored = Hashed { inner: self.upload.read_back().await?, digest: Sha256::new(), bytes: 0 };
        let counted = verify(&mut stored).await?;
        while next(&mut stored, "the dump cannot be read back from the store").await?.is_some() {}
        let kept = hexadecimal(stored.digest.finalize().as_slice());
        if (stored.bytes, &kept) != (self.bytes, &sent) {
            return Err(Error::remote(format!(
                "`{}` gave back another dump than was sent",
                self.target.store
            ))
            .why(format!(
                "sent {} bytes, sha256 {sent}; got {} bytes, sha256 {kept}",
                self.bytes, stored.bytes
            ))
            .fix("check that store's disk or network; nothing was published"));
        }
        self.go_on()?;
        refuse_taken(&*self.store, &self.target).await?;
        let took = self.cx.instant().duration_since(self.began);
        let object = self.upload.publish(&sent, self.target.replace).await?;
        self.cx.progress(&self.target.key, self.bytes, Some(self.bytes));
        Ok(Receipt {
            store: self.target.store,
            key: object.key,
            bytes: self.bytes,
            sha256: sent,
            counted,
            took,
        })
    }

    /// Nothing may be published after a stop, even by work that was given time to close.
    fn go_on(&self) -> Result<()> {
        self.cx.stop().reason().map_or(Ok(()), Err)
    }

    fn name(&self) -> String {
        format!("{}/{}", self.target.store, self.target.key)
    }
}

/// The error for a key that is taken, when it may not be replaced; also for asking before any work is done.
pub async fn refuse_taken(store: &dyn Store, target: &Target) -> Result<()> {
    if target.replace || store.head(&target.key).await?.is_none() {
        return Ok(());
    }
    Err(Error::remote(format!("`{}` already holds `{}`", target.store, target.key))
        .fix("choose another key, or give `replace: true`"))
}

/// Proof of a dump that was verified and published.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The store that holds it.
    pub store: ResourceId,
    /// Its key there.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal; the same was read back from the store.
    pub sha256: String,
    /// What the verification counted in it.
    pub counted: Counted,
    /// How long it took, from the beginning until it was verified.
    pub took: Duration,
}

impl Receipt {
    /// What a script gets.
    #[must_use]
    pub fn into_value(self) -> Value {
        let seconds = self.took.as_secs_f64().max(1e-6);
        let speed = self.bytes as f64 / 1_048_576.0 / seconds;
        let mut value = json!({
            "store": self.store,
            "key": self.key,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "took_ms": (seconds * 1e3).round(),
            "mib_per_s": (speed * 10.0).round() / 10.0,
        });
        for (name, count) in [("tables", self.counted.tables), ("rows", self.counted.rows)] {
            if let Some(count) = count {
                value[name] = count.into();
            }
        }
        value
    }
}

/// The next chunk of a stream; `None` at its end.
pub async fn next<R: AsyncRead + Send + Unpin + ?Sized>(source: &mut R, what: &str) -> Result<Option<Bytes>> {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    // A source may give few bytes at a time, and a store pays for each write.
    while chunk.len() < CHUNK && source.read_buf(&mut chunk).await.map_err(|why| Error::io(what, &why))? > 0 {
    }
    Ok((!chunk.is_empty()).then(|| chunk.freeze()))
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    crate::base::text::hexadecimal(bytes)
}

/// A stream that hashes what is read from it.
struct Hashed {
    inner: super::store::Content,
    digest: Sha256,
    bytes: u64,
}

impl AsyncRead for Hashed {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let poll = std::pin::Pin::new(&mut this.inner).poll_read(cx, buffer);
        if poll.is_ready() {
            let fresh = &buffer.filled()[before..];
            this.digest.update(fresh);
            this.bytes += fresh.len() as u64;
        }
        poll
    }
}

#[cfg(test)]
mod tests;
