//! `archive_to`: files of a folder, packed together into a store.

mod pattern;
mod tar;

use std::fs::File;
use std::io;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::pattern::Pattern;
use self::tar::Member;
use super::bucket;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::archive::{self, Content, unwritable};
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Target};
use crate::effect::primitive::Primitive;
use crate::effect::store::Store as _;
use crate::sys::folder::Folder;
use crate::sys::pipe::Writer;

/// Packs the objects of the folder whose keys match a pattern into one archive in a store, in the format that `tar`
/// reads, each as long as it is when its turn comes. The archive is compressed, read back, compared by SHA-256, and
/// only then visible under its key. Gives `store`, `key`, `version`, `bytes`, `uncompressed`, `sha256` (of what lies in
/// the store), `files`, `took_ms` and `mib_per_s`. Nothing is stored when nothing matches, and when a file is removed
/// or becomes shorter meanwhile. Symbolic links are left out. An archive stays when a run is taken back. `tar --zstd
/// -xf KEY` unpacks it without playbook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveTo {
    /// The store
    store: ResourceId,
    /// The key of the archive
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Which objects: without a `/` their last part, else the whole key. `*` is any text within a part, `**` any parts
    #[serde(default = "all")]
    pattern: String,
    /// Whether an object that has this key already may be replaced
    #[serde(default)]
    replace: bool,
    /// How it is compressed
    #[serde(default)]
    compression: Compression,
}

fn all() -> String {
    "*".to_owned()
}

impl ArchiveTo {
    fn target(&self) -> Target {
        Target::archive(&self.store, &self.key, self.replace, self.compression)
    }
}

impl Primitive for ArchiveTo {
    const NAME: &'static str = "archive_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"files("logs").archive_to(files("backups"), "logs.tar.zst", #{ pattern: "app/*.log" })"#;
    const TIMEOUT: std::time::Duration = archive::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.target().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        archive::plan(&self.target(), &format!("`{}` of `{resource}`", self.pattern))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Pattern::new(&self.pattern)?;
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (bucket, pattern) = (bucket::open(&cx)?, Pattern::new(&self.pattern)?);
        let mut objects = bucket.list("").await.map_err(Error::unchanged)?;
        objects.retain(|object| pattern.fits(&object.key));
        if objects.is_empty() {
            let what = format!("nothing in `{}` matches `{}`", cx.resource(), self.pattern);
            return Err(Error::missing(what).fix("look with `list(\"\")`; nothing was stored").unchanged());
        }
        let expected = objects.iter().map(|object| object.bytes).sum();
        let keys: Vec<String> = objects.into_iter().map(|object| object.key).collect();
        archive::write(&cx, self.target(), Some(expected), move |to| {
            let folder = bucket.folder()?;
            for key in &keys {
                append(&folder, key, to)?;
            }
            tar::end(to).map_err(|why| unwritable(&why))?;
            Ok(Content::Files(keys.len() as u64))
        })
        .await
    }
}

fn append(folder: &Folder, key: &str, to: &mut Writer) -> Result<()> {
    let changed = |why: &io::Error| {
        folder
            .failed("read", key, why)
            .fix("archive it when nobody rotates it, or try again; nothing was stored")
    };
    let file = folder.read(key)?.ok_or_else(|| changed(&io::ErrorKind::NotFound.into()))?;
    let packed = measure(key, &file).and_then(|member| tar::append(to, member, &file));
    packed.map_err(|why| changed(&why))
}

fn measure<'a>(name: &'a str, file: &File) -> io::Result<Member<'a>> {
    let metadata = file.metadata()?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Member { name, bytes: metadata.len(), modified })
}
