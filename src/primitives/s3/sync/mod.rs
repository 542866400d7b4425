//! `sync_from`: makes a folder of the bucket what a folder of the project is, sending only what differs.

mod carry;
mod compare;
mod prior;
mod rules;
mod written;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::carry::Work;
use self::compare::Difference;
pub(super) use self::prior::UndoSync;
use self::rules::{PerFile, Rules};
use super::object::sha256;
use super::removal::yes;
use super::{LONG, client, key, leftovers};
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Makes a folder of the bucket what a folder of the project is. Files that are there already, by size and checksum, are
/// not sent again. Pages (`.html`) come after what they refer to, and objects are deleted last. Symbolic links are not
/// followed. Taken back by putting back every object that was replaced or deleted, and removing those that were new.
/// Gives `uploaded`, `unchanged`, `deleted`, `bytes` and `took_ms`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncFrom {
    /// The folder, in the project
    folder: String,
    /// The folder of the bucket: `site`; default all of it
    #[serde(default)]
    prefix: String,
    /// Whether objects there that are no files here are deleted; needs `destroy`
    #[serde(default)]
    delete: bool,
    /// Files that are left alone, here and there: `"*.map"`, `"drafts/**"`
    #[serde(default)]
    exclude: Vec<String>,
    /// How long files may be kept by browsers and caches: one text for all, or a map from patterns to texts, as
    /// `#{ "*.html": "no-cache", "assets/**": "max-age=31536000" }`; the longest pattern decides
    cache_control: Option<PerFile>,
    /// What files are, where the ends of their names do not say it: a map from patterns to content types
    #[serde(default)]
    content_types: BTreeMap<String, String>,
    /// Whether what is replaced and deleted is kept, so that it can be taken back
    #[serde(default = "yes")]
    keep: bool,
    /// How many files are sent at once
    #[serde(default = "sixty_four")]
    parallel: usize,
}

const fn sixty_four() -> usize {
    64
}

/// What the question for the inverse found out, so that the work need not find it out again.
#[derive(Debug, Default)]
struct Asked(Mutex<BTreeMap<String, (Difference, Duration)>>);

impl Primitive for SyncFrom {
    const NAME: &'static str = "sync_from";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"s3("site").sync_from("dist", "v2", #{ delete: true })"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        let effect = if self.delete { Effect::Destroy } else { Effect::Write };
        vec![Access::new(resource.clone(), effect)]
    }

    fn content(&self) -> Vec<&str> {
        vec![&self.folder]
    }

    fn plan(&self, _: &ResourceId) -> String {
        let gone = if self.delete { ", deleting what is not in it" } else { "" };
        format!("sync {} to `{}`{gone}", self.folder, self.below())
    }

    fn touches(&self) -> Option<String> {
        Some(self.below())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let began = cx.instant();
        let difference = self.compare(cx).await?;
        cx.foresee(difference.foretold());
        let (is_empty, loses) = (difference.is_empty(), !self.keep && difference.loses());
        self.remember(cx, (difference, cx.instant().duration_since(began))).await?;
        Ok(if is_empty {
            Inverse::Nothing
        } else if loses {
            Inverse::none("what is replaced and deleted is not kept: the call says `keep: false`")
        } else {
            Inverse::Call(Call::new(cx.resource().clone(), UndoSync::NAME).with("manifest", manifest(cx)))
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        if cx.is_settling() {
            return Ok(self.compare(cx).await?.is_empty().then_some(true));
        }
        let bucket = client::bucket(cx).await?;
        written::is_as_left(&bucket, &self.below(), &manifest(cx)).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let began = cx.instant();
        let (difference, asking, is_again) = match self.recollect(&cx).await? {
            Some((difference, asking)) => (difference, asking, false),
            None => (self.compare(&cx).await.map_err(Error::unchanged)?, Duration::ZERO, true),
        };
        let bucket = client::bucket(&cx).await?;
        // Where nothing is sent, to look for them would cost as much as all the rest.
        if !difference.is_empty() {
            leftovers::tidy(&bucket, &cx).await.map_err(Error::unchanged)?;
        }
        cx.close_gracefully();
        let work = Work::new(bucket, cx.clone(), self.rules()?, self.parallel);
        let (work, manifest) = (Arc::new(work), manifest(&cx));
        let keys = if !difference.is_empty() && (self.keep || !difference.loses()) {
            let kept = work.until_stopped(prior::keep(&work, &difference, &manifest)).await;
            kept.map_err(Error::unchanged)?
        } else if is_again {
            prior::touched(&work.bucket, &manifest).await.map_err(Error::unchanged)?
        } else {
            Vec::new()
        };
        let mut receipt = carry::out(&work, &self.below(), difference).await?;
        if !keys.is_empty() {
            work.until_stopped(work.written.note(&work.bucket, &manifest, keys)).await?;
        }
        let took = asking + cx.instant().duration_since(began);
        receipt["took_ms"] = (took.as_millis() as u64).into();
        Ok(receipt)
    }
}

impl SyncFrom {
    /// The folder of the bucket: empty, or with a `/` at its end.
    fn below(&self) -> String {
        match self.prefix.trim_end_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        }
    }

    fn rules(&self) -> Result<Rules> {
        Rules::new(&self.exclude, self.cache_control.as_ref(), &self.content_types)
    }

    async fn compare(&self, cx: &Cx) -> Result<Difference> {
        key::check_prefix(&self.prefix)?;
        if !(1..=256).contains(&self.parallel) {
            return Err(Error::usage(format!("`parallel` is {}", self.parallel)).fix("give 1 to 256"));
        }
        let bucket = client::bucket(cx).await?;
        let folder = cx.path(&self.folder)?;
        compare::folder_with_bucket(
            &bucket,
            (&folder, &self.folder),
            &self.below(),
            &self.rules()?,
            self.delete,
        )
        .await
    }

    /// The name under which the question and the work of one call find each other.
    fn name(&self) -> String {
        sha256(&serde_json::to_vec(self).unwrap_or_default())
    }

    async fn remember(&self, cx: &Cx, found: (Difference, Duration)) -> Result<()> {
        let asked = cx.shared(async { Ok(Asked::default()) }).await?;
        asked.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name(), found);
        Ok(())
    }

    /// What the question found, and how long that took; `None` for a second try, also of a run that goes on after a crash,
    /// which looks anew.
    async fn recollect(&self, cx: &Cx) -> Result<Option<(Difference, Duration)>> {
        let asked = cx.shared(async { Ok(Asked::default()) }).await?;
        Ok(asked.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name()))
    }
}

/// Where the call writes down what was there before: the same for each of its tries.
fn manifest(cx: &Cx) -> String {
    format!("{}{}/{}.sync", key::UNDO, cx.run(), &sha256(cx.call_id().as_bytes())[..32])
}
