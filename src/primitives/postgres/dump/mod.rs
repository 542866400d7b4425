//! `dump_to`, `restore_from`, `verify_restore`: the whole database into a store and back, streamed, verified, never half.

mod restore;
mod scratch;
mod verify;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncRead;

use super::archive::Table;
use super::database;
use super::programs::{Found, Programs, well};
use super::session::Door;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Dump, Source, Target, Verify};
use crate::effect::primitive::Primitive;
use crate::effect::sql::Row;

pub(super) use restore::RestoreFrom;
pub(super) use verify::VerifyRestore;

/// How long it may take unless the call says otherwise.
const LONG: Duration = Duration::from_secs(3600);

const TABLES: &str = "SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'r' AS has_rows \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const FACTS: &str = "SELECT current_setting('server_version_num')::int / 10000 AS major, current_database()::text AS database, \
     coalesce(has_function_privilege(to_regproc('pg_catalog.pg_control_system'), 'execute'), false) AS known";

/// Streams a dump of the whole database into a store. Before anybody can see it there, each part of it is known to be
/// what was sent by a checksum that the store computed of what it took in, its beginning, with the table of contents, is
/// read back, its rows are counted, and its tables are compared with those of the database. A store that tells no
/// checksums (a folder does not) is read back from the first byte to the last, and so is any with `verify: "whole"`. Gives
/// a receipt `#{ store, key, version, bytes, uncompressed, sha256, verified, tables, rows, took_ms, mib_per_s }`;
/// `verified` says `checksums` or `whole`.
/// It is `pg_dump`'s custom format, compressed: `zstd -d < KEY | pg_restore -d DATABASE` restores it without playbook.
///
/// With `keep`, the oldest dumps of this database that lie in the same folder of the store are removed after that,
/// until as many are left, the new one included; the receipt names them in `removed`, and in `not_removed` those that
/// could not be, which is no failure of the dump. A dump is known by the mark that playbook writes before it: this
/// resource of this environment, the server's own identifier, the database's name. Whatever has another mark or none is
/// neither counted nor touched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DumpTo {
    /// The store, as its handle.
    store: ResourceId,
    /// The key in the store.
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Whether a dump that has this key already is replaced.
    #[serde(default)]
    replace: bool,
    /// How it is compressed.
    #[serde(default)]
    compression: Compression,
    /// How it is verified in the store before it is published.
    #[serde(default)]
    verify: Verify,
    /// How many dumps of this database stay in the key's folder, at least 1; needs `destroy` on the store.
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
    const EXAMPLE: &'static str = r#"postgres("main").dump_to(files("backups"), "before-migration.dump")"#;
    const TIMEOUT: Duration = LONG;
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
        let programs = Arc::new(Programs::of(&cx).await?);
        let (major, of) = facts(&cx).await?;
        programs.fit(major).await?;
        let before = tables(&cx).await?;
        let mut dump = Dump::begin(&cx, self.target(), Source { of, ..Source::default() }).await?;
        let copied = async {
            let mut running = programs.dump()?;
            let mut stdout = running.take_stdout()?;
            let ended = async {
                let ended = programs.finish(running).await?;
                let what = format!("`{}` could not be dumped; nothing was stored", cx.resource());
                well(&ended, what).map_err(|error| programs.advised(error))
            };
            let lister = Arc::clone(&programs);
            let copied =
                dump.copy(&mut stdout, ended, |stored| Box::pin(async move { look(&lister, stored).await }));
            let found = copied.await?;
            // A table that came or went while the dump ran may be in it or not.
            let after = tables(&cx).await?;
            match found.contents.lacks(before.iter().filter(|table| after.contains(table))) {
                None => Ok(found.counted()),
                Some(missing) => Err(Error::remote("the dump does not hold all tables; nothing was stored")
                    .why(format!("it lacks {missing}"))),
            }
        };
        match copied.await {
            Ok(counted) => dump.publish(counted).await.map(|receipt| receipt.into_value()),
            Err(why) => Err(dump.give_up(why).await),
        }
    }
}

/// What is in the archive that `pg_dump` gave.
async fn look(programs: &Programs, stored: &mut (dyn AsyncRead + Send + Unpin)) -> Result<Found> {
    programs.list(stored).await.map_err(|mut error| {
        let why = error.why.take().map(|why| format!(": {why}")).unwrap_or_default();
        let why = format!("{}{why}", error.what);
        error.what = "what pg_dump gave is no whole archive; nothing was stored".to_owned();
        let fix = "see why pg_dump ended early though it said that all was well: a wrapper, a disk, a limit of the machine";
        error.why(why).fix(fix)
    })
}

/// The server's major version, and the database in words that no other database has, but a standby that takes over.
async fn facts(cx: &Cx) -> Result<(u32, String)> {
    let only = |rows: Vec<Row>| rows.into_iter().next().unwrap_or_default();
    let facts = only(database::read(cx, FACTS, &[]).await?);
    let major = facts.get("major").and_then(Value::as_u64).and_then(|major| u32::try_from(major).ok());
    let major = major.ok_or_else(|| Error::bug("the server does not tell its version"))?;
    let server = if facts.get("known") == Some(&Value::Bool(true)) {
        let sql = "SELECT system_identifier::text AS server FROM pg_control_system()";
        only(database::read(cx, sql, &[]).await?).get("server").and_then(Value::as_str).map(str::to_owned)
    } else {
        None
    };
    let server = match server {
        Some(server) => server,
        None => Door::of(cx).await?.target.place(),
    };
    // A copy of the server's files has its identifier too, but hardly the same name in the same environment.
    Ok((major, format!("{} {server}/{}", cx.table(), text(&facts, "database"))))
}

async fn tables(cx: &Cx) -> Result<Vec<Table>> {
    database::read(cx, TABLES, &[]).await.map(|rows| listed(&rows))
}

/// The answer to [`TABLES`].
fn listed(rows: &[Row]) -> Vec<Table> {
    let table = |row: &Row| Table {
        schema: text(row, "schema"),
        name: text(row, "name"),
        has_rows: row.get("has_rows") == Some(&Value::Bool(true)),
    };
    rows.iter().map(table).collect()
}

fn text(row: &Row, name: &str) -> String {
    row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
