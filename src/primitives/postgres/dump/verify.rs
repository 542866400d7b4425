//! `verify_restore`: the drill that tells whether a dump can be restored, in a database for a while.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::archive::Rows;
use super::super::programs::Programs;
use super::LONG;
use super::scratch::Scratch;
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::cx::Cx;
use crate::effect::dump::{Counted, Origin, Passed, Receipt, Stored, until_stopped};
use crate::effect::primitive::Primitive;

/// Restores a dump into a new database, counts the rows of every table there, and compares them with the rows in the
/// dump; then the new database is dropped. What the database itself holds is not touched. Gives a receipt like that of `dump_to`, with the `tables` and `rows` that came
/// back; `compared` is false for a dump that does not show its rows, as one that `pg_dump` compressed by itself.
///
/// The new database lies on the same server, or on that of `scratch`, where the role has to be allowed to create
/// databases. Owners, privileges, publications and subscriptions are left out of it. It is called `playbook_drill_` and
/// the id of the run; one that a killed run left is dropped by the next drill on that server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct VerifyRestore {
    /// The store, as its handle.
    store: ResourceId,
    /// The key in the store.
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// Another database's handle, on whose server the drill takes place; needs `write` on it.
    #[serde(default)]
    scratch: Option<ResourceId>,
}

impl Primitive for VerifyRestore {
    const NAME: &'static str = "verify_restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"postgres("main").verify_restore(files("backups"), "before-migration.dump")"#;
    const NO_PROBE: Option<&'static str> =
        Some("the copy that it makes and checks is gone afterwards either way");
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        let place = self.scratch.as_ref().unwrap_or(resource);
        let own = Access::new(resource.clone(), Effect::Read);
        vec![own, Access::new(place.clone(), Effect::Write), Access::new(self.store.clone(), Effect::Read)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        let place = self.scratch.as_ref().unwrap_or(resource);
        format!(
            "restore `{}` of `{}` into a new database beside `{place}`, count its rows, drop it",
            self.key, self.store
        )
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (began, origin) =
            (cx.instant(), Origin { store: self.store.clone(), key: self.key.clone(), undo: None });
        let place = match &self.scratch {
            Some(place) => cx.on(place, Effect::Write)?,
            None => cx.clone(),
        };
        let version = origin.object(&cx).await?.version;
        let programs = Programs::of(&place).await?;
        let stored = Stored::open(&*cx.store(&self.store, Effect::Read).await?, &self.key).await?;
        let scratch = Scratch::make(&place).await?;
        let drilled = until_stopped(&cx, drill(&programs, &scratch, stored, &self.key)).await;
        let name = scratch.name().to_owned();
        // This is no failure of the drill; the next one tries again.
        let left = scratch.remove().await.err().map(|why| {
            cx.line(true, &format!("the database `{name}` was not dropped: {why}"));
            name
        });
        let (passed, counted, compared) = drilled?;
        let took = cx.instant().duration_since(began);
        let Origin { store, key, .. } = origin;
        let mut value =
            Receipt { store, key, version, passed, verified: None, counted, took, retained: None }
                .into_value();
        value["compared"] = json!(compared);
        if let Some(left) = left {
            value["left"] = json!(left);
        }
        Ok(value)
    }
}

/// Restores and counts; tells whether the counts could be compared.
async fn drill(
    programs: &Programs,
    scratch: &Scratch,
    mut stored: Stored,
    key: &str,
) -> Result<(Passed, Counted, bool)> {
    let sent = programs.rehearse(&mut stored, scratch.name()).await?;
    let passed = stored.finish().await?;
    let (tables, rows) = scratch.rows(sent.as_ref()).await?;
    let all = rows.values().sum();
    let counted = Counted { tables: Some(tables), rows: Some(all), ..Counted::default() };
    let differ = |sent: &Rows| -> Vec<String> {
        let pairs = sent.iter().filter(|(table, count)| rows.get(*table) != Some(count));
        pairs
            .map(|((schema, name), count)| {
                let back = rows.get(&(schema.clone(), name.clone())).copied().unwrap_or_default();
                format!("{schema}.{name}: {count} in the dump, {back} restored")
            })
            .collect()
    };
    match sent.as_ref().map(differ) {
        Some(differ) if !differ.is_empty() => {
            Err(Error::remote(format!("the dump `{key}` does not give back all rows"))
                .why(suggest::list(differ.iter().map(String::as_str)))
                .fix(
                    "use an older dump, and find out what keeps rows from being restored: a trigger, a rule",
                ))
        }
        compared => Ok((passed, counted, compared.is_some())),
    }
}
