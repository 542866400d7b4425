//! The table that holds the flags, reached through its database.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::held::{is_on, like};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::cx::Cx;
use crate::effect::sql::{Row, Sql, quote};

/// A table of feature flags.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The SQL resource that holds the table, as "postgres.main"; access to the flags is access to that table
    pub(super) database: ResourceId,
    /// The table, with its schema where it needs one
    #[serde(default = "feature_flags")]
    table: String,
    /// The column that holds a flag's name
    #[serde(default = "name")]
    name: String,
    /// The column that holds whether it is on: yes or no, 1 or 0, or a text such as "on"
    #[serde(default = "enabled")]
    enabled: String,
}

fn feature_flags() -> String {
    "feature_flags".to_owned()
}

fn name() -> String {
    "name".to_owned()
}

fn enabled() -> String {
    "enabled".to_owned()
}

/// The table, reached through its database.
pub(super) struct Flags {
    id: ResourceId,
    /// Its settings.
    pub(super) table: Table,
    /// Its database.
    pub(super) sql: Arc<dyn Sql>,
}

/// One flag.
pub(super) struct Flag {
    /// As the table writes it.
    pub(super) name: String,
    /// What its value means.
    pub(super) is_on: bool,
    /// Its value as the database holds it.
    pub(super) held: Value,
}

/// Reaches the table, to read or to change it.
pub(super) async fn open(cx: &Cx, effect: Effect) -> Result<Flags> {
    let table: Table = cx.settings()?;
    let sql = cx.sql(&table.database, effect).await?;
    Ok(Flags { id: cx.resource().clone(), table, sql })
}

impl Flags {
    /// Reads name and value under names of our own, whatever the columns are called.
    pub(super) fn select(&self, condition: &str) -> String {
        let Table { table, name, enabled, .. } = &self.table;
        let (table, name, enabled) = (quote(table), quote(name), quote(enabled));
        // Qualified, because SQLite takes a quoted name that is no column for a text.
        format!("SELECT f.{name} AS flag, f.{enabled} AS held FROM {table} AS f{condition} ORDER BY f.{name}")
    }

    /// The one row of a flag. None is an error that names the near ones: an update of no row would be silent.
    pub(super) async fn find(&self, flag: &str) -> Result<Flag> {
        let condition = format!(" WHERE f.{} = {}", quote(&self.table.name), self.sql.marker(1));
        let mut rows = self.sql.query(&self.select(&condition), &[flag.into()]).await?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => self.read(row),
            (Some(_), more) => {
                Err(Error::remote(format!("`{}` has {} rows for the flag `{flag}`", self.id, more + 1))
                    .fix(format!("make the column `{}` of `{}` unique", self.table.name, self.table.table)))
            }
            (None, _) => {
                let rows = self.sql.query(&self.select(""), &[]).await?;
                let names: Vec<&str> = rows.iter().filter_map(|row| row.get("flag")?.as_str()).collect();
                Err(Error::missing(format!("`{}` has no flag `{flag}`", self.id))
                    .why(format!("looked in `{}` of `{}`", self.table.table, self.table.database))
                    .fix(suggest::advice(flag, names.iter().copied())))
            }
        }
    }

    /// A flag of one row.
    pub(super) fn read(&self, mut row: Row) -> Result<Flag> {
        let held = row.remove("held").unwrap_or_default();
        let name = match row.remove("flag") {
            Some(Value::String(name)) => name,
            other => other.unwrap_or_default().to_string(),
        };
        let is_on = is_on(&held).ok_or_else(|| {
            Error::remote(format!("the flag `{name}` of `{}` is neither on nor off", self.id))
                .why(format!("the column `{}` holds {held}", self.table.enabled))
        })?;
        Ok(Flag { name, is_on, held })
    }

    /// Gives a flag a value, in the form that it had.
    pub(super) async fn write(&self, flag: &Flag, value: bool) -> Result<()> {
        let Table { table, name, enabled, .. } = &self.table;
        let (one, two) = (self.sql.marker(1), self.sql.marker(2));
        let sql =
            format!("UPDATE {} SET {} = {one} WHERE {} = {two}", quote(table), quote(enabled), quote(name));
        let changed = self.sql.execute(&sql, &[like(&flag.held, value), flag.name.as_str().into()]).await?;
        if changed == 1 {
            return Ok(());
        }
        Err(Error::remote(format!(
            "turning the flag `{}` of `{}` changed {changed} rows",
            flag.name, self.id
        ))
        .fix("look at the table: somebody else may be changing it"))
    }
}
