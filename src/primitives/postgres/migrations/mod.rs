//! `migrations`, `migrate`, `revert_migrations`: a folder of the team's own migration tool, with that tool's record.

mod apply;
mod folder;
mod history;
mod state;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::suggest;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use apply::Locked;
use folder::{Format, Migration};
use history::History;
use state::State;

/// Compares a folder of migrations with what the database has applied, and gives `#{ format, up_to_date, applied, pending,
/// failed, changed, missing, out_of_order }`. `applied` are `#{ name, at }`, `pending` `#{ name, version, transactional }`, the others
/// names: `failed` was begun and not done, `changed` has another checksum than when it was applied, `missing` was applied
/// and is not in the folder, `out_of_order` is pending before one that was applied.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Migrations {
    /// The folder, within the project
    folder: String,
    /// `prisma`, `sqlx` or `flyway`; by default what the names in the folder look like
    #[serde(default)]
    format: Option<Format>,
    /// The tool's table; by default the tool's own name for it, on the search path
    #[serde(default)]
    table: Option<String>,
}

impl Primitive for Migrations {
    const NAME: &'static str = "migrations";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "nothing to migrate", postgres("main").migrations("prisma/migrations").up_to_date;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see which migrations of {} are pending on {resource}", self.folder)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (_, _, state) = look(&cx, &self.folder, self.format, self.table.as_deref()).await?;
        Ok(state.value())
    }
}

/// Applies the pending migrations of a folder in their order, each in one transaction with its record in the tool's table,
/// so that the tool takes it for its own; under the lock that the tool itself takes. Gives `#{ format, applied: [#{ name, ms }] }`.
/// What cannot be part of a transaction (`CREATE INDEX CONCURRENTLY`, a `BEGIN` of its own, a first line `-- no-transaction`) runs
/// statement by statement, with a record that says so until it is done.
///
/// It refuses to begin where a migration failed earlier, was changed after it had been applied, is missing from the
/// folder, or comes before one that was applied. When one fails, those before it stay applied, and the error names
/// them. It is taken back by the `.down.sql` files, if each migration that was pending has one, and not at all
/// otherwise: then a rollback block restores a dump.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Migrate {
    /// The folder, within the project
    folder: String,
    /// `prisma`, `sqlx` or `flyway`; by default what the names in the folder look like
    #[serde(default)]
    format: Option<Format>,
    /// The last one to apply, by name or version; by default all
    #[serde(default)]
    to: Option<String>,
    /// Whether one may be applied that comes before others that were
    #[serde(default)]
    out_of_order: bool,
    /// The tool's table; by default the tool's own name for it, on the search path
    #[serde(default)]
    table: Option<String>,
    /// How long it may wait for a lock that somebody else holds, as "3s"; else as the resource's table says
    #[serde(default)]
    lock_timeout: Option<Period>,
}

impl Migrate {
    /// What is to be applied.
    async fn pending(&self, cx: &Cx) -> Result<(History, Vec<Migration>)> {
        let (history, all, state) = look(cx, &self.folder, self.format, self.table.as_deref()).await?;
        state.check(cx.resource(), &self.folder, self.out_of_order)?;
        Ok((history, up_to(&self.folder, self.to.as_deref(), &all, state.pending)?))
    }
}

impl Primitive for Migrate {
    const NAME: &'static str = "migrate";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"postgres("main").migrate("prisma/migrations");"#;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const IDEMPOTENT: bool = true;

    fn content(&self) -> Vec<&str> {
        vec![&self.folder]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        let to = self.to.as_ref().map(|to| format!(" up to {to}")).unwrap_or_default();
        format!("apply the pending migrations of {}{to} to {resource}", self.folder)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let (history, pending) = self.pending(cx).await?;
        if pending.is_empty() {
            return Ok(Inverse::Nothing);
        }
        if let Some(without) = pending.iter().find(|migration| migration.down.is_none()) {
            return Ok(Inverse::none(format!(
                "{} has no file that takes it back; restore a dump in a rollback block",
                without.name
            )));
        }
        let versions: Vec<&str> = pending.iter().filter_map(|one| one.version.as_deref()).collect();
        let call = Call::new(cx.resource().clone(), RevertMigrations::NAME)
            .with("folder", self.folder.as_str())
            .with("versions", json!(versions))
            .with("format", history.format.word());
        Ok(Inverse::Call(match &self.table {
            Some(table) => call.with("table", table.as_str()),
            None => call,
        }))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        // With some of them left it is not known which of the others it was that applied them.
        Ok(self.pending(cx).await?.1.is_empty().then_some(true))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (mut history, pending) = self.pending(&cx).await.map_err(Error::unchanged)?;
        if pending.is_empty() {
            return Ok(json!({ "format": history.format.word(), "applied": [] }));
        }
        let locked = Locked::take(&cx, &history, self.lock_timeout.as_ref()).await?;
        let done = async {
            // Somebody else may have done it while this one waited for the lock.
            let (format, all) = folder::read(&cx, &self.folder, self.format)?;
            history.make(&cx, &locked.session).await?;
            let lines = history.lines(&cx, Some(&locked.session)).await?;
            let state = State::of(format, &all, lines);
            state.check(cx.resource(), &self.folder, self.out_of_order)?;
            let pending = up_to(&self.folder, self.to.as_deref(), &all, state.pending)?;
            apply::all(&cx, &locked, &history, &pending).await
        };
        let done = done.await;
        locked.end(&cx).await;
        Ok(json!({ "format": history.format.word(), "applied": done? }))
    }
}

/// Takes migrations back by their `.down.sql` files, the last one first, and removes their records; gives `#{ reverted }`. What
/// the files remove is lost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevertMigrations {
    /// The folder, within the project
    folder: String,
    /// The versions to take back; those that are not applied are left out
    versions: Vec<String>,
    /// `sqlx`: the only format with files that take a migration back
    #[serde(default)]
    format: Option<Format>,
    /// The tool's table; by default the tool's own name for it, on the search path
    #[serde(default)]
    table: Option<String>,
}

impl Primitive for RevertMigrations {
    const NAME: &'static str = "revert_migrations";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"postgres("main").revert_migrations("migrations", ["7", "8"]);"#;
    const NO_PROBE: Option<&'static str> = Some("it begins by looking what is still to be reverted");
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("take the migrations {} of {} back on {resource}", self.versions.join(", "), self.folder)
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        Ok(Inverse::none("what the down files remove is lost; restore a dump in a rollback block"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let looked = look(&cx, &self.folder, self.format, self.table.as_deref()).await;
        let (history, all, _) = looked.map_err(Error::unchanged)?;
        let mut wanted = Vec::new();
        for version in &self.versions {
            let found = find(&self.folder, version, &all).map_err(Error::unchanged)?;
            if found.down.is_none() {
                return Err(Error::usage(format!("{} has no file that takes it back", found.name))
                    .fix("add its .down.sql, or restore a dump")
                    .unchanged());
            }
            wanted.push(found.clone());
        }
        wanted.sort_by(|one, two| one.key.cmp(&two.key));
        let locked = Locked::take(&cx, &history, None).await?;
        let done = async {
            let state = State::of(history.format, &all, history.lines(&cx, Some(&locked.session)).await?);
            wanted.retain(|migration| state.has(&migration.key));
            apply::back(&cx, &locked, &history, &wanted).await
        };
        let done = done.await;
        locked.end(&cx).await;
        Ok(json!({ "reverted": done? }))
    }
}

/// The folder, the record, and how they compare.
async fn look(
    cx: &Cx,
    folder: &str,
    format: Option<Format>,
    table: Option<&str>,
) -> Result<(History, Vec<Migration>, State)> {
    let (format, all) = folder::read(cx, folder, format)?;
    let history = History::find(cx, format, table).await?;
    let state = State::of(format, &all, history.lines(cx, None).await?);
    Ok((history, all, state))
}

/// Those of `pending` that do not come after `to`.
fn up_to(
    folder: &str,
    to: Option<&str>,
    all: &[Migration],
    pending: Vec<Migration>,
) -> Result<Vec<Migration>> {
    let Some(to) = to else { return Ok(pending) };
    let last = find(folder, to, all)?.key.clone();
    Ok(pending.into_iter().filter(|migration| migration.key <= last).collect())
}

/// The migration of that name or version.
fn find<'a>(folder: &str, wanted: &str, all: &'a [Migration]) -> Result<&'a Migration> {
    let is_it = |one: &&Migration| one.name == wanted || one.version.as_deref() == Some(wanted);
    all.iter().find(is_it).ok_or_else(|| {
        Error::missing(format!("{folder} holds no migration {wanted}"))
            .fix(suggest::advice(wanted, all.iter().map(|one| one.name.as_str())))
    })
}
