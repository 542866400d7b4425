//! A backup out of a store: in place of what the database holds, or only to see that it is one.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::copy;
use super::super::session::with;
use super::scratch;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{Mark, Origin, Passed, Receipt, Stored, next};
use crate::effect::primitive::Primitive;
use crate::sys::files;

/// Replaces the whole content of the database by a backup from a store. The backup is fetched and checked first; then
/// it takes the place of the live content in one transaction, while other programs may have the database open, and
/// the result is checked again. On any failure the database is as it was. It takes backups of every compression, and
/// plain database files. Gives what `dump_to` gives. It is taken back only when `undo` names the backup to restore for
/// that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct RestoreFrom {
    /// The store
    store: ResourceId,
    /// The key of the backup
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// The key of the backup that is restored when this is taken back, in the same store
    #[serde(default)]
    undo: Option<String>,
}

impl RestoreFrom {
    fn origin(&self) -> Origin {
        Origin { store: self.store.clone(), key: self.key.clone(), undo: self.undo.clone() }
    }
}

impl Primitive for RestoreFrom {
    const NAME: &'static str = "restore_from";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"sqlite("main").restore_from(files("backups"), "before-migration.db")"#;
    const NO_PROBE: Option<&'static str> = Some(
        "what a file holds does not tell how it came there; a backup that is restored twice is restored",
    );
    const TIMEOUT: Duration = copy::LONG;
    const ATOMIC: bool = true;
    const IDEMPOTENT: bool = true;
    const OVERWRITES: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.origin().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        self.origin().plan(resource)
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.origin().inverse(cx, Self::NAME).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let began = cx.instant();
        let scratch = scratch(&cx).await?;
        let path = scratch.path("backup.db");
        let (origin, name) = (self.origin(), format!("`{}` of `{}`", self.key, self.store));
        let (version, passed) = fetch(&cx, &origin, path.clone()).await?;
        let (told, key) = (cx.clone(), self.key);
        let rows = with(&cx, move |database| {
            let rows = copy::examine(database, &path, &name)?;
            copy::copy_in(database, &path, |done, all| {
                told.progress(&format!("{key} (pages restored)"), done, Some(all));
            })?;
            Ok(rows)
        })
        .await?;
        let took = cx.instant().duration_since(began);
        Ok(receipt(origin, (version, passed), &rows, took))
    }
}

/// Fetches a backup into a temporary file, checks that it is a sound database, counts its rows, and compares them with
/// those that `dump_to` counted. The database itself is not touched. Gives what `dump_to` gives; `compared` is false for
/// a file that does not say what it held, as one that was not made by `dump_to`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct VerifyRestore {
    /// The store
    store: ResourceId,
    /// The key of the backup
    #[schemars(extend("format" = "key of a store"))]
    key: String,
}

impl Primitive for VerifyRestore {
    const NAME: &'static str = "verify_restore";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"sqlite("main").verify_restore(files("backups"), "before-migration.db")"#;
    const TIMEOUT: Duration = copy::LONG;
    // What it wants to see was most likely made just before.
    const WAITS: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.store.clone(), Effect::Read)]
    }

    fn plan(&self, _: &ResourceId) -> String {
        format!("restore `{}` of `{}` into a temporary file, count its rows", self.key, self.store)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let began = cx.instant();
        let origin = Origin { store: self.store, key: self.key, undo: None };
        let scratch = scratch(&cx).await?;
        let (path, name) = (scratch.path("backup.db"), format!("`{}` of `{}`", origin.key, origin.store));
        let fetched = fetch(&cx, &origin, path.clone()).await?;
        let mark = Mark::read(&*cx.store(&origin.store, Effect::Read).await?, &origin.key).await?;
        let examined = name.clone();
        let rows = with(&cx, move |database| copy::examine(database, &path, &examined)).await?;
        let wanted = mark.and_then(|mark| mark.rows);
        if wanted.as_ref().is_some_and(|wanted| *wanted != rows) {
            return Err(Error::remote(format!("{name} does not hold what was backed up"))
                .why(format!("rows then: {}; now: {}", json!(wanted), json!(rows)))
                .fix("use another backup"));
        }
        let took = cx.instant().duration_since(began);
        let mut value = receipt(origin, fetched, &rows, took);
        value["compared"] = json!(wanted.is_some());
        Ok(value)
    }
}

fn receipt(
    Origin { store, key, .. }: Origin,
    (version, passed): (Option<String>, Passed),
    rows: &Map<String, Value>,
    took: Duration,
) -> Value {
    Receipt {
        store,
        key,
        version,
        passed,
        verified: None,
        counted: copy::counted(rows),
        took,
        retained: None,
    }
    .into_value()
}

/// Fetches a backup into a file; gives its version, and what passed.
async fn fetch(cx: &Cx, origin: &Origin, path: PathBuf) -> Result<(Option<String>, Passed)> {
    let object = origin.object(cx).await?;
    let store = cx.store(&origin.store, Effect::Read).await?;
    let mut content = Stored::open(&*store, &origin.key).await?;
    let mut file = files::create_stream(&path).await?;
    let (unreadable, mut bytes) = (format!("cannot read `{}` of `{}`", origin.key, origin.store), 0);
    while let Some(chunk) = next(&mut content, &unreadable).await? {
        cx.stop().reason().map_or(Ok(()), Err)?;
        bytes += chunk.len() as u64;
        files::append(&mut file, &path, &chunk).await?;
        cx.progress(&origin.key, bytes, None);
    }
    files::finish(file, &path).await?;
    if bytes == 0 {
        return Err(Error::remote(format!("`{}` of `{}` is empty", origin.key, origin.store))
            .fix("use another backup"));
    }
    Ok((object.version, content.finish().await?))
}
