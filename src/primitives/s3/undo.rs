//! How a change of an object is taken back: its version where the bucket keeps them, else a copy made before the change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::bucket::{Bucket, Head};
use super::copying::Copy;
use super::failure::unless_refused;
use super::removal::Delete;
use super::{LONG, client, key};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::dump::hexadecimal;
use crate::effect::primitive::Primitive;

/// What was under a key before a change, and where it can be had again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Prior {
    /// Nothing.
    Absent,
    /// A version, which the bucket keeps by itself.
    Version(String),
    /// A content that has to be kept as a copy under this key.
    Copied(String),
}

impl Prior {
    /// What `head` found under `key`.
    pub(super) fn of(cx: &Cx, key: &str, head: Option<&Head>) -> Self {
        let Some(head) = head else { return Self::Absent };
        match &head.version {
            Some(version) => Self::Version(version.clone()),
            None => Self::Copied(kept_name(cx, key, head)),
        }
    }

    /// The call that puts it back under `key`.
    pub(super) fn restoring(&self, cx: &Cx, key: &str) -> Call {
        let call = |verb: &str| Call::new(cx.resource().clone(), verb).with("key", key);
        match self {
            Self::Absent => call(Delete::NAME).with("keep", false),
            Self::Version(version) => call(Restore::NAME).with("version", version.as_str()),
            Self::Copied(kept) => call(Restore::NAME).with("kept", kept.as_str()),
        }
    }
}

/// The key of the copy: the same for the same content of the same key in one run.
fn kept_name(cx: &Cx, key: &str, head: &Head) -> String {
    let what = format!("{key}\n{}\n{}\n{}", head.etag, head.bytes, head.modified);
    let digest = hexadecimal(Sha256::digest(what).as_slice());
    format!("{}{}/{}", key::UNDO, cx.run(), &digest[..24])
}

/// How writing `key` is taken back, from what is there now.
pub(super) async fn replacing(cx: &Cx, key: &str, keep: bool) -> Result<Inverse> {
    key::check(key)?;
    let head = client::bucket(cx).await?.look(key, None).await?;
    let prior = Prior::of(cx, key, head.as_ref());
    if !keep && matches!(prior, Prior::Copied(_)) {
        return Ok(Inverse::none(format!("what `{key}` held is not kept: the call says `keep: false`")));
    }
    Ok(Inverse::Call(prior.restoring(cx, key)))
}

/// Sees to it that what is under `key` now can be had again; gives what there is.
pub(super) async fn keep(bucket: &Bucket, cx: &Cx, key: &str) -> Result<Option<Head>> {
    let head = bucket.look(key, None).await?;
    if let (Some(head), Prior::Copied(kept)) = (&head, Prior::of(cx, key, head.as_ref()))
        && bucket.look(&kept, None).await?.is_none()
    {
        bucket.copy(cx, (key, head), Copy::to(&kept)).await?;
    }
    Ok(head)
}

/// Puts back what an object held before it was replaced or deleted: an earlier version, or what was kept of it. This
/// is how the other verbs are taken back; playbooks may name a version that they know.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// The object's key
    key: String,
    /// The version to put back, in a bucket that keeps them
    version: Option<String>,
    /// Instead of `version`: the key under which a copy was kept
    kept: Option<String>,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"s3("backups").restore("config.json", #{ version: "3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY" })"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("put back what `{}` held before", self.key)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        replacing(cx, &self.key, true).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = client::bucket(&cx).await?;
        let prior = match (self.version, self.kept) {
            (Some(version), None) => Prior::Version(version),
            (None, Some(kept)) if kept.starts_with(key::UNDO) => Prior::Copied(kept),
            _ => return Err(Error::usage("`restore` wants either `version` or `kept`").unchanged()),
        };
        key::check(&self.key)?;
        keep(&bucket, &cx, &self.key).await.map_err(Error::unchanged)?;
        put_back(&bucket, &cx, &prior, &self.key).await?;
        Ok(Value::Null)
    }
}

/// Makes `key` what it was before.
pub(super) async fn put_back(bucket: &Bucket, cx: &Cx, prior: &Prior, key: &str) -> Result<()> {
    let (from, version) = match prior {
        Prior::Absent => return bucket.erase(key).await,
        Prior::Version(version) => (key, Some(version.as_str())),
        Prior::Copied(kept) => (kept.as_str(), None),
    };
    let Some(mut head) = bucket.look(from, version).await? else { return Err(gone(bucket, key, version)) };
    let now = bucket.look(key, None).await?;
    // It may never have been changed, or may have been put back already; the server refuses to copy it onto itself.
    if now.is_some_and(|now| now.etag == head.etag && now.attributes == head.attributes) {
        return Ok(());
    }
    head.version = version.map(str::to_owned);
    bucket.copy(cx, (from, &head), Copy::to(key)).await.map_err(unless_refused)
}

fn gone(bucket: &Bucket, key: &str, version: Option<&str>) -> Error {
    match version {
        Some(version) => absent(bucket, &format!("`{key}`"))
            .why(format!("the bucket has no version `{version}` of it"))
            .unchanged(),
        None => forgotten(bucket, &format!("`{key}`")).unchanged(),
    }
}

/// The error for what was kept for its time and is gone.
pub(super) fn forgotten(bucket: &Bucket, what: &str) -> Error {
    let days = text::show_duration(bucket.bounds.keep);
    absent(bucket, what).why(format!("content that was replaced or deleted is kept for {days}"))
}

fn absent(bucket: &Bucket, what: &str) -> Error {
    Error::missing(format!("the earlier content of {what} in `{}` is not there any more", bucket.resource))
        .fix(format!("put it there by hand; `keep` of {} says how long it is kept", bucket.table))
}
