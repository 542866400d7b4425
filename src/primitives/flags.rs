//! Feature flags in a table of any SQL resource: one row for each flag, its name and whether it is on.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::{Primitive, entry};
use crate::effect::sql::{Row, Sql, quote};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "flags",
    about: "Feature flags in a table of an SQL database. Changing one records what it was, and that is restored when \
            the change is taken back.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Enable>(), entry::<Disable>(), entry::<Get>(), entry::<Set>(), entry::<List>()],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// A table of feature flags.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The SQL resource that holds the table, as "postgres.main"; access to the flags is access to that table
    database: ResourceId,
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

/// Turns a flag on. Taken back by giving it the value that it had. Gives `flag`, `enabled` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Enable {
    /// The flag's name
    flag: String,
}

impl Primitive for Enable {
    const NAME: &'static str = "enable";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"flags("main").enable("auto_sync")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("turn the flag `{}` on", self.flag)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        restoring(cx, &self.flag, true).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        is(cx, &self.flag, true).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(cx.found().map(|changed| receipt(&self.flag, true, changed)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        set(&cx, self.flag, true).await
    }
}

/// Turns a flag off. Taken back by giving it the value that it had. Gives `flag`, `enabled` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Disable {
    /// The flag's name
    flag: String,
}

impl Primitive for Disable {
    const NAME: &'static str = "disable";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"flags("main").disable("auto_sync")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("turn the flag `{}` off", self.flag)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        restoring(cx, &self.flag, false).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        is(cx, &self.flag, false).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(cx.found().map(|changed| receipt(&self.flag, false, changed)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        set(&cx, self.flag, false).await
    }
}

/// Reads whether a flag is on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The flag's name
    flag: String,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"flags("main").get("auto_sync")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the flag `{}`", self.flag)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let flags = open(&cx, Effect::Read).await?;
        Ok(flags.find(&self.flag).await?.is_on.into())
    }
}

/// Gives a flag a value. Taken back by giving it the value that it had. Gives `flag`, `enabled` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    /// The flag's name
    flag: String,
    /// Whether it is to be on
    value: bool,
}

impl Primitive for Set {
    const NAME: &'static str = "set";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"flags("main").set("auto_sync", false)"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("turn the flag `{}` {}", self.flag, if self.value { "on" } else { "off" })
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        restoring(cx, &self.flag, self.value).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        is(cx, &self.flag, self.value).await
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(cx.found().map(|changed| receipt(&self.flag, self.value, changed)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        set(&cx, self.flag, self.value).await
    }
}

/// Reads all flags: a map from name to whether it is on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {}

impl Primitive for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"flags("main").list()"#;

    fn plan(&self, _: &ResourceId) -> String {
        "read all flags".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let flags = open(&cx, Effect::Read).await?;
        let mut all = Map::new();
        for row in flags.sql.query(&flags.select(""), &[]).await? {
            let flag = flags.read(row)?;
            all.insert(flag.name, flag.is_on.into());
        }
        Ok(Value::Object(all))
    }
}

/// Reads all flags; whether they may be changed is the database's matter.
async fn look(cx: Cx) -> Result<Health> {
    let flags = open(&cx, Effect::Read).await?;
    let rows = flags.sql.query(&flags.select(""), &[]).await?;
    let health =
        Health::reached().fact(format!("{} in {}", text::count(rows.len(), "flag"), flags.table.database));
    match rows.into_iter().map(|row| flags.read(row)).collect::<Result<Vec<_>>>() {
        Ok(_) => Ok(health.permitted()),
        Err(neither) => Ok(health.trouble(neither)),
    }
}

/// The table, reached through its database.
struct Flags {
    id: ResourceId,
    table: Table,
    sql: Arc<dyn Sql>,
}

/// One flag, and its value as the database holds it.
struct Flag {
    name: String,
    is_on: bool,
    held: Value,
}

async fn open(cx: &Cx, effect: Effect) -> Result<Flags> {
    let table: Table = cx.settings()?;
    let sql = cx.sql(&table.database, effect).await?;
    Ok(Flags { id: cx.resource().clone(), table, sql })
}

async fn restoring(cx: &Cx, flag: &str, value: bool) -> Result<Inverse> {
    let before = open(cx, Effect::Read).await?.find(flag).await?.is_on;
    if before == value {
        return Ok(Inverse::Nothing);
    }
    let call = Call::new(cx.resource().clone(), Set::NAME).with("flag", flag).with("value", before);
    Ok(Inverse::Call(call))
}

async fn is(cx: &Cx, flag: &str, value: bool) -> Result<Option<bool>> {
    Ok(Some(open(cx, Effect::Read).await?.find(flag).await?.is_on == value))
}

async fn set(cx: &Cx, name: String, value: bool) -> Result<Value> {
    let flags = open(cx, Effect::Write).await?;
    let flag = flags.find(&name).await?;
    let changed = flag.is_on != value || flag.held.is_null();
    if changed {
        flags.write(&flag, value).await?;
    }
    Ok(receipt(&name, value, changed))
}

fn receipt(flag: &str, enabled: bool, changed: bool) -> Value {
    json!({ "flag": flag, "enabled": enabled, "changed": changed })
}

impl Flags {
    /// Reads name and value under names of our own, whatever the columns are called.
    fn select(&self, condition: &str) -> String {
        let Table { table, name, enabled, .. } = &self.table;
        let (table, name, enabled) = (quote(table), quote(name), quote(enabled));
        // Qualified, because SQLite takes a quoted name that is no column for a text.
        format!("SELECT f.{name} AS flag, f.{enabled} AS held FROM {table} AS f{condition} ORDER BY f.{name}")
    }

    /// The one row of a flag. None is an error that names the near ones: an update of no row would be silent.
    async fn find(&self, flag: &str) -> Result<Flag> {
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

    fn read(&self, mut row: Row) -> Result<Flag> {
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

    async fn write(&self, flag: &Flag, value: bool) -> Result<()> {
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

/// The words for on and off that a column of text may hold.
const WORDS: [(&str, &str); 6] =
    [("true", "false"), ("on", "off"), ("yes", "no"), ("1", "0"), ("t", "f"), ("enabled", "disabled")];

/// Whether a held value means on; nothing held means off.
fn is_on(held: &Value) -> Option<bool> {
    match held {
        Value::Bool(yes) => Some(*yes),
        Value::Null => Some(false),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => WORDS.iter().find_map(|(on, off)| match text.to_lowercase() {
            word if word == *on => Some(true),
            word if word == *off => Some(false),
            _ => None,
        }),
        _ => None,
    }
}

/// `value` in the form in which the column held its value before.
fn like(held: &Value, value: bool) -> Value {
    match held {
        Value::Number(_) => u8::from(value).into(),
        Value::String(text) => {
            let word = text.to_lowercase();
            let pair = WORDS.iter().find(|(on, off)| word == *on || word == *off).unwrap_or(&WORDS[0]);
            let word = if value { pair.0 } else { pair.1 };
            let is_loud = text.len() > 1 && text.chars().all(|c| !c.is_lowercase());
            if is_loud { word.to_uppercase().into() } else { word.into() }
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_the_form_that_the_column_has() {
        for (held, on, off) in [
            (json!(true), json!(true), json!(false)),
            (json!(0), json!(1), json!(0)),
            (json!("off"), json!("on"), json!("off")),
            (json!("TRUE"), json!("TRUE"), json!("FALSE")),
            (json!("t"), json!("t"), json!("f")),
            (json!(null), json!(true), json!(false)),
        ] {
            assert_eq!((like(&held, true), like(&held, false)), (on.clone(), off.clone()));
            assert_eq!((is_on(&on), is_on(&off)), (Some(true), Some(false)));
        }
        for strange in [json!(2), json!("perhaps"), json!({ "base64": "" })] {
            assert_eq!(is_on(&strange), None);
        }
    }
}
