//! What differs between a folder of the project and one of the bucket, by size and checksum.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use md5::Md5;
use sha2::Sha256;
use tokio::task::JoinSet;

use super::super::bucket::Bucket;
use super::super::key;
use super::super::listing::Listed;
use super::rules::Rules;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::dump::hexadecimal;
use crate::sys::blocking;
use crate::sys::folder::Folder;

/// How many objects are asked about at once, where the listing does not tell enough.
const QUESTIONS: usize = 32;

/// What has to be done.
#[derive(Debug)]
pub(super) struct Difference {
    /// The folder of the project.
    pub(super) folder: Arc<Folder>,
    /// The files to send.
    pub(super) send: Vec<Sending>,
    /// The keys of the objects to delete.
    pub(super) delete: Vec<String>,
    /// How many files are there already.
    pub(super) unchanged: u64,
}

/// A file to send.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Its path in the folder.
    pub(super) path: String,
    /// The key of its object.
    pub(super) key: String,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Whether there is an object of that key.
    pub(super) replaces: bool,
}

impl Difference {
    /// Whether there is nothing to do.
    pub(super) const fn is_empty(&self) -> bool {
        self.send.is_empty() && self.delete.is_empty()
    }

    /// What there is to do, in words for a plan.
    pub(super) fn foretold(&self) -> String {
        let changed = self.send.iter().filter(|file| file.replaces).count();
        let (new, bytes) = (self.send.len() - changed, self.send.iter().map(|file| file.bytes).sum());
        let (deleted, unchanged, size) = (self.delete.len(), self.unchanged, text::show_size(bytes));
        format!("{new} new, {changed} changed, {deleted} deleted, {unchanged} unchanged; {size} to send")
    }

    /// Whether anything that is there now will be gone.
    pub(super) fn loses(&self) -> bool {
        !self.delete.is_empty() || self.send.iter().any(|file| file.replaces)
    }
}

/// A file and its object, which may hold the same.
struct Suspect {
    file: Sending,
    etag: Option<String>,
}

/// Compares; `delete` also finds what is only in the bucket.
pub(super) async fn folder_with_bucket(
    bucket: &Arc<Bucket>,
    (path, shown): (&Path, &str),
    below: &str,
    rules: &Rules,
    delete: bool,
) -> Result<Difference> {
    let (files, objects) = tokio::try_join!(walk(path, shown), list(bucket, below))?;
    let (folder, files) = files;
    let mut objects = objects;
    objects.retain(|key, _| rules.takes(&key[below.len()..]));
    let mut send = Vec::new();
    let mut suspects = Vec::new();
    for (path, bytes) in files {
        if !rules.takes(&path) {
            continue;
        }
        let key = format!("{below}{path}");
        key::check(&key)?;
        let there = objects.remove(&key);
        let replaces = there.is_some();
        let file = Sending { path, key, bytes, replaces };
        match there {
            Some(there) if there.object.bytes == bytes => suspects.push(Suspect { file, etag: there.etag }),
            _ => send.push(file),
        }
    }
    if delete && send.is_empty() && suspects.is_empty() && !objects.is_empty() {
        return Err(Error::usage(format!("{shown} holds no file: a sync would delete all of `{below}*`"))
            .fix("check the folder; to empty the bucket's, delete its objects"));
    }
    let count = suspects.len() as u64;
    let changed = really_changed(bucket, &folder, suspects).await?;
    let unchanged = count - changed.len() as u64;
    send.extend(changed);
    send.sort_by(|one, other| one.path.cmp(&other.path));
    let delete = if delete { objects.into_keys().collect() } else { Vec::new() };
    Ok(Difference { folder, send, delete, unchanged })
}

/// The files of the folder and their sizes.
async fn walk(path: &Path, shown: &str) -> Result<(Arc<Folder>, Vec<(String, u64)>)> {
    let (path, shown) = (path.to_owned(), shown.to_owned());
    blocking::run(move || {
        let folder = Folder::open(&path)?.ok_or_else(|| {
            Error::missing(format!("there is no folder {shown}")).fix("build it first, or correct its name")
        })?;
        let files = folder.walk("")?.into_iter().map(|(name, status)| (name, status.bytes)).collect();
        Ok((Arc::new(folder), files))
    })
    .await
}

/// The objects below `below`, by key.
pub(super) async fn list(bucket: &Bucket, below: &str) -> Result<BTreeMap<String, Listed>> {
    let mut found = BTreeMap::new();
    let all = bucket.each(below, |listed| {
        // A key with a `/` at its end marks a folder; no file could have it.
        if !listed.object.key.ends_with('/') {
            found.insert(listed.object.key.clone(), listed);
        }
        ControlFlow::<()>::Continue(())
    });
    all.await?;
    Ok(found)
}

/// Those of the suspects whose content is not that of their object.
async fn really_changed(
    bucket: &Arc<Bucket>,
    folder: &Arc<Folder>,
    suspects: Vec<Suspect>,
) -> Result<Vec<Sending>> {
    let opened = Arc::clone(folder);
    let unlike = blocking::run(move || {
        let mut unlike = Vec::new();
        for suspect in suspects {
            // The tag of an object that was written in one piece is the MD5 of its content.
            let is_md5 = |etag: &&String| etag.len() == 32;
            let same = match suspect.etag.as_ref().filter(is_md5) {
                Some(etag) => digest::<Md5>(&opened, &suspect.file.path)? == *etag,
                None => false,
            };
            if !same {
                unlike.push(suspect.file);
            }
        }
        Ok(unlike)
    })
    .await?;
    let (mut changed, mut asking) = (Vec::new(), JoinSet::new());
    let mut left = unlike.into_iter();
    loop {
        while asking.len() < QUESTIONS
            && let Some(file) = left.next()
        {
            let (bucket, folder) = (Arc::clone(bucket), Arc::clone(folder));
            asking.spawn(
                async move { is_changed(&bucket, &folder, &file).await.map(|changed| (file, changed)) },
            );
        }
        match asking.join_next().await {
            None => return Ok(changed),
            Some(Err(broken)) => return Err(Error::bug("a comparison broke off").why(broken.to_string())),
            Some(Ok(answer)) => {
                let (file, is_changed) = answer?;
                changed.extend(is_changed.then_some(file));
            }
        }
    }
}

/// Encrypted objects and those sent in parts have tags of their own kind, and not every server lists any.
async fn is_changed(bucket: &Bucket, folder: &Arc<Folder>, file: &Sending) -> Result<bool> {
    let Some(head) = bucket.look(&file.key, None).await? else { return Ok(true) };
    let etag = head.etag.trim_matches('"').to_owned();
    let (folder, path) = (Arc::clone(folder), file.path.clone());
    let wanted = head.sha256().map(str::to_owned);
    blocking::run(move || match wanted {
        Some(wanted) => Ok(digest::<Sha256>(&folder, &path)? != wanted),
        None => Ok(digest::<Md5>(&folder, &path)? != etag),
    })
    .await
}

/// The digest of a file, hexadecimal; of one that is gone, of nothing.
fn digest<D: md5::Digest>(folder: &Folder, path: &str) -> Result<String> {
    let mut digest = D::new();
    if let Some(mut file) = folder.read(path)? {
        let mut buffer = [0; 64 * 1024];
        loop {
            match file.read(&mut buffer).map_err(|why| folder.failed("read", path, &why))? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
    }
    Ok(hexadecimal(&digest.finalize()))
}
