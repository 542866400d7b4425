//! A database on its way into a store and back: consistent, verified, and never half there.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::session::with;
use super::{Table, copy};
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{Dump, Receipt, Target, hexadecimal, next, refuse_taken};
use crate::effect::primitive::Primitive;
use crate::sys::scratch::Scratch;
use crate::sys::{blocking, files};

/// Backs the whole database up into a store, as it is at one moment, while others use it. The copy is checked for
/// soundness and its rows are compared with the original's; it is streamed, read back, compared by SHA-256, and only
/// then visible under its key. Gives `store`, `key`, `bytes`, `sha256`, `tables`, `rows`, `took_ms` and `mib_per_s`.
/// A backup is worth keeping: it is not removed when a run is taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DumpTo {
    /// The store
    store: ResourceId,
    /// The key of the backup
    key: String,
    /// Whether an object that has this key already may be replaced
    #[serde(default)]
    replace: bool,
}

impl DumpTo {
    fn target(&self, expected: Option<u64>) -> Target {
        Target { store: self.store.clone(), key: self.key.clone(), replace: self.replace, expected }
    }
}

impl Primitive for DumpTo {
    const NAME: &'static str = "dump_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"sqlite("main").dump_to(files("backups"), "before-migration.db")"#;
    const TIMEOUT: Duration = copy::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.store.clone(), Effect::Write)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("back `{resource}` up to `{}` as `{}`, verified", self.store, self.key)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let replaces =
            self.replace && cx.store(&self.store, Effect::Read).await?.head(&self.key).await?.is_some();
        Ok(if replaces { Inverse::none("it replaced an older backup, as asked") } else { Inverse::Nothing })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let there = cx.store(&self.store, Effect::Read).await?.head(&self.key).await?.is_some();
        Ok((!self.replace || !there).then_some(there))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let store = cx.store(&self.store, Effect::Write).await?;
        refuse_taken(&*store, &self.target(None)).await?;
        let began = cx.instant();
        let scratch = scratch(&cx).await?;
        let (path, told, key) = (scratch.path("copy.db"), cx.clone(), self.key.clone());
        let counted = with(&cx, move |database| {
            copy::copy_out(database, &path, |done, all| {
                told.progress(&format!("{key} (pages copied)"), done, Some(all))
            })
        })
        .await?;
        let (mut file, bytes) = files::open_stream(&scratch.path("copy.db")).await?;
        let mut dump = Dump::begin(&cx, self.target(Some(bytes))).await?;
        dump.copy(&mut file).await?;
        // The store must give back exactly these bytes, and these were found sound: that is the whole proof.
        let mut receipt = dump.publish(|_| Box::pin(async move { Ok(counted) })).await?;
        receipt.took = cx.instant().duration_since(began);
        Ok(receipt.into_value())
    }
}

/// Replaces the whole content of the database by a backup from a store. The backup is fetched and checked first; then
/// it takes the place of the live content in one transaction, while other programs may have the database open, and
/// the result is checked again. On any failure the database is as it was. Gives what `dump_to` gives. It is taken
/// back only when `undo` names the backup to restore for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreFrom {
    /// The store
    store: ResourceId,
    /// The key of the backup
    key: String,
    /// The key of the backup that is restored when this is taken back, in the same store
    #[serde(default)]
    undo: Option<String>,
}

impl Primitive for RestoreFrom {
    const NAME: &'static str = "restore_from";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"sqlite("main").restore_from(files("backups"), "before-migration.db")"#;
    const TIMEOUT: Duration = copy::LONG;
    const ATOMIC: bool = true;
    const IDEMPOTENT: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Destroy), Access::new(self.store.clone(), Effect::Read)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("replace the content of `{resource}` by the backup `{}` of `{}`", self.key, self.store)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what the database held is gone; `dump_to` first, and name that backup as `undo`",
            ));
        };
        if cx.store(&self.store, Effect::Read).await?.head(undo).await?.is_none() {
            return Err(Error::missing(format!("`{}` holds no `{undo}` to go back to", self.store)));
        }
        let call = Call::new(cx.resource().clone(), Self::NAME);
        Ok(Inverse::Call(call.with("store", self.store.to_string()).with("key", undo.as_str())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let began = cx.instant();
        let scratch = scratch(&cx).await?;
        let path = scratch.path("backup.db");
        let (bytes, sha256) = self.fetch(&cx, path.clone()).await?;
        let (told, key) = (cx.clone(), self.key.clone());
        let name = format!("`{}` of `{}`", self.key, self.store);
        let counted = with(&cx, move |database| {
            let counted = copy::examine(database, &path, &name)?;
            copy::copy_in(database, &path, |done, all| {
                told.progress(&format!("{key} (pages restored)"), done, Some(all));
            })?;
            Ok(counted)
        })
        .await?;
        let took = cx.instant().duration_since(began);
        Ok(Receipt { store: self.store, key: self.key, bytes, sha256, counted, took }.into_value())
    }
}

impl RestoreFrom {
    /// Fetches the backup into a file; gives its size and its SHA-256.
    async fn fetch(&self, cx: &Cx, path: PathBuf) -> Result<(u64, String)> {
        let store = cx.store(&self.store, Effect::Read).await?;
        let total = store.head(&self.key).await?.map(|object| object.bytes);
        let mut content = store.open(&self.key).await?;
        let mut file = files::create_stream(&path).await?;
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(chunk) =
            next(&mut content, &format!("cannot read `{}` of `{}`", self.key, self.store)).await?
        {
            cx.stop().reason().map_or(Ok(()), Err)?;
            digest.update(&chunk);
            bytes += chunk.len() as u64;
            files::append(&mut file, &path, &chunk).await?;
            cx.progress(&self.key, bytes, total);
        }
        files::finish(file, &path).await?;
        if bytes == 0 {
            return Err(Error::remote(format!("`{}` of `{}` is empty", self.key, self.store))
                .fix("use another backup"));
        }
        Ok((bytes, hexadecimal(digest.finalize().as_slice())))
    }
}

async fn scratch(cx: &Cx) -> Result<Scratch> {
    let folder = cx.settings::<Table>()?.scratch.map(|path| cx.trusted_path(&path));
    blocking::run(move || Scratch::make(folder.as_deref())).await
}
