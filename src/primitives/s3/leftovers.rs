//! What runs that were cut off left in a bucket, and what was kept long enough: found and removed by the next run.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, time};
use super::failure::{is_refusal, is_unknown_to_server, status};
use super::key::{self, INCOMING, UNDO};
use crate::base::error::{Error, Kind, Result};
use crate::effect::cx::Cx;
use crate::effect::store::Object;
use crate::sys::clock;

/// What a run of another project or machine left is removed after this long; ours is removed at once.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// What a marker's key ends with.
const MARKER: &str = "joining";

/// A multipart upload that no listing would show: one under a key of its own, or any on a server that lists none.
#[derive(Debug, Serialize, Deserialize)]
struct Joining {
    key: String,
    /// Unknown as long as the server has not answered.
    upload: Option<String>,
}

/// The key of the marker of an object that is staged as `stage`.
pub(super) fn marker(stage: &str) -> String {
    format!("{stage}{MARKER}")
}

/// Notes a multipart upload of `key` beside the staged objects that it puts together.
pub(super) async fn mark(bucket: &Bucket, stage: &str, key: &str, upload: Option<&str>) -> Result<()> {
    let joining = Joining { key: key.to_owned(), upload: upload.map(str::to_owned) };
    bucket.note(&marker(stage), &joining).await
}

/// Removes, once in a run, what runs that are over left. A bucket that cannot be reached or listed at all is an error;
/// what cannot be looked for or removed is none.
pub(super) async fn tidy(bucket: &Bucket, cx: &Cx) -> Result<()> {
    bucket.tidied.get_or_try_init(|| sweep(bucket, cx)).await.map(drop)
}

/// Whether the server lists its open uploads, so that those of a killed run are found without a marker; known once it was
/// tidied.
pub(super) fn lists_uploads(bucket: &Bucket) -> bool {
    bucket.tidied.get() == Some(&true)
}

/// Removes what runs that are over left; gives whether the server lists its open uploads.
pub(super) async fn sweep(bucket: &Bucket, cx: &Cx) -> Result<bool> {
    let mut over = Over { cx, known: BTreeMap::new() };
    let mut gone = Vec::new();
    for object in forgiving(bucket.list_all(INCOMING).await)? {
        if over.covers(&object.key, &object.modified).await? {
            if object.key.ends_with(MARKER) {
                stop_joining(bucket, &object).await;
            }
            gone.push(object.key);
        }
    }
    for object in forgiving(bucket.list_all(UNDO).await)? {
        if is_older(&object.modified, bucket.bounds.keep) {
            gone.push(object.key);
        }
    }
    for keys in gone.chunks(1000) {
        let _ = bucket.erase_all(keys).await;
    }
    let open = open_uploads(bucket, INCOMING).await;
    let lists = open.is_some();
    for open in open.unwrap_or_default() {
        if over.covers(&open.key, &open.began).await? {
            let _ = bucket.abort_multipart(&open.key, &open.upload).await;
        }
    }
    Ok(lists)
}

/// Which runs are over, each asked for once.
struct Over<'a> {
    cx: &'a Cx,
    known: BTreeMap<String, Option<bool>>,
}

impl Over<'_> {
    /// Whether what lies at `key` since `at` belongs to a run that is over.
    async fn covers(&mut self, key: &str, at: &str) -> Result<bool> {
        let place = key.strip_prefix(INCOMING).and_then(|rest| rest.split_once('/'));
        let (run, name) = place.unwrap_or_default();
        if run == self.cx.run() {
            // Another process has begun that, and nobody goes on with a run while it lives.
            return Ok(!name.starts_with(key::turn()));
        }
        let known = match self.known.get(run) {
            Some(known) => *known,
            None => {
                let known = self.cx.is_over(run).await?;
                self.known.insert(run.to_owned(), known);
                known
            }
        };
        Ok(known.unwrap_or_else(|| is_older(at, ABANDONED)))
    }
}

fn is_older(at: &str, than: Duration) -> bool {
    let now = clock::now();
    at.parse::<Timestamp>().is_ok_and(|at| at < now && now.duration_since(at).unsigned_abs() > than)
}

/// The keys may be good for a part of the bucket's requests only; then there is nothing that could be tidied.
fn forgiving(listed: Result<Vec<Object>>) -> Result<Vec<Object>> {
    match listed {
        Err(error)
            if error.kind != Kind::Missing
                && (is_unknown_to_server(&error) || (is_refusal(&error) && is_access_denied(&error))) =>
        {
            Ok(Vec::new())
        }
        listed => listed,
    }
}

fn is_access_denied(error: &Error) -> bool {
    status(error) == Some(403) && error.details.get("code").is_some_and(|code| code == "AccessDenied")
}

/// Gives up the multipart upload that a marker tells of.
async fn stop_joining(bucket: &Bucket, marker: &Object) {
    let look = async {
        let Some(joining) = bucket.noted::<Joining>(&marker.key).await? else { return Ok(()) };
        if let Some(upload) = joining.upload {
            return bucket.abort_multipart(&joining.key, &upload).await;
        }
        // The run ended before it knew the id. What was begun under that key since the marker was written is its own.
        for open in open_uploads(bucket, &joining.key).await.unwrap_or_default() {
            if open.key == joining.key && !is_before(&open.began, &marker.modified) {
                bucket.abort_multipart(&open.key, &open.upload).await?;
            }
        }
        Ok(())
    };
    let _: Result<()> = look.await;
}

fn is_before(one: &str, other: &str) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_second);
    // Servers tell whole seconds in one of the two places.
    time(one).ok().zip(time(other).ok()).is_none_or(|(one, other)| one < other)
}

/// A multipart upload that is open.
struct Open {
    key: String,
    upload: String,
    began: String,
}

/// The open multipart uploads whose keys begin with `prefix`; `None` where they cannot be listed: not every server can, and
/// not all keys may.
async fn open_uploads(bucket: &Bucket, prefix: &str) -> Option<Vec<Open>> {
    let mut found = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let request = bucket.client.list_multipart_uploads().bucket(&bucket.name);
        let request = request.prefix(bucket.whole(prefix));
        let request = request.set_key_marker(key_marker).set_upload_id_marker(id_marker);
        let Ok(page) = request.send().await else { return (!found.is_empty()).then_some(found) };
        for upload in page.uploads() {
            let key = upload.key().and_then(|key| key.strip_prefix(&bucket.folder));
            if let (Some(key), Some(id)) = (key, upload.upload_id()) {
                let began = time(upload.initiated());
                found.push(Open { key: key.to_owned(), upload: id.to_owned(), began });
            }
        }
        if !page.is_truncated().unwrap_or(false) || page.next_key_marker().is_none() {
            return Some(found);
        }
        key_marker = page.next_key_marker().map(str::to_owned);
        id_marker = page.next_upload_id_marker().map(str::to_owned);
    }
}
