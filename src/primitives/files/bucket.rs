//! A folder as a store of objects: keys, the hidden places of what comes and what was replaced, and the `Store`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::Table;
use super::incoming::Incoming;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next};
use crate::effect::primitive::Work;
use crate::effect::store::{Content, Object, Store, Upload, no_key, stays_inside};
use crate::sys::blocking;
use crate::sys::clock;
use crate::sys::folder::{Folder, Status};

/// Where objects lie until they are published.
const INCOMING: &str = ".incoming";
/// Where the earlier content of replaced and deleted objects lies.
const KEPT: &str = ".kept";
/// What a crash left in [`INCOMING`] is removed after this long, where no lock tells that its process is gone.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// How often a process looks through a folder for what nobody will come back for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The longest key, in bytes; the same as in S3.
const LONGEST_KEY: usize = 1024;
/// The longest part of a key, in bytes; what file systems allow.
const LONGEST_PART: usize = 255;

/// A folder as a store of objects. The folder itself is made by the first object that is written.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    name: String,
    path: PathBuf,
    keep: Duration,
}

/// Opens the resource of a call.
pub(super) fn open(cx: &Cx) -> Result<Bucket> {
    let table: Table = cx.settings()?;
    let keep = text::parse_duration(&table.keep)?;
    Ok(Bucket { name: cx.resource().to_string(), path: cx.trusted_path(&table.path), keep })
}

/// Opens the resource for another family.
pub(super) fn store(cx: Cx) -> Work<'static, Arc<dyn Store>> {
    Box::pin(async move { Ok(Arc::new(open(&cx)?) as Arc<dyn Store>) })
}

/// Says what is wrong with a key, if anything. One that would lead out of the folder is a denial.
pub(super) fn check_key(key: &str) -> Result<()> {
    let wrong = |kind: Kind, why: &str| Err(no_key(key, kind, why));
    stays_inside(key)?;
    if is_hidden(key) {
        return wrong(Kind::Denied, "`.incoming` and `.kept` are the store's own");
    }
    if key.is_empty() || key.len() > LONGEST_KEY || key.split('/').any(|part| part.len() > LONGEST_PART) {
        return wrong(Kind::Usage, "a key has 1 to 1024 bytes, and each part of it at most 255");
    }
    if key.chars().any(char::is_control) || key.split('/').any(|part| part.is_empty() || part == ".") {
        return wrong(Kind::Usage, "a key has no control characters, no empty part, and no part `.`");
    }
    Ok(())
}

fn is_hidden(key: &str) -> bool {
    matches!(key.split('/').next(), Some(INCOMING | KEPT))
}

/// The name under which the earlier content of an object is kept: the same for the same content, and cheap to tell.
fn kept_name(status: &Status) -> String {
    format!("{}-{}-{}", status.modified.as_nanosecond(), status.bytes, status.inode)
}

/// Whether `status` is what was kept as `kept`, apart from its inode, which a copy does not share.
fn is_kept(status: &Status, kept: &str) -> bool {
    let same = format!("{}-{}-", status.modified.as_nanosecond(), status.bytes);
    kept.starts_with(&same)
}

/// What a listing shows of an object.
pub(super) fn object(key: &str, status: &Status) -> Object {
    Object { key: key.to_owned(), bytes: status.bytes, modified: status.modified.to_string(), version: None }
}

impl Bucket {
    /// The name under which the present content of `key` would be kept; `None` when there is none.
    pub(super) async fn kept_as(&self, key: &str) -> Result<Option<String>> {
        check_key(key)?;
        let key = key.to_owned();
        let status = self.on_folder(move |folder| folder.status(&key)).await?.flatten();
        Ok(status.as_ref().map(kept_name))
    }

    /// Keeps the present content of `key` aside, so that it can be restored after it was replaced.
    pub(super) async fn keep(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        let keep = move |folder: &Folder| match folder.status(&key)? {
            Some(status) => folder.link(&key, &format!("{KEPT}/{}", kept_name(&status))),
            None => Ok(()),
        };
        self.on_folder(keep).await.map(|_| ())
    }

    /// Takes `key` away, but keeps its content aside; says whether there was one.
    pub(super) async fn put_aside(&self, key: &str) -> Result<bool> {
        check_key(key)?;
        let key = key.to_owned();
        let put = move |folder: &Folder| match folder.status(&key)? {
            Some(status) => folder.rename(&key, &format!("{KEPT}/{}", kept_name(&status))).map(|()| true),
            None => Ok(false),
        };
        Ok(self.on_folder(put).await?.unwrap_or(false))
    }

    /// Moves what was kept as `kept` back under `key`.
    pub(super) async fn restore(&self, kept: &str, key: &str) -> Result<()> {
        check_key(key)?;
        let is_name = |kept: &str| kept.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if kept.is_empty() || !is_name(kept) {
            return Err(Error::usage(format!("`{kept}` is no name that content is kept under")));
        }
        self.keep(key).await?;
        let (kept, key, days, name) = (kept.to_owned(), key.to_owned(), self.keep, self.name.clone());
        let back = move |folder: &Folder| {
            let hidden = format!("{KEPT}/{kept}");
            let Some(status) = folder.status(&hidden)? else {
                // The change may never have happened, or may have been taken back already.
                return match folder.status(&key)? {
                    Some(now) if is_kept(&now, &kept) => Ok(()),
                    _ => Err(Error::missing(format!(
                        "the earlier content of `{key}` in `{name}` is not kept any more"
                    ))
                    .why(format!(
                        "content that was replaced or deleted is kept for {}",
                        text::show_duration(days)
                    ))
                    .fix(format!(
                        "put it there by hand; `keep` of `{name}` in playbook.toml says how long it is kept"
                    ))),
                };
            };
            if !is_kept(&status, &kept) {
                return Err(Error::remote(format!("the earlier content of `{key}` was changed by somebody"))
                    .why(folder.path(&hidden).display().to_string())
                    .fix("look at both files, and put the right one there by hand"));
            }
            folder.rename(&hidden, &key)
        };
        self.on_folder(back).await?.ok_or_else(|| self.missing("folder", ""))
    }

    /// Writes an object from a stream, and says how large it is and its SHA-256. `keep` keeps aside what it replaces.
    pub(super) async fn fill(&self, key: &str, source: &mut Content) -> Result<(Object, String)> {
        let mut upload = self.begin(key).await?;
        let mut digest = Sha256::new();
        while let Some(chunk) = next(source, "the content cannot be read").await? {
            digest.update(&chunk);
            upload.write(chunk).await?;
        }
        upload.seal().await?;
        self.keep(key).await?;
        let sha256 = hexadecimal(digest.finalize().as_slice());
        let object = upload.publish(&sha256, true).await?;
        Ok((object, sha256))
    }

    /// The folder itself, for who may block.
    pub(super) fn folder(&self) -> Result<Folder> {
        Folder::open(&self.path)?.ok_or_else(|| self.missing("folder", ""))
    }

    /// The error for an object that is not there.
    pub(super) fn missing(&self, what: &str, key: &str) -> Error {
        let shown = if key.is_empty() { String::new() } else { format!(" `{key}`") };
        Error::missing(format!("`{}` has no {what}{shown}", self.name)).fix("look with `list(\"\")`")
    }

    /// Does `work` on a thread that may block; `None` when there is no folder.
    async fn on_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let path = self.path.clone();
        blocking::run(move || Folder::open(&path)?.map(|folder| work(&folder)).transpose()).await
    }
}

#[async_trait]
impl Store for Bucket {
    async fn begin(&self, key: &str) -> Result<Box<dyn Upload>> {
        check_key(key)?;
        let (path, keep, key) = (self.path.clone(), self.keep, key.to_owned());
        blocking::run(move || {
            let folder = Folder::open_or_make(&path)?;
            if is_due(&path, keep) {
                sweep(&folder, keep);
            }
            let temporary = format!("{INCOMING}/{}", uuid::Uuid::now_v7().simple());
            let file = folder.create_held(&temporary)?;
            Ok(Box::new(Incoming::new(folder, file, temporary, key)?) as Box<dyn Upload>)
        })
        .await
    }

    async fn open(&self, key: &str) -> Result<Content> {
        check_key(key)?;
        let name = key.to_owned();
        let file = self.on_folder(move |folder| folder.read(&name)).await?.flatten();
        let file = file.ok_or_else(|| self.missing("object", key))?;
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }

    async fn head(&self, key: &str) -> Result<Option<Object>> {
        check_key(key)?;
        let name = key.to_owned();
        let status = self.on_folder(move |folder| folder.status(&name)).await?.flatten();
        Ok(status.map(|status| object(key, &status)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let below = prefix.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        if !below.is_empty() {
            check_key(&below)?;
        }
        let all = self.on_folder(move |folder| folder.walk(&below)).await?.unwrap_or_default();
        let mut found: Vec<Object> = all
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && !is_hidden(key))
            .map(|(key, status)| object(key, status))
            .collect();
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    async fn remove(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let key = key.to_owned();
        self.on_folder(move |folder| folder.remove(&key)).await.map(|_| ())
    }

    async fn tidy(&self) -> Result<()> {
        let keep = self.keep;
        let swept = move |folder: &Folder| {
            sweep(folder, keep);
            Ok(())
        };
        self.on_folder(swept).await.map(|_| ())
    }
}

/// Whether a folder is to be swept: a run of many writes would else look through all that it keeps at each of them.
fn is_due(path: &Path, keep: Duration) -> bool {
    static SWEPT: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());
    let (now, mut swept) = (clock::instant(), SWEPT.lock().unwrap_or_else(PoisonError::into_inner));
    let is_due = swept.get(path).is_none_or(|then| now.duration_since(*then) > SWEEP_EVERY.min(keep));
    if is_due {
        swept.insert(path.to_owned(), now);
    }
    is_due
}

/// Removes what nobody will come back for. A failure is no reason to refuse the work that came by.
fn sweep(folder: &Folder, keep: Duration) {
    for (name, _) in folder.walk(INCOMING).unwrap_or_default() {
        let _ = folder.remove_abandoned(&name, ABANDONED);
    }
    for (name, status) in folder.walk(KEPT).unwrap_or_default() {
        if status.is_older(keep) {
            let _ = folder.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_lead_out_or_collide_are_refused() {
        for good in ["a", "a/b.c", "2026/11/x y.dump", ".well-known/x", "a/.incoming", "ä/ß", "a..b"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        let long = "x/".repeat(600) + "x";
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "a/.",
            ".incoming/x",
            ".kept",
            "a\0b",
            "a\nb",
            &long,
        ] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
