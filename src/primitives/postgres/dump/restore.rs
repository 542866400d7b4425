//! `restore_from`: a dump in place of what the database holds, in one transaction.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::archive::Table;
use super::super::programs::{Found, Programs, well};
use super::super::waits::{self, Waiter};
use super::{LONG, tables};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{Origin, Receipt, Stored, until_stopped};
use crate::effect::primitive::Primitive;

/// Puts the database back to a dump of a store, in one transaction: all of it or nothing. The whole dump is read
/// once before anything is touched. Tables that are not in it stay, unless `exact` says otherwise, and are named in `kept`
/// of the receipt, which is otherwise that of `dump_to`. It takes dumps of every compression, and those that `pg_dump -Fc` wrote by itself. It
/// is taken back only when `undo` names the dump to restore for that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct RestoreFrom {
    /// The store, as its handle.
    store: ResourceId,
    /// The key in the store.
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// The key of the dump that is restored when this is taken back, in the same store.
    #[serde(default)]
    undo: Option<String>,
    /// Whether tables that are not in the dump are dropped, with what depends on them: those that a migration made since.
    #[serde(default)]
    exact: bool,
}

impl RestoreFrom {
    fn origin(&self) -> Origin {
        Origin { store: self.store.clone(), key: self.key.clone(), undo: self.undo.clone() }
    }

    /// Reads all of it, and looks at the database, before anything is touched.
    async fn look(&self, cx: &Cx, programs: &Programs) -> Result<(Receipt, Vec<Table>, Stored)> {
        let object = self.origin().object(cx).await?;
        let store = cx.store(&self.store, Effect::Read).await?;
        let mut stored = Stored::open(&*store, &self.key).await?;
        let looked = async {
            let found = programs.list(&mut stored).await?;
            Ok((found, stored.finish().await?))
        };
        let (Found { contents, rows }, passed) = until_stopped(cx, looked).await?;
        let before = tables(cx).await?;
        let others = before.into_iter().filter(|table| !contents.holds(table)).collect();
        let receipt = Receipt {
            store: self.store.clone(),
            key: self.key.clone(),
            version: object.version,
            passed,
            verified: None,
            counted: Found { contents, rows }.counted(),
            took: Duration::ZERO,
            retained: None,
        };
        Ok((receipt, others, Stored::open(&*store, &self.key).await?))
    }
}

impl Primitive for RestoreFrom {
    const NAME: &'static str = "restore_from";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str =
        r#"postgres("main").restore_from(files("backups"), "before-migration.dump")"#;
    const NO_PROBE: Option<&'static str> = Some(
        "what a database holds does not tell how it came there; a dump that is restored twice is restored",
    );
    const TIMEOUT: Duration = LONG;
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
        let programs = Programs::of(&cx).await.map_err(Error::unchanged)?;
        let (mut receipt, others, stored) = self.look(&cx, &programs).await.map_err(Error::unchanged)?;
        let restored = async {
            match self.exact && !others.is_empty() {
                true => programs.restore_exactly(stored, &others).await,
                false => programs.restore(stored).await,
            }
        };
        let ended = waits::attend(&cx, Waiter::Program, None, restored).await?;
        let what = format!("`{}` could not be restored from `{}`", cx.resource(), self.key);
        well(&ended, what).map_err(|error| {
            if ended.stderr.text.contains("connection") { error } else { error.unchanged() }
        })?;
        receipt.took = cx.instant().duration_since(began);
        let mut value = receipt.into_value();
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        value[if self.exact { "dropped" } else { "kept" }] = json!(names);
        Ok(value)
    }
}
