//! `script`: an SQL file of the project, whole and in one transaction.

use std::time::Duration;

use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

use super::errors::{self, Source};
use super::fate;
use super::lexer::{self, Statement};
use super::session::Session;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::files;

/// An SQL file larger than this holds data, not a migration; in bytes.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// Runs an SQL file of the project in one transaction: all of it takes effect, or nothing. An error names its line.
/// Gives `#{ statements, rows }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// The file, a path within the project; it holds SQL without `BEGIN` and `COMMIT`, and no commands of psql.
    #[schemars(extend("format" = "file of the project"))]
    file: String,
    /// The file that takes it back.
    #[serde(default)]
    #[schemars(extend("format" = "file of the project"))]
    undo: Option<String>,
    /// How long it may wait for a lock that somebody else holds, as "3s"; else as the resource's table says.
    #[serde(default)]
    lock_timeout: Option<Period>,
}

impl Primitive for Script {
    const NAME: &'static str = "script";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"postgres("main").script("migrations/7_up.sql", #{ undo: "migrations/7_down.sql" })"#;
    const TIMEOUT: Duration = Duration::from_secs(600);

    fn content(&self) -> Vec<&str> {
        std::iter::once(self.file.as_str()).chain(self.undo.as_deref()).collect()
    }

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run {} on {resource} in one transaction", self.file)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        cx.file(&self.file)?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none("no `undo` file was given with the script"));
        };
        // What cannot be run is better found before the change than after it.
        read(cx, undo)?;
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("file", undo.as_str())))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        fate::probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (sql, statements) = read(&cx, &self.file).map_err(Error::unchanged)?;
        let session = Session::open(&cx).await?.patient(self.lock_timeout.as_ref())?;
        let value = |rows: &u64| json!({ "statements": statements.len(), "rows": rows });
        let rows = session.change(&cx, whole(&session, &self.file, &sql, &statements), value).await;
        session.end(&cx);
        rows.map(|rows| value(&rows))
    }
}

fn read(cx: &Cx, file: &str) -> Result<(String, Vec<Statement>)> {
    let sql = files::read_text(&cx.file(file)?, LARGEST_FILE)?;
    let statements = lexer::transactional(file, &sql)?;
    Ok((sql, statements))
}

/// Sends the file as it is, so that the server's positions are those of the file. An error at run time has none: then
/// the statements that were completed tell which one it was.
pub(super) async fn whole(session: &Session, file: &str, sql: &str, statements: &[Statement]) -> Result<u64> {
    let (mut completed, mut rows) = (0, 0);
    let source = |completed: usize| Source {
        name: file,
        file,
        sql,
        begins: statements.get(completed).map(|one| one.begins),
    };
    let failed = |why, completed| errors::failed(&session.named, source(completed), &why, false);
    let stream = session.client()?.simple_query_raw(sql).await.map_err(|why| failed(why, 0))?;
    let mut stream = std::pin::pin!(stream);
    while let Some(message) = stream.next().await {
        if let SimpleQueryMessage::CommandComplete(touched) = message.map_err(|why| failed(why, completed))? {
            completed += 1;
            rows += touched;
        }
    }
    Ok(rows)
}
