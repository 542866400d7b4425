//! `list` and `count`: the objects of a prefix, page by page.

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bucket::{Bucket, time};
use super::client;
use super::key;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::store::Object;

/// How many objects come into a script unless it says otherwise.
const USUAL_LIMIT: u64 = 10_000;

/// An object of a listing, with the tag that names its content.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// What everybody sees.
    pub(super) object: Object,
    /// Names its content, without quotes; not every server lists it.
    pub(super) etag: Option<String>,
}

impl Bucket {
    /// Gives each object below `prefix` to `take`, until it breaks. The store's own come only where they are asked for.
    pub(super) async fn each<T>(
        &self,
        prefix: &str,
        mut take: impl FnMut(Listed) -> ControlFlow<T> + Send,
    ) -> Result<Option<T>>
    where
        T: Send,
    {
        let mut more = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.name).prefix(self.whole(prefix));
            let page = request.set_continuation_token(more).send().await;
            let page = page.map_err(|why| self.failed(&format!("list `{prefix}*`"), &why))?;
            for object in page.contents() {
                let Some(key) = object.key().and_then(|key| key.strip_prefix(&self.folder)) else { continue };
                if key.starts_with(key::OWN) && !prefix.starts_with(key::OWN) {
                    continue;
                }
                let listed = Listed {
                    object: Object {
                        key: key.to_owned(),
                        bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0),
                        modified: time(object.last_modified()),
                        version: None,
                    },
                    etag: object.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
                };
                if let ControlFlow::Break(found) = take(listed) {
                    return Ok(Some(found));
                }
            }
            more = page.next_continuation_token().map(str::to_owned);
            if more.is_none() || !page.is_truncated().unwrap_or(false) {
                return Ok(None);
            }
        }
    }

    /// Every object below `prefix`, sorted by key.
    pub(super) async fn list_all(&self, prefix: &str) -> Result<Vec<Object>> {
        let mut found = Vec::new();
        let all = self.each(prefix, |listed| {
            found.push(listed.object);
            ControlFlow::<()>::Continue(())
        });
        all.await?;
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }
}

/// Lists the objects whose keys begin with a prefix, sorted by key: an array of maps of `key`, `bytes` and `modified`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// What the keys begin with; empty for all
    #[serde(default)]
    prefix: String,
    /// How many there may be; more are an error, and no part of them comes
    #[serde(default = "usual_limit")]
    limit: u64,
}

const fn usual_limit() -> u64 {
    USUAL_LIMIT
}

impl Primitive for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("backups").list("main/2026-")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("list `{}*`", self.prefix)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check_prefix(&self.prefix)?;
        let bucket = client::bucket(&cx).await?;
        let (mut found, limit) = (Vec::new(), self.limit);
        let over = bucket.each(&self.prefix, |listed| {
            found.push(listed.object);
            if found.len() as u64 > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if over.await?.is_some() {
            return Err(Error::usage(format!("there are more than {limit} objects `{}*`", self.prefix))
                .fix("list a longer prefix, `count` them, or give a higher `limit`"));
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(json!(found))
    }
}

/// Counts the objects whose keys begin with a prefix, however many there are: a map of `objects` and `bytes`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// What the keys begin with; empty for all
    #[serde(default)]
    prefix: String,
}

impl Primitive for Count {
    const NAME: &'static str = "count";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("backups").count("main/").objects"#;
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

    fn plan(&self, _: &ResourceId) -> String {
        format!("count `{}*`", self.prefix)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check_prefix(&self.prefix)?;
        let bucket = client::bucket(&cx).await?;
        let (mut objects, mut bytes) = (0_u64, 0_u64);
        let all = bucket.each(&self.prefix, |listed| {
            objects += 1;
            bytes += listed.object.bytes;
            ControlFlow::<()>::Continue(())
        });
        all.await?;
        Ok(json!({ "objects": objects, "bytes": bytes }))
    }
}
