//! What a sync wrote, noted beside the record of what was there before: so that taking it back, days later, sees what
//! others have changed since.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use serde::{Deserialize, Serialize};

use super::super::bucket::{Bucket, Head};
use super::compare;
use crate::base::error::{Error, Kind, Result};

/// So many of the keys that others changed are named.
const NAMED: usize = 10;
/// How many objects are asked about at once.
const QUESTIONS: usize = 32;

/// How an object that the sync wrote is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// As the server named its content.
    etag: String,
    /// How large it is, in bytes.
    bytes: u64,
    /// Goes with the content when the server itself copies it, and gives it another tag.
    sha256: Option<String>,
}

impl Mark {
    /// Of an object that was just written.
    pub(super) fn new(etag: &str, bytes: u64, sha256: Option<&str>) -> Self {
        Self { etag: etag.trim_matches('"').to_owned(), bytes, sha256: sha256.map(str::to_owned) }
    }

    fn of(head: &Head) -> Self {
        Self::new(&head.etag, head.bytes, head.sha256())
    }

    fn is(&self, head: &Head) -> bool {
        let now = Self::of(head);
        now.bytes == self.bytes
            && (now.etag == self.etag || (self.sha256.is_some() && now.sha256 == self.sha256))
    }
}

/// What is under each key after the sync: `None` where it deleted.
type Marks = BTreeMap<String, Option<Mark>>;

/// What was written so far.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<Marks>);

impl Written {
    /// An object was written.
    pub(super) fn add(&self, key: &str, mark: Mark) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), Some(mark));
    }

    /// Objects were deleted.
    pub(super) fn deleted(&self, keys: &[String]) {
        let gone = keys.iter().map(|key| (key.clone(), None));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(gone);
    }

    /// Notes all that was written beside `manifest`; `keys` are those that the sync has touched in all. Those that an
    /// earlier try wrote are looked at.
    pub(super) async fn note(&self, bucket: &Bucket, manifest: &str, keys: Vec<String>) -> Result<()> {
        let mut marks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let unknown: Vec<String> = keys.into_iter().filter(|key| !marks.contains_key(key)).collect();
        for (key, head) in heads(bucket, unknown).await? {
            marks.insert(key, head.as_ref().map(Mark::of));
        }
        bucket.note(&beside(manifest), &marks).await
    }
}

/// Where it is noted.
fn beside(manifest: &str) -> String {
    format!("{manifest}.after")
}

async fn heads(bucket: &Bucket, keys: Vec<String>) -> Result<Vec<(String, Option<Head>)>> {
    let looks = keys.into_iter().map(async |key| bucket.look(&key, None).await.map(|head| (key, head)));
    iter(looks).buffer_unordered(QUESTIONS).try_collect().await
}

/// Whether all that the sync of `manifest` wrote is still so; `None` when that was not noted, or no longer is. An error
/// that names the keys which others have changed since.
pub(super) async fn is_as_left(bucket: &Bucket, below: &str, manifest: &str) -> Result<Option<bool>> {
    let Some(marks) = bucket.noted::<Marks>(&beside(manifest)).await? else { return Ok(None) };
    let now = compare::list(bucket, below).await?;
    let (mut changed, mut unknown) = (Vec::new(), Vec::new());
    for (key, mark) in &marks {
        match (mark, now.get(key)) {
            (None, None) => {}
            (Some(mark), Some(listed)) if listed.object.bytes != mark.bytes => changed.push(key.clone()),
            (Some(mark), Some(listed)) if listed.etag.as_deref() == Some(&mark.etag) => {}
            (Some(_), Some(_)) => unknown.push(key.clone()),
            (None, Some(_)) | (Some(_), None) => changed.push(key.clone()),
        }
    }
    for (key, head) in heads(bucket, unknown).await? {
        let mark = marks.get(&key).and_then(Option::as_ref);
        if !mark.zip(head.as_ref()).is_some_and(|(mark, head)| mark.is(head)) {
            changed.push(key);
        }
    }
    if changed.is_empty() {
        return Ok(Some(true));
    }
    changed.sort();
    Err(Error::new(Kind::Changed, format!("others changed what the sync of `{}` wrote", bucket.resource))
        .why(named(&changed)))
}

fn named(keys: &[String]) -> String {
    let shown: Vec<String> = keys.iter().take(NAMED).map(|key| format!("`{key}`")).collect();
    match keys.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
