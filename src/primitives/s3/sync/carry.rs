//! Carries a difference out: many files at once, pages last, deletions after all of them.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::bucket::{Bucket, SHA256};
use super::super::{store, transfer};
use super::compare::{Difference, Sending};
use super::rules::Rules;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::blocking;
use crate::sys::folder::Folder;

/// How much of all files together is held in memory, in KiB.
const IN_MEMORY: usize = 64 * 1024;
/// How many objects one request deletes.
const DELETED_AT_ONCE: usize = 1000;
/// Progress is told after so many files.
const TELL_EVERY: u64 = 50;

/// What all of the work shares.
#[derive(Debug)]
pub(super) struct Work {
    /// Where to.
    pub(super) bucket: Arc<Bucket>,
    /// The call.
    pub(super) cx: Cx,
    /// What goes with each file.
    pub(super) rules: Rules,
    /// How many files at once.
    pub(super) parallel: usize,
}

impl Work {
    /// Waits for `work`, which leaves nothing behind when it is dropped, until a stop.
    pub(super) async fn until_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let stop = self.cx.stop();
        tokio::select! {
            biased;
            () = stop.given() => Err(stop.reason().unwrap_or_else(|| Error::cancelled("stopped"))),
            result = work => result,
        }
    }

    /// Does `one` with each of `all`, so many at once; the first error ends the rest.
    pub(super) async fn each<T, D, F>(
        &self,
        all: impl IntoIterator<Item = T>,
        one: impl Fn(T) -> F,
        mut done: impl FnMut(D),
    ) -> Result<()>
    where
        D: Send + 'static,
        F: Future<Output = Result<D>> + Send + 'static,
    {
        let (mut left, mut running) = (all.into_iter(), JoinSet::new());
        loop {
            while running.len() < self.parallel
                && let Some(next) = left.next()
            {
                running.spawn(one(next));
            }
            match running.join_next().await {
                None => return Ok(()),
                Some(Err(broken)) => {
                    return Err(Error::bug("a piece of a sync broke off").why(broken.to_string()));
                }
                Some(Ok(result)) => done(result?),
            }
        }
    }
}

/// Sends and deletes what differs; gives the receipt.
pub(super) async fn out(work: &Arc<Work>, below: String, difference: Difference) -> Result<Value> {
    let Difference { folder, send, delete, unchanged } = difference;
    let total = send.len() as u64;
    let (mut uploaded, mut bytes) = (0, 0);
    let room = Arc::new(Semaphore::new(IN_MEMORY));
    let is_page = |file: &Sending| file.path.ends_with(".html") || file.path.ends_with(".htm");
    let (pages, others): (Vec<Sending>, Vec<Sending>) = send.into_iter().partition(is_page);
    for wave in [others, pages] {
        let sending = work.each(
            wave,
            |file| send_one(Arc::clone(work), Arc::clone(&folder), Arc::clone(&room), file),
            |sent: u64| {
                uploaded += 1;
                bytes += sent;
                if uploaded % TELL_EVERY == 0 || uploaded == total {
                    work.cx.progress(&format!("{below}*"), uploaded, Some(total));
                }
            },
        );
        work.until_stopped(sending).await?;
    }
    let batches: Vec<Vec<String>> = delete.chunks(DELETED_AT_ONCE).map(<[String]>::to_vec).collect();
    let erase = |keys: Vec<String>| {
        let work = Arc::clone(work);
        async move { work.bucket.erase_all(&keys).await }
    };
    work.until_stopped(work.each(batches, erase, drop)).await?;
    let deleted = delete.len();
    Ok(json!({ "uploaded": uploaded, "unchanged": unchanged, "deleted": deleted, "bytes": bytes }))
}

/// Sends one file; gives how many bytes it had.
async fn send_one(work: Arc<Work>, folder: Arc<Folder>, room: Arc<Semaphore>, file: Sending) -> Result<u64> {
    let bucket = &work.bucket;
    if file.bytes > bucket.bounds.part as u64 {
        return send_large(&work, &folder, &file).await;
    }
    let kibibytes = u32::try_from(file.bytes / 1024 + 1).unwrap_or(u32::MAX);
    let _held = room.acquire_many_owned(kibibytes.min(IN_MEMORY as u32)).await;
    let (path, most) = (file.path.clone(), bucket.bounds.part);
    let read = blocking::run(move || {
        let mut content = Vec::new();
        let opened = folder.read(&path)?.ok_or_else(|| gone(&path))?;
        let mut bounded = opened.take(most as u64 + 1);
        bounded.read_to_end(&mut content).map_err(|why| folder.failed("read", &path, &why))?;
        if content.len() > most { Err(grown(&path)) } else { Ok(content) }
    });
    let content = Bytes::from(read.await?);
    let with = work.rules.attributes(&file.path, Some(&content))?;
    let bytes = content.len() as u64;
    bucket.write(&bucket.patient, &file.key, content, with).await?;
    Ok(bytes)
}

async fn send_large(work: &Work, folder: &Arc<Folder>, file: &Sending) -> Result<u64> {
    let (opened, path) = (Arc::clone(folder), file.path.clone());
    let read = blocking::run(move || opened.read(&path)?.ok_or_else(|| gone(&path)));
    let source = tokio::fs::File::from_std(read.await?);
    let mut with = work.rules.attributes(&file.path, None)?;
    with.metadata.remove(SHA256);
    let incoming = store::begin(&work.bucket, &work.cx, &file.key, with).await?;
    // What it replaces has been kept with everything else.
    let (source, what) = ((Box::new(source) as _, file.bytes), (file.key.as_str(), false));
    let sent = transfer::send(&work.bucket, &work.cx, source, incoming, what).await;
    sent.map(|_| file.bytes).map_err(|mut error| {
        // This file may be unchanged; the others are not.
        error.unchanged = false;
        error
    })
}

fn gone(path: &str) -> Error {
    Error::missing(format!("{path} went away while its folder was synced"))
        .fix("let the build end first, and run it again")
}

fn grown(path: &str) -> Error {
    Error::remote(format!("{path} grew while its folder was synced"))
        .fix("let the build end first, and run it again")
}
