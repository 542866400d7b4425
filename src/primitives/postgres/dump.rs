//! `dump_to` and `restore_from`: the whole database into a store and back, streamed, verified, never half.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::archive::{Contents, Table};
use super::database;
use super::programs::{Programs, well};
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{Counted, Dump, Target, hexadecimal};
use crate::effect::primitive::Primitive;
use crate::effect::store::Content;

const TABLES: &str = "SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'r' AS has_rows \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Streams a dump of the whole database into a store. Before anybody can see it there it is read back, its checksum
/// compared, and its tables compared with those of the database. Gives a receipt `#{ store, key, bytes, sha256,
/// tables, took_ms }`. It is `pg_dump`'s custom format, so that `pg_restore` reads it without playbook too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DumpTo {
    /// The store, as its handle.
    store: ResourceId,
    /// The key in the store.
    key: String,
    /// Whether a dump that has this key already is replaced.
    #[serde(default)]
    replace: bool,
}

impl Primitive for DumpTo {
    const NAME: &'static str = "dump_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"postgres("main").dump_to(files("backups"), "before-migration.dump")"#;
    const TIMEOUT: Duration = Duration::from_secs(3600);

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.store.clone(), Effect::Write)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("dump {resource} to {}/{}, verified before it is published", self.store, self.key)
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        // A backup that was taken stays: it is what one has when everything else goes wrong.
        Ok(Inverse::Nothing)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let programs = Programs::of(&cx).await?;
        programs.fit(server_version(&cx).await?).await?;
        let before = tables(&cx).await?;
        let target = Target { store: self.store, key: self.key, replace: self.replace, expected: None };
        let mut dump = Dump::begin(&cx, target).await?;
        let mut running = programs.dump()?;
        let mut stdout = running.take_stdout()?;
        let ((), ended) = tokio::try_join!(dump.copy(&mut stdout), programs.finish(running))?;
        well(&ended, format!("`{}` could not be dumped; nothing was stored", cx.resource()))?;
        let after = tables(&cx).await?;
        // A table that came or went while the dump ran may be in it or not.
        let lasting: Vec<Table> = before.into_iter().filter(|table| after.contains(table)).collect();
        let publish = dump.publish(|stored| {
            Box::pin(async move {
                let contents = programs.list(stored, None).await?;
                match contents.lacks(&lasting) {
                    Some(missing) => {
                        Err(Error::remote("the dump does not hold all tables; nothing was stored")
                            .why(format!("it lacks {missing}")))
                    }
                    None => Ok(Counted { tables: Some(contents.tables), rows: None }),
                }
            })
        });
        until_stopped(&cx, publish).await.map(|receipt| receipt.into_value())
    }
}

/// Puts the database back to a dump of a store, in one transaction: all of it or nothing. The whole dump is read
/// once before anything is touched. Tables that are not in it stay, and are named in the receipt `#{ store, key, bytes,
/// sha256, tables, kept, took_ms }`. It is taken back only when `undo` names the dump to restore for that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreFrom {
    /// The store, as its handle.
    store: ResourceId,
    /// The key in the store.
    key: String,
    /// The key of the dump that is restored when this is taken back, in the same store.
    #[serde(default)]
    undo: Option<String>,
}

impl Primitive for RestoreFrom {
    const NAME: &'static str = "restore_from";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str =
        r#"postgres("main").restore_from(files("backups"), "before-migration.dump")"#;
    const TIMEOUT: Duration = Duration::from_secs(3600);
    const IDEMPOTENT: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Destroy), Access::new(self.store.clone(), Effect::Read)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("replace what {resource} holds by {}/{}", self.store, self.key)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what the database held is gone; `dump_to` first, and name that dump as `undo`",
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
        let Found { programs, content, contents, bytes, sha256, kept } =
            self.look(&cx).await.map_err(Error::unchanged)?;
        let ended = programs.restore(content).await?;
        let what = format!("`{}` could not be restored from `{}`", cx.resource(), self.key);
        well(&ended, what).map_err(|error| {
            if ended.stderr.text.contains("connection") { error } else { error.unchanged() }
        })?;
        let took = cx.instant().duration_since(began).as_millis() as u64;
        Ok(json!({
            "store": self.store, "key": self.key, "bytes": bytes, "sha256": sha256, "tables": contents.tables, "kept": kept, "took_ms": took,
        }))
    }
}

/// What a look at the store and the database found, before anything is touched.
struct Found {
    programs: Programs,
    content: Content,
    contents: Contents,
    bytes: u64,
    sha256: String,
    kept: Vec<String>,
}

impl RestoreFrom {
    async fn look(&self, cx: &Cx) -> Result<Found> {
        let programs = Programs::of(cx).await?;
        let store = cx.store(&self.store, Effect::Read).await?;
        let object = store.head(&self.key).await?.ok_or_else(|| {
            Error::missing(format!("`{}` holds no `{}`", self.store, self.key))
                .fix("list the store to see what it holds")
        })?;
        let (mut content, mut digest) = (store.open(&self.key).await?, Sha256::new());
        let contents = until_stopped(cx, programs.list(&mut content, Some(&mut digest))).await?;
        let before = tables(cx).await?;
        let kept = before.iter().filter(|table| !contents.holds(table)).map(ToString::to_string).collect();
        let (sha256, content) = (hexadecimal(digest.finalize().as_slice()), store.open(&self.key).await?);
        Ok(Found { programs, content, contents, bytes: object.bytes, sha256, kept })
    }
}

/// Waits for `work`, which leaves nothing behind when it is dropped, until a stop.
async fn until_stopped<T>(cx: &Cx, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        result = work => result,
        () = cx.stop().given() => Err(cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"))),
    }
}

async fn server_version(cx: &Cx) -> Result<u32> {
    let rows =
        database::read(cx, "SELECT current_setting('server_version_num')::int / 10000 AS major", &[]).await?;
    let major = rows.first().and_then(|row| row.get("major")).and_then(Value::as_u64);
    major
        .and_then(|major| u32::try_from(major).ok())
        .ok_or_else(|| Error::bug("the server does not tell its version"))
}

async fn tables(cx: &Cx) -> Result<Vec<Table>> {
    let rows = database::read(cx, TABLES, &[]).await?;
    let text = |row: &crate::effect::sql::Row, name: &str| {
        row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let table = |row: &crate::effect::sql::Row| Table {
        schema: text(row, "schema"),
        name: text(row, "name"),
        has_rows: row.get("has_rows") == Some(&Value::Bool(true)),
    };
    Ok(rows.iter().map(table).collect())
}
