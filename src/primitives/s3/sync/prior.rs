//! What a sync will replace and delete, written down and kept before it begins, and put back by `undo_sync`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::bucket::Bucket;
use super::super::undo::{self, Prior};
use super::super::{LONG, client, key};
use super::carry::Work;
use super::compare::Difference;
use super::rules::Rules;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::clock;

/// How many objects are put back at once.
const AT_ONCE: usize = 32;

/// What was under each key before.
type Manifest = BTreeMap<String, Prior>;

/// Keeps what will be replaced and deleted, and writes down where. Gives the keys of all that the sync touches, an earlier
/// try of it included.
pub(super) async fn keep(work: &Arc<Work>, difference: &Difference, manifest: &str) -> Result<Vec<String>> {
    let mut before = Manifest::new();
    let mut lost = difference.delete.clone();
    for file in &difference.send {
        if file.replaces {
            lost.push(file.key.clone());
        } else {
            before.insert(file.key.clone(), Prior::Absent);
        }
    }
    let kept = Arc::new(Mutex::new(before));
    let (shared, into) = (Arc::clone(work), Arc::clone(&kept));
    let keep = move |key: String| {
        let (work, into) = (Arc::clone(&shared), Arc::clone(&into));
        async move {
            let head = undo::keep(&work.bucket, &work.cx, &key).await?;
            let prior = Prior::of(&work.cx, &key, head.as_ref());
            into.lock().unwrap_or_else(PoisonError::into_inner).insert(key, prior);
            Ok(())
        }
    };
    work.each(lost, keep).await?;
    let mut before = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    // A try before this one may have changed some of them already: what it found is what was there.
    before.extend(work.bucket.noted::<Manifest>(manifest).await?.unwrap_or_default());
    work.bucket.note(manifest, &before).await?;
    Ok(before.into_keys().collect())
}

/// The keys of all that an earlier try of the sync was about to touch.
pub(super) async fn touched(bucket: &Bucket, manifest: &str) -> Result<Vec<String>> {
    Ok(bucket.noted::<Manifest>(manifest).await?.unwrap_or_default().into_keys().collect())
}

/// Puts back what a sync replaced and deleted, and removes what it added. This is how `sync_from` is taken back;
/// playbooks have no need of it. Gives `restored` and `removed`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct UndoSync {
    /// The key of the record that the sync wrote
    manifest: String,
}

impl UndoSync {
    /// Whether the record would have been removed by now; its key holds the id of its run, which begins with a time.
    fn is_forgotten(&self, bucket: &Bucket) -> bool {
        let run = self.manifest.trim_start_matches(key::UNDO);
        let at = run.get(..15).and_then(|at| DateTime::strptime("%Y%m%d-%H%M%S", at).ok());
        let at = at.and_then(|at| at.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
        at.is_none_or(|at| clock::now().duration_since(at).unsigned_abs() > bucket.bounds.keep)
    }
}

impl Primitive for UndoSync {
    const NAME: &'static str = "undo_sync";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str =
        r#"s3("site").undo_sync(".playbook/undo/20261101-120000-ab12/0199a3.sync")"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        "put back what a sync changed".to_owned()
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        Ok(Inverse::none("it is the way back itself; to have the new state again, sync again"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        if !self.manifest.starts_with(key::UNDO) {
            return Err(Error::usage(format!("`{}` is no record of a sync", self.manifest)).unchanged());
        }
        let bucket = client::bucket(&cx).await?;
        let before = match bucket.noted::<Manifest>(&self.manifest).await.map_err(Error::unchanged)? {
            Some(before) => before,
            None if self.is_forgotten(&bucket) => {
                return Err(undo::forgotten(&bucket, "the folder").unchanged());
            }
            // It is written before the first change, so nothing was changed.
            None => Manifest::new(),
        };
        let rules = Rules::new(&[], None, &BTreeMap::new())?;
        let work = Arc::new(Work::new(bucket, cx, rules, AT_ONCE));
        let is_new = |(_, prior): &(String, Prior)| *prior == Prior::Absent;
        let (new, old): (Vec<_>, Vec<_>) = before.into_iter().partition(is_new);
        let restored = old.len();
        let shared = Arc::clone(&work);
        let put_back = move |(key, prior): (String, Prior)| {
            let work = Arc::clone(&shared);
            async move { undo::put_back(&work.bucket, &work.cx, &prior, &key).await }
        };
        work.until_stopped(work.each(old, put_back)).await?;
        let new: Vec<String> = new.into_iter().map(|(key, _)| key).collect();
        for keys in new.chunks(1000) {
            work.until_stopped(work.bucket.erase_all(keys)).await?;
        }
        Ok(json!({ "restored": restored, "removed": new.len() }))
    }
}
