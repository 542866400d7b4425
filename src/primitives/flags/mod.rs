//! Feature flags in a table of any SQL resource: one row for each flag, its name and whether it is on.

mod held;
mod table;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::table::{Table, open};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::{Primitive, entry};

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

    fn touches(&self) -> Option<String> {
        Some(self.flag.clone())
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

    fn touches(&self) -> Option<String> {
        Some(self.flag.clone())
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

    fn touches(&self) -> Option<String> {
        Some(self.flag.clone())
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
