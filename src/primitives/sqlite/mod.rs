//! An SQLite database file: the embedded database, with the verbs of the larger ones.

mod batch;
mod bounds;
mod copy;
mod dump;
mod failure;
mod integrity;
mod leash;
mod look;
mod rows;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::session::Purpose;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, Work, entry};
use crate::effect::sql::{Row, Sql, touched_none};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "sqlite",
    about: "An SQLite database file. Each call is a transaction of its own and waits for other programs' locks; a \
            stop interrupts it and leaves no lock behind.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<Query>(),
        entry::<One>(),
        entry::<Execute>(),
        entry::<batch::Transaction>(),
        entry::<batch::Script>(),
        entry::<dump::DumpTo>(),
        entry::<dump::RestoreFrom>(),
        entry::<dump::VerifyRestore>(),
        entry::<Tables>(),
        entry::<integrity::Integrity>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: Some(open),
    hosts: None,
};

/// A database file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The file, relative to the project or absolute
    path: String,
    /// How long to wait for other programs' locks, as "5s"
    #[serde(default = "five_seconds")]
    busy_timeout: Period,
    /// Whether a write makes the database when there is none; otherwise a missing file is an error
    #[serde(default)]
    create: bool,
    /// The folder for copies while they are verified; by default where the machine keeps temporary files
    #[serde(default)]
    scratch: Option<String>,
}

const fn five_seconds() -> Period {
    Period::of("5s")
}

/// Reads rows: an array of maps from column name to value. A blob is a map `#{ base64: "…" }`. At most 4 MiB.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// One statement that only reads
    sql: String,
    /// Values for its markers: an array for `?`, a map for `:name`
    #[serde(default)]
    parameters: Value,
}

impl Primitive for Query {
    const NAME: &'static str = "query";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"sqlite("main").query("SELECT name FROM users WHERE id > ?", [100])"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read `{}`", text::headline(&self.sql, 100))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let rows = session::with(&cx, move |database| {
            rows::reading(database, |session| {
                rows::query(session, &self.sql, &self.parameters, usize::MAX)?.into_rows()
            })
        });
        Ok(json!(rows.await?))
    }
}

/// Reads one value: the first column of the one row, or `()` when there is no row. More than one row is an error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    /// One statement that only reads
    sql: String,
    /// Values for its markers: an array for `?`, a map for `:name`
    #[serde(default)]
    parameters: Value,
}

impl Primitive for One {
    const NAME: &'static str = "value";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"sqlite("main").value("SELECT count(*) FROM users")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the value of `{}`", text::headline(&self.sql, 100))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let name = cx.resource().to_string();
        let sql = self.sql.clone();
        let done = session::with(&cx, move |database| {
            rows::reading(database, |session| rows::query(session, &self.sql, &self.parameters, 2))
        });
        let rows = done.await?.rows;
        if rows.len() > 1 {
            return Err(Error::usage(format!(
                "`{name}` gave more than one row for `{}`",
                text::headline(&sql, 80)
            ))
            .fix("ask for one row, with WHERE, LIMIT 1 or an aggregate, or use `query`"));
        }
        Ok(rows.into_iter().flatten().next().unwrap_or_default())
    }
}

/// Runs one statement that changes rows or the schema, and gives how many rows it changed: `#{ rows: 3 }`. It is
/// taken back by `undo`, and cannot be taken back without. An INSERT, UPDATE or DELETE that changed no row has nothing to
/// take back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Execute {
    /// One statement
    sql: String,
    /// Values for its markers: an array for `?`, a map for `:name`
    #[serde(default)]
    parameters: Value,
    /// The statement that takes it back
    #[serde(default)]
    undo: Option<String>,
    /// Values for the markers of `undo`
    #[serde(default)]
    undo_parameters: Value,
}

impl Primitive for Execute {
    const NAME: &'static str = "execute";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"sqlite("main").execute("UPDATE jobs SET state = 'held' WHERE state = 'ready'", #{ undo: "UPDATE jobs SET state = 'ready' WHERE state = 'held'" })"#;
    const NO_PROBE: Option<&'static str> =
        Some("a database file keeps no list of the transactions that were committed");
    const TIMEOUT: Duration = Duration::from_secs(300);
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("execute `{}`", text::headline(&self.sql, 100))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none("it has no `undo`; give one: `#{ undo: \"UPDATE …\" }`"));
        };
        let call = Call::new(cx.resource().clone(), Self::NAME).with("sql", undo.as_str());
        Ok(Inverse::Call(call.with("parameters", self.undo_parameters.clone())))
    }

    fn left_nothing(&self, value: &Value) -> bool {
        touched_none([self.sql.as_str()], value)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let changed = session::with(&cx, move |database| {
            rows::execute(&database.open(Purpose::Write)?, &self.sql, &self.parameters)
        });
        Ok(json!({ "rows": changed.await? }))
    }
}

/// Counts the rows of every table: a map from table to count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tables {}

impl Primitive for Tables {
    const NAME: &'static str = "tables";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"sqlite("main").tables()"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, _: &ResourceId) -> String {
        "count the rows of every table".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let counts = session::with(&cx, |database| {
            rows::reading(database, |session| {
                session
                    .transaction(|| rows::counts(session))
                    .map_err(|why| session.told("SELECT count(*) …", why))
            })
        });
        Ok(Value::Object(counts.await?))
    }
}

/// The database as other families reach it.
struct Opened(Cx);

fn open(cx: Cx) -> Work<'static, Arc<dyn Sql>> {
    Box::pin(async move { Ok(Arc::new(Opened(cx)) as Arc<dyn Sql>) })
}

#[async_trait]
impl Sql for Opened {
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let (sql, parameters) = (sql.to_owned(), json!(parameters));
        session::with(&self.0, move |database| {
            rows::reading(database, |session| {
                rows::query(session, &sql, &parameters, usize::MAX)?.into_rows()
            })
        })
        .await
    }

    async fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let (sql, parameters) = (sql.to_owned(), json!(parameters));
        session::with(&self.0, move |database| {
            rows::execute(&database.open(Purpose::Write)?, &sql, &parameters)
        })
        .await
    }

    fn marker(&self, n: usize) -> String {
        format!("?{n}")
    }
}
