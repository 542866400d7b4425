//! A folder with the verbs of an object store: whole objects, durable, never half visible.

mod archive;
mod bucket;
mod incoming;
mod look;

use std::io::Cursor;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next};
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};
use crate::effect::store::{Content, Object, Store as _};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "files",
    about: "A folder with the verbs of an object store: an object appears whole or not at all, and what is replaced \
            or deleted is kept aside so that it can be taken back.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<Put>(),
        entry::<Get>(),
        entry::<Head>(),
        entry::<List>(),
        entry::<Copy>(),
        entry::<Delete>(),
        entry::<Checksum>(),
        entry::<Restore>(),
        entry::<archive::ArchiveTo>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: Some(bucket::store),
    sql: None,
    hosts: None,
};

/// Text larger than this does not come into a script, in bytes.
const LARGEST_TEXT: u64 = 1024 * 1024;
/// How long work on an object of any size may take.
const LONG: Duration = Duration::from_secs(1800);

/// A folder.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The folder, relative to the project or absolute; made for its owner only when it is missing
    path: String,
    /// How long the content of replaced and deleted objects is kept aside, as "7d"
    #[serde(default = "a_week")]
    keep: Period,
}

const fn a_week() -> Period {
    Period::of("7d")
}

/// Writes a text as an object. Taken back by removing it, or by restoring what it replaced. Gives `key`, `bytes` and
/// `sha256`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Put {
    /// The object's key: parts separated by `/`
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Its whole content
    text: String,
}

impl Primitive for Put {
    const NAME: &'static str = "put";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"files("backups").put("releases/current.txt", "v2")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("write {} to `{}`", text::show_size(self.text.len() as u64), self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        replacing(cx, &self.key).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        holds(cx, &self.key, &hexadecimal(Sha256::digest(&self.text).as_slice())).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut content: Content = Box::new(Cursor::new(self.text.into_bytes()));
        let written = bucket::open(&cx)?.fill(&self.key, &mut content).await?;
        Ok(receipt(&written))
    }
}

/// Reads an object of at most 1 MiB as text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"files("backups").get("releases/current.txt")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = bucket::open(&cx)?;
        let mut bytes = Vec::new();
        let content = bucket.open(&self.key).await?;
        let read = content.take(LARGEST_TEXT + 1).read_to_end(&mut bytes).await;
        read.map_err(|why| Error::io(format!("cannot read `{}` of `{}`", self.key, cx.resource()), &why))?;
        if bytes.len() as u64 > LARGEST_TEXT {
            return Err(Error::usage(format!("`{}` is too large for a script", self.key))
                .why(format!("at most {} come into a script", text::show_size(LARGEST_TEXT)))
                .fix("go from door to door instead: `copy`, `restore_from`, `checksum`"));
        }
        String::from_utf8(bytes).map(Value::String).map_err(|why| {
            Error::usage(format!("`{}` is no UTF-8 text", self.key))
                .why(format!("the first wrong byte stands at offset {}", why.utf8_error().valid_up_to()))
        })
    }
}

/// Looks at an object without reading it: a map of `key`, `bytes` and `modified`, or `()` when there is none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Head {
    const NAME: &'static str = "head";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"files("backups").head("releases/current.txt")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("look at `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let object = bucket::open(&cx)?.head(&self.key).await?;
        Ok(object.map_or(Value::Null, |object| json!(object)))
    }
}

/// Lists the objects whose keys begin with a prefix, sorted by key: an array of maps of `key`, `bytes` and `modified`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// What the keys begin with; empty for all
    #[serde(default)]
    prefix: String,
}

impl Primitive for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"files("backups").list("releases/")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("list `{}*`", self.prefix)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(json!(bucket::open(&cx)?.list(&self.prefix).await?))
    }
}

/// Copies an object within the store. Taken back like `put`. Gives `key`, `bytes` and `sha256`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Copy {
    /// The key to copy
    #[schemars(extend("format" = "key of a store"))]
    from: String,
    /// The key of the copy
    #[schemars(extend("format" = "key of a store"))]
    to: String,
}

impl Primitive for Copy {
    const NAME: &'static str = "copy";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"files("backups").copy("releases/current.txt", "releases/previous.txt")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("copy `{}` to `{}`", self.from, self.to)
    }

    fn touches(&self) -> Option<String> {
        Some(self.to.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        replacing(cx, &self.to).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let wanted = sha256_of(cx, &self.from).await?;
        holds(cx, &self.to, &wanted).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = bucket::open(&cx)?;
        let mut content = bucket.open(&self.from).await?;
        let written = bucket.fill(&self.to, &mut content).await?;
        Ok(receipt(&written))
    }
}

/// Removes an object; gives whether there was one. Its content is kept aside, so that it can be taken back, unless
/// `keep` is false, which frees its space at once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Delete {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Whether its content is kept aside for as long as the setting `keep` says
    #[serde(default = "yes")]
    keep: bool,
}

const fn yes() -> bool {
    true
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"files("backups").delete("releases/previous.txt")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("delete `{}`{}", self.key, if self.keep { "" } else { " for good" })
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Ok(match bucket::open(cx)?.kept_as(&self.key).await? {
            None => Inverse::Nothing,
            Some(_) if !self.keep => Inverse::none(format!("`{}` was deleted with `keep: false`", self.key)),
            Some(kept) => Inverse::Call(restoring(cx, &kept, &self.key)),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(bucket::open(cx)?.head(&self.key).await?.is_none()))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(cx.found().map(Value::Bool))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = bucket::open(&cx)?;
        if self.keep {
            return bucket.put_aside(&self.key).await.map(Value::Bool);
        }
        let was_there = bucket.head(&self.key).await?.is_some();
        bucket.remove(&self.key).await.map(|()| Value::Bool(was_there))
    }
}

/// The SHA-256 of an object of any size, hexadecimal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Checksum {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Checksum {
    const NAME: &'static str = "checksum";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"files("backups").checksum("releases/current.txt")"#;
    const TIMEOUT: Duration = LONG;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the SHA-256 of `{}`", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        sha256_of(&cx, &self.key).await.map(Value::String)
    }
}

/// Puts back what an object held before it was replaced or deleted. This is how `put`, `copy` and `delete` are taken
/// back; playbooks have no need of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Restore {
    /// The name under which the content is kept aside
    kept: String,
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"files("backups").restore("1763700000000000000-12-4711", "releases/current.txt")"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("put back what `{}` held before", self.key)
    }

    fn touches(&self) -> Option<String> {
        Some(self.key.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        replacing(cx, &self.key).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let bucket = bucket::open(&cx)?;
        bucket.restore(&self.kept, &self.key).await?;
        Ok(Value::Null)
    }
}

/// How writing `key` is taken back, from what is there now.
async fn replacing(cx: &Cx, key: &str) -> Result<Inverse> {
    Ok(Inverse::Call(match bucket::open(cx)?.kept_as(key).await? {
        Some(kept) => restoring(cx, &kept, key),
        None => Call::new(cx.resource().clone(), Delete::NAME).with("key", key),
    }))
}

fn restoring(cx: &Cx, kept: &str, key: &str) -> Call {
    Call::new(cx.resource().clone(), Restore::NAME).with("kept", kept).with("key", key)
}

fn receipt((object, sha256): &(Object, String)) -> Value {
    json!({ "key": object.key, "bytes": object.bytes, "sha256": sha256 })
}

async fn sha256_of(cx: &Cx, key: &str) -> Result<String> {
    let mut content = bucket::open(cx)?.open(key).await?;
    let mut digest = Sha256::new();
    while let Some(chunk) = next(&mut content, &format!("cannot read `{key}`")).await? {
        digest.update(&chunk);
    }
    Ok(hexadecimal(digest.finalize().as_slice()))
}

/// Whether `key` holds the content with that SHA-256; an object is whole or absent, so this is sure.
async fn holds(cx: &Cx, key: &str, sha256: &str) -> Result<Option<bool>> {
    if bucket::open(cx)?.head(key).await?.is_none() {
        return Ok(Some(false));
    }
    Ok(Some(sha256_of(cx, key).await? == sha256))
}
