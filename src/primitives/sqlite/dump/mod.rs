//! A database on its way into a store and back: consistent, verified, and never half there.

mod restore;

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::session::with;
use super::{Table, copy};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Dump, Source, Target, Verify, until_stopped};
use crate::effect::primitive::Primitive;
use crate::sys::scratch::Scratch;
use crate::sys::{blocking, environment, files};

pub(super) use restore::{RestoreFrom, VerifyRestore};

/// Backs the whole database up into a store, as it is at one moment, while others use it. The copy is checked for
/// soundness and its rows are compared with the original's; it is compressed, streamed, compared with what
/// the store holds, and only then visible under its key: by a checksum of each part that the store computed of what it took
/// in, with the beginning read back; by reading all of it back from a store that tells none, as a folder, or with `verify:
/// "whole"`. Gives `store`, `key`, `version`, `bytes`, `uncompressed`, `sha256`, `verified` (`checksums` or `whole`),
/// `tables`, `rows`, `took_ms` and `mib_per_s`. It is the database file, compressed: `zstd -d < KEY > copy.db` brings it back without
/// playbook. A backup is worth keeping: it is not removed when a run is taken back.
///
/// With `keep`, the oldest backups of this database that lie in the same folder of the store are removed after that,
/// until as many are left, the new one included; the receipt names them in `removed`, and in `not_removed` those that
/// could not be, which is no failure of the backup. A backup is known by the mark that playbook writes before it: this
/// resource of this environment, this machine's name, the file's path. Whatever has another mark or none is neither
/// counted nor touched.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DumpTo {
    /// The store
    store: ResourceId,
    /// The key of the backup
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Whether an object that has this key already may be replaced
    #[serde(default)]
    replace: bool,
    /// How it is compressed
    #[serde(default)]
    compression: Compression,
    /// How it is verified in the store before it is visible
    #[serde(default)]
    verify: Verify,
    /// How many backups of this database stay in the key's folder, at least 1; needs `destroy` on the store
    #[serde(default)]
    keep: Option<NonZeroU32>,
}

impl DumpTo {
    fn target(&self) -> Target {
        let (store, key) = (self.store.clone(), self.key.clone());
        Target {
            store,
            key,
            replace: self.replace,
            compression: self.compression,
            verify: self.verify,
            keep: self.keep,
        }
    }
}

impl Primitive for DumpTo {
    const NAME: &'static str = "dump_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"sqlite("main").dump_to(files("backups"), "before-migration.db")"#;
    const TIMEOUT: std::time::Duration = copy::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.target().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        self.target().plan(resource)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let target = self.target();
        target.open(&cx).await?;
        let began = cx.instant();
        let scratch = scratch(&cx).await?;
        let (path, told, key) = (scratch.path("copy.db"), cx.clone(), self.key);
        let rows = with(&cx, move |database| {
            copy::copy_out(database, &path, |done, all| {
                told.progress(&format!("{key} (pages copied)"), done, Some(all))
            })
        })
        .await?;
        let counted = copy::counted(&rows);
        let (mut file, bytes) = files::open_stream(&scratch.path("copy.db")).await?;
        let of = cx.trusted_path(&cx.settings::<Table>()?.path);
        let of = format!("{} {}:{}", cx.table(), environment::host(), of.display());
        let mut dump =
            Dump::begin(&cx, target, Source { of, expected: Some(bytes), rows: Some(rows) }).await?;
        // The store must give back exactly these bytes, and these were found sound: that is the whole proof.
        let copied = dump.copy(&mut file, async { Ok(()) }, |_| Box::pin(async { Ok(()) }));
        if let Err(why) = until_stopped(&cx, copied).await {
            return Err(dump.give_up(why).await);
        }
        let mut receipt = dump.publish(counted).await?;
        receipt.took = cx.instant().duration_since(began);
        Ok(receipt.into_value())
    }
}

async fn scratch(cx: &Cx) -> Result<Scratch> {
    let folder = cx.settings::<Table>()?.scratch.map(|path| cx.trusted_path(&path));
    blocking::run(move || Scratch::make(folder.as_deref())).await
}
