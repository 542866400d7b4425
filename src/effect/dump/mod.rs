//! A dump, of a database or of a log, on its way into a store: compressed, hashed and verified before anybody can
//! see it.

mod beginning;
mod checking;
mod coding;
mod mark;
mod receipt;
mod retention;
mod stored;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::io::AsyncRead;
use tokio::sync::watch;

pub use checking::Verify;
pub use coding::{Compression, Passed};
pub use mark::Mark;
pub use receipt::{Counted, Receipt};
pub use retention::Retained;
pub use stored::Stored;
pub use target::{Origin, Target};

use super::cx::Cx;
use super::primitive::Work;
use super::store::{Object, Store, Upload};
use super::witness;
use crate::base::error::{Error, Result};
use crate::sys::blocking;
use crate::sys::pipe::{self, Outlet};
use beginning::Beginning;
use checking::Seen;

/// How often progress is told, in bytes.
const TELL_EVERY: u64 = 4 * 1024 * 1024;

/// What is dumped.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The database in words that are the same for each of its dumps, and for no other database. Without it the dump
    /// bears no mark.
    pub of: String,
    /// How many bytes are expected before they are compressed, where that is known; for the progress line only.
    pub expected: Option<u64>,
    /// The rows of each table, where that is known before.
    pub rows: Option<Map<String, Value>>,
}

/// A dump that is being written. Dropping it discards what was written.
///
/// ```ignore
/// let mut dump = Dump::begin(&cx, target, source).await?;
/// let found = dump.copy(&mut stream, ended, |stored| Box::pin(async move { look(stored).await })).await?;
/// let receipt = dump.publish(counted(found)).await?;
/// ```
pub struct Dump {
    cx: Cx,
    target: Target,
    source: Source,
    store: Arc<dyn Store>,
    upload: Box<dyn Upload>,
    sent: Passed,
    verified: Verify,
    began: (Instant, String),
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump").field("target", &self.target).field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl Dump {
    /// Begins a dump into a store that the call's permit lists with `write`, and with `destroy` when older dumps are
    /// to be removed. A key that is taken is an error unless `replace` is set.
    pub async fn begin(cx: &Cx, target: Target, source: Source) -> Result<Self> {
        let store = target.open(cx).await?;
        Self::into_store(cx, (target, source), store).await
    }

    async fn into_store(cx: &Cx, (target, source): (Target, Source), store: Arc<dyn Store>) -> Result<Self> {
        // What was sent is taken out of the store again, for which a stop leaves some time.
        cx.close_gracefully();
        let began = (cx.instant(), cx.now());
        let upload = store.begin(&target.key).await?;
        let (sent, verified) = (Passed::default(), target.verify);
        Ok(Self { cx: cx.clone(), target, source, store, upload, sent, verified, began })
    }

    /// Takes in all that `stream` gives, once, and makes it durable when `ended` has said that the source ended well.
    /// Meanwhile `look` reads it: as the store gives it back, or as it is sent where the store vouches for it by checksums
    /// of its own. That both are the same is made sure of in the end. Whoever makes the stream ends it on a stop.
    pub async fn copy<R, E, L, T>(&mut self, stream: &mut R, ended: E, look: L) -> Result<T>
    where
        R: AsyncRead + Send + Unpin + ?Sized,
        E: Future<Output = Result<()>>,
        L: for<'a> FnOnce(&'a mut (dyn AsyncRead + Send + Unpin)) -> Work<'a, T>,
    {
        let Self { cx, target, source, upload, sent, verified, began, .. } = self;
        let mark = Mark { of: source.of.clone(), at: began.1.clone(), rows: source.rows.clone() };
        let compression = target.compression;
        let mark = if mark.of.is_empty() { Vec::new() } else { mark.bytes(compression) };
        let (plain, from) = pipe::pipe();
        let (to, mut coded) = pipe::pipe();
        let broken = |why: std::io::Error| Error::io("what is to be stored cannot be compressed", &why);
        // On a thread of its own, so that it overlaps with reading and sending.
        let code =
            blocking::run(move || coding::encode(compression, &mark, from, to.blocking()).map_err(broken));
        let (beside, mut seen) = Seen::begin(target.verify, &mut **upload).await?;
        let read = async {
            let found = look(&mut seen).await?;
            Ok((found, seen.finish().await?))
        };
        let (well, is_well) = watch::channel(false);
        let ended = async {
            ended.await?;
            well.send_replace(true);
            Ok(())
        };
        let taken = AtomicU64::new(0);
        let (stop, empty) =
            (cx.stop().clone(), format!("what would be `{}` of `{}` is empty", target.key, target.store));
        let progress = Taken { cx, key: &target.key, expected: source.expected, bytes: &taken };
        let feed = feed(progress, stream, (plain, beside), is_well.clone());
        let upload = &mut **upload;
        let store = async {
            let mut beginning = Beginning::default();
            while let Some(chunk) = coded.next().await.map_err(broken)? {
                beginning.take(&chunk);
                upload.write(chunk).await?;
            }
            // A source that has failed says so itself.
            ended_well(is_well.clone()).await;
            if taken.load(Ordering::Relaxed) == 0 {
                return Err(Error::remote(empty));
            }
            upload.seal().await?;
            Ok((beginning, upload))
        };
        let whole = async {
            let ((), (), (beginning, upload), passed, (found, back)) =
                tokio::try_join!(feed, ended, store, code, read)?;
            let how = checking::check(&target.store, upload, (&passed, beginning), back).await?;
            Ok((found, passed, how))
        };
        let stopped = async {
            // Until then the source stops by itself, and says how it ended.
            ended_well(is_well.clone()).await;
            stop.given().await;
        };
        let found;
        (found, *sent, *verified) = tokio::select! {
            biased;
            () = stopped => return Err(stop.reason().unwrap_or_else(|| Error::cancelled("stopped"))),
            whole = whole => whole?,
        };
        Ok(found)
    }

    /// Discards what was written, because of an error that is given back: nothing was changed.
    pub async fn give_up(self, why: Error) -> Error {
        // What cannot be removed now is found by the next run; the reason is what the reader has to see.
        let _ = self.upload.discard().await;
        why.unchanged()
    }

    /// Makes a dump visible that was copied and looked at. Then older dumps go, if that was asked for.
    pub async fn publish(self, counted: Counted) -> Result<Receipt> {
        let cx = self.cx.clone();
        // Nothing is published after a stop, even by work that was given time to close.
        if let Err(why) = until_stopped(&cx, refuse_taken(&*self.store, &self.target)).await {
            return Err(self.give_up(why).await);
        }
        let Self { target, source, store, upload, sent, verified, began, .. } = self;
        let receipt = |version, took, retained| {
            let Target { store, key, .. } = target.clone();
            let verified = Some(verified);
            Receipt { store, key, version, passed: sent.clone(), verified, counted, took, retained }
        };
        let so_far = receipt(None, cx.instant().duration_since(began.0), None);
        cx.witness(json!({ witness::VALUE: so_far.into_value() }))?;
        let object = match upload.publish(&sent.sha256, target.replace).await {
            Ok(object) => object,
            Err(why) => settle(&*store, &target, &sent).await.ok_or(why)?,
        };
        let took = cx.instant().duration_since(began.0);
        cx.progress(&target.key, sent.uncompressed, Some(sent.uncompressed));
        let retained = match target.keep {
            Some(keep) => Some(retention::retain(&cx, &*store, (&target.key, &source.of), keep).await),
            None => None,
        };
        Ok(receipt(object.version, took, retained))
    }
}

/// How much of a stream was taken in.
struct Taken<'a> {
    cx: &'a Cx,
    key: &'a str,
    expected: Option<u64>,
    bytes: &'a AtomicU64,
}

/// Waits until the source has said that it ended well.
async fn ended_well(mut is_well: watch::Receiver<bool>) {
    if is_well.wait_for(|well| *well).await.is_err() {
        std::future::pending().await
    }
}

/// Passes a stream on, and tells how far it is.
async fn feed<R: AsyncRead + Send + Unpin + ?Sized>(
    taken: Taken<'_>,
    stream: &mut R,
    (to, beside): (Outlet, Option<Outlet>),
    is_well: watch::Receiver<bool>,
) -> Result<()> {
    let (mut done, mut told) = (0, 0);
    while let Some(chunk) = next(stream, "what is to be stored cannot be read from its source").await? {
        done += chunk.len() as u64;
        taken.bytes.store(done, Ordering::Relaxed);
        if let Some(beside) = &beside {
            // Who looks may have seen enough.
            beside.send(chunk.clone()).await;
        }
        if !to.send(chunk).await {
            break;
        }
        if done - told >= TELL_EVERY {
            told = done;
            taken.cx.progress(taken.key, done, taken.expected);
        }
    }
    to.end().await;
    if let Some(beside) = beside {
        // Whoever looks would else take what a source that failed had given for all that there is.
        ended_well(is_well).await;
        beside.end().await;
    }
    Ok(())
}

/// Waits for `work`, which leaves nothing behind when it is dropped, until a stop.
pub async fn until_stopped<T>(cx: &Cx, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = cx.stop().given() => Err(cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"))),
        result = work => result,
    }
}

/// The error for a key that is taken, when it may not be replaced.
async fn refuse_taken(store: &dyn Store, target: &Target) -> Result<()> {
    if target.replace || store.head(&target.key).await?.is_none() {
        return Ok(());
    }
    Err(Error::remote(format!("`{}` already holds `{}`", target.store, target.key))
        .fix("choose another key, or give `replace: true`"))
}

/// The dump after all, when only the answer to publishing it was lost: nothing had its key a moment before.
async fn settle(store: &dyn Store, target: &Target, passed: &Passed) -> Option<Object> {
    let there = store.head(&target.key).await.ok().flatten();
    there.filter(|object| !target.replace && object.bytes == passed.bytes)
}

/// The next chunk of a stream; `None` at its end.
pub async fn next<R: AsyncRead + Send + Unpin + ?Sized>(source: &mut R, what: &str) -> Result<Option<Bytes>> {
    pipe::chunk(source).await.map_err(|why| Error::io(what, &why))
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    crate::base::text::hexadecimal(bytes)
}

#[cfg(test)]
mod tests;
