//! Carries a difference out: many files at once, pages last, deletions after all of them.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::bucket::{Bucket, SHA256};
use super::super::sending;
use super::compare::{Difference, Sending};
use super::rules::Rules;
use super::written::{Mark, Written};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump;
use crate::sys::blocking;
use crate::sys::folder::Folder;

/// How much of all files together is held in memory, in KiB.
const IN_MEMORY: usize = 64 * 1024;
/// How many objects one request deletes.
const DELETED_AT_ONCE: usize = 1000;
/// How many small files are read together.
const READ_AT_ONCE: usize = 8;
/// How large they are together at most, in bytes.
const LARGEST_BATCH: u64 = 256 * 1024;
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
    /// What was sent and deleted so far.
    pub(super) written: Written,
}

impl Work {
    /// Work that has not begun.
    pub(super) fn new(bucket: Arc<Bucket>, cx: Cx, rules: Rules, parallel: usize) -> Self {
        Self { bucket, cx, rules, parallel, written: Written::default() }
    }

    /// Waits for `work`, which leaves nothing behind when it is dropped, until a stop.
    pub(super) async fn until_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        dump::until_stopped(&self.cx, work).await
    }

    /// Does `one` with each of `all`, so many at once; the first error ends the rest.
    pub(super) async fn each<T, F>(
        &self,
        all: Vec<T>,
        one: impl Fn(T) -> F + Clone + Send + 'static,
    ) -> Result<()>
    where
        T: Send + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let workers = self.parallel.min(all.len());
        let left = Arc::new(Mutex::new(all.into_iter()));
        let mut running = JoinSet::new();
        // A few tasks that go on and on are cheaper than one for each of thousands of small files.
        for _ in 0..workers {
            let (left, one) = (Arc::clone(&left), one.clone());
            running.spawn(async move {
                let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(next) = next() {
                    one(next).await?;
                }
                Ok(())
            });
        }
        while let Some(ended) = running.join_next().await {
            ended
                .unwrap_or_else(|why| Err(Error::bug("a piece of a sync broke off").why(why.to_string())))?;
        }
        Ok(())
    }
}

/// How far the sending is.
#[derive(Debug, Default)]
struct Tally {
    files: AtomicU64,
    bytes: AtomicU64,
}

/// What all of the sending shares.
#[derive(Clone)]
struct Sender {
    work: Arc<Work>,
    folder: Arc<Folder>,
    /// Room in memory, in KiB.
    room: Arc<Semaphore>,
    tally: Arc<Tally>,
    total: u64,
    below: Arc<str>,
}

/// Sends and deletes what differs; gives the receipt.
pub(super) async fn out(work: &Arc<Work>, below: &str, difference: Difference) -> Result<Value> {
    let Difference { folder, send, delete, unchanged } = difference;
    let (tally, room) = (Arc::new(Tally::default()), Arc::new(Semaphore::new(IN_MEMORY)));
    let (total, below) = (send.len() as u64, below.into());
    let (deleting, tallied) = (Arc::clone(work), Arc::clone(&tally));
    let sender = Sender { work: Arc::clone(work), folder, room, tally, total, below };
    let is_page = |file: &Sending| file.path.ends_with(".html") || file.path.ends_with(".htm");
    let (pages, others): (Vec<Sending>, Vec<Sending>) = send.into_iter().partition(is_page);
    for wave in [others, pages] {
        let sender = sender.clone();
        let batches = batches(wave, work.parallel);
        let send = move |batch| sender.clone().send(batch);
        work.until_stopped(work.each(batches, send)).await?;
    }
    let batches: Vec<Vec<String>> = delete.chunks(DELETED_AT_ONCE).map(<[String]>::to_vec).collect();
    let erase = move |keys: Vec<String>| {
        let work = Arc::clone(&deleting);
        async move {
            work.bucket.erase_all(&keys).await?;
            work.written.deleted(&keys);
            Ok(())
        }
    };
    work.until_stopped(work.each(batches, erase)).await?;
    let (uploaded, bytes) = (tallied.files.load(Ordering::Relaxed), tallied.bytes.load(Ordering::Relaxed));
    Ok(json!({ "uploaded": uploaded, "unchanged": unchanged, "deleted": delete.len(), "bytes": bytes }))
}

/// Files that are read together, because going to another thread for each small one costs more than reading it; as long
/// as there is enough for everybody to do.
fn batches(files: Vec<Sending>, parallel: usize) -> Vec<Vec<Sending>> {
    let most = (files.len() / (parallel * 4)).clamp(1, READ_AT_ONCE);
    let mut batches: Vec<Vec<Sending>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        match batches.last_mut() {
            Some(batch) if batch.len() < most && bytes + file.bytes <= LARGEST_BATCH => {
                bytes += file.bytes;
                batch.push(file);
            }
            _ => {
                bytes = file.bytes;
                batches.push(vec![file]);
            }
        }
    }
    batches
}

impl Sender {
    /// Sends files that are read together.
    async fn send(self, batch: Vec<Sending>) -> Result<()> {
        let part = self.work.bucket.bounds.part;
        if let [file] = batch.as_slice()
            && file.bytes > part as u64
        {
            let mark = send_large(&self.work, &self.folder, file).await?;
            self.work.written.add(&file.key, mark);
            self.tell(file.bytes);
            return Ok(());
        }
        let bytes: u64 = batch.iter().map(|file| file.bytes).sum();
        let kibibytes = usize::try_from(bytes / 1024 + 1).unwrap_or(IN_MEMORY).min(IN_MEMORY);
        let _held = Arc::clone(&self.room).acquire_many_owned(kibibytes as u32).await;
        let folder = Arc::clone(&self.folder);
        let paths: Vec<String> = batch.iter().map(|file| file.path.clone()).collect();
        let read = blocking::run(move || paths.iter().map(|path| content(&folder, path, part)).collect());
        let contents: Vec<Bytes> = read.await?;
        for (file, content) in batch.iter().zip(contents) {
            let with = self.work.rules.attributes(&file.path, Some(&content))?;
            let (bucket, bytes) = (&self.work.bucket, content.len() as u64);
            let sha256 = with.metadata.get(SHA256).cloned();
            let written = bucket.write(&bucket.patient, &file.key, content, with).await?;
            self.work.written.add(&file.key, Mark::new(&written.told.etag, bytes, sha256.as_deref()));
            self.tell(bytes);
        }
        Ok(())
    }

    fn tell(&self, bytes: u64) {
        self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
        let files = self.tally.files.fetch_add(1, Ordering::Relaxed) + 1;
        if files.is_multiple_of(TELL_EVERY) || files == self.total {
            self.work.cx.progress(&format!("{}*", self.below), files, Some(self.total));
        }
    }
}

/// The whole content of a file that fits into a part.
fn content(folder: &Folder, path: &str, part: usize) -> Result<Bytes> {
    let mut content = Vec::new();
    let opened = folder.read(path)?.ok_or_else(|| gone(path))?;
    let mut bounded = opened.take(part as u64 + 1);
    bounded.read_to_end(&mut content).map_err(|why| folder.failed("read", path, &why))?;
    if content.len() > part { Err(grown(path)) } else { Ok(Bytes::from(content)) }
}

async fn send_large(work: &Work, folder: &Arc<Folder>, file: &Sending) -> Result<Mark> {
    let (opened, path) = (Arc::clone(folder), file.path.clone());
    let read = blocking::run(move || opened.read(&path)?.ok_or_else(|| gone(&path)));
    let source = tokio::fs::File::from_std(read.await?);
    let mut with = work.rules.attributes(&file.path, None)?;
    with.metadata.remove(SHA256);
    // What it replaces has been kept with everything else.
    let large = sending::Sending { key: &file.key, with, keep: false };
    let sent = sending::send(&work.bucket, &work.cx, (source, file.bytes), large).await;
    // Its tag is not known, and its checksum is enough.
    let mark = |receipt: Value| Mark::new("", file.bytes, receipt.get(SHA256).and_then(Value::as_str));
    sent.map(mark).map_err(|mut error| {
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
