//! Several statements in one transaction: given in the playbook, or read from an `.sql` file.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Batch;
use rusqlite::fallible_iterator::FallibleIterator as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{Trouble, parts};
use super::rows;
use super::session::{self, Purpose, Session};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::place::Place;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::touched_none;
use crate::sys::files;

/// A script file larger than this is a mistake, in bytes.
const LARGEST_SCRIPT: u64 = 64 * 1024 * 1024;

/// Runs statements in one transaction: all of them happen, or none. Gives how many rows they changed, together and
/// each: `#{ rows: 3, each: [2, 1] }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    /// The statements: each a text, or an array of a text and the values of its markers
    statements: Vec<Value>,
    /// The statements that take it back, in the order in which they are to run
    #[serde(default)]
    undo: Option<Vec<Value>>,
}

impl Primitive for Transaction {
    const NAME: &'static str = "transaction";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"sqlite("main").transaction([["UPDATE accounts SET total = total - ? WHERE id = ?", 5, 1], "DELETE FROM sessions"])"#;
    const NO_PROBE: Option<&'static str> =
        Some("a database file keeps no list of the transactions that were committed");
    const TIMEOUT: Duration = Duration::from_secs(300);
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let first = self
            .statements
            .first()
            .map(|one| one.get(0).unwrap_or(one))
            .and_then(Value::as_str)
            .unwrap_or("");
        let first = text::headline(first, 80);
        match self.statements.len() {
            0 | 1 => format!("execute `{first}` in a transaction"),
            count => format!("execute `{first}` and {} more in one transaction", count - 1),
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.statements
            .iter()
            .chain(self.undo.iter().flatten())
            .try_for_each(|one| statement(one).map(drop))?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none("it has no `undo`; give one: `#{ undo: [\"UPDATE …\"] }`"));
        };
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("statements", undo.clone())))
    }

    fn left_nothing(&self, value: &Value) -> bool {
        touched_none(self.statements.iter().filter_map(|one| one.get(0).unwrap_or(one).as_str()), value)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let statements = self.statements.iter().map(statement).collect::<Result<Vec<_>>>()?;
        let each = session::with(&cx, move |database| {
            let session = database.open(Purpose::Write)?;
            let mut now = String::new();
            let done = session.transaction(|| {
                let mut each = Vec::with_capacity(statements.len());
                for (sql, parameters) in statements {
                    now.clone_from(&sql);
                    each.push(rows::run(&session, &sql, &parameters, 0)?.changed);
                }
                now = "COMMIT".to_owned();
                Ok(each)
            });
            done.map_err(|why| session.told(&now, why))
        });
        let each = each.await?;
        Ok(json!({ "rows": each.iter().sum::<u64>(), "each": each }))
    }
}

/// A statement and its parameters, from a text or an array that begins with one.
fn statement(value: &Value) -> Result<(String, Value)> {
    let wrong = || {
        Error::usage(format!("`{}` is no statement", text::headline(&value.to_string(), 60)))
            .fix("give a text, or an array such as `[\"DELETE FROM jobs WHERE id = ?\", 7]`")
    };
    match value {
        Value::String(sql) => Ok((sql.clone(), Value::Null)),
        Value::Array(parts) => {
            let (sql, values) = parts.split_first().ok_or_else(wrong)?;
            let sql = sql.as_str().ok_or_else(wrong)?.to_owned();
            Ok((
                sql,
                match values {
                    [] => Value::Null,
                    // The values may stand in an array of their own, or by name in a map; a map of one blob is a value.
                    [Value::Array(values)] => Value::Array(values.clone()),
                    [Value::Object(names)] if !names.contains_key("base64") => Value::Object(names.clone()),
                    values => Value::Array(values.to_vec()),
                },
            ))
        }
        _ => Err(wrong()),
    }
}

/// Runs an `.sql` file of the project in one transaction: all of it happens, or nothing. An error names the line of
/// the statement that failed. Gives `#{ statements: 4, rows: 12 }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// The file, within the project
    #[schemars(extend("format" = "file of the project"))]
    file: String,
    /// The file that takes it back
    #[serde(default)]
    #[schemars(extend("format" = "file of the project"))]
    undo: Option<String>,
}

impl Primitive for Script {
    const NAME: &'static str = "script";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"sqlite("main").script("migrations/007_up.sql", #{ undo: "migrations/007_down.sql" })"#;
    const NO_PROBE: Option<&'static str> =
        Some("a database file keeps no list of the transactions that were committed");
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const ATOMIC: bool = true;

    fn content(&self) -> Vec<&str> {
        std::iter::once(self.file.as_str()).chain(self.undo.as_deref()).collect()
    }

    fn plan(&self, _: &ResourceId) -> String {
        format!("run the SQL script {}", self.file)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        // Better to learn that a file is missing before anything was changed.
        files::read_text(&cx.file(&self.file)?, LARGEST_SCRIPT)?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none("it has no `undo`; give a file: `#{ undo: \"….sql\" }`"));
        };
        files::read_text(&cx.file(undo)?, LARGEST_SCRIPT)?;
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("file", undo.as_str())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let path: PathBuf = cx.path(&self.file)?;
        let (statements, rows) = session::with(&cx, move |database| {
            let text = files::read_text(&path, LARGEST_SCRIPT)?;
            let session = database.open(Purpose::Write)?;
            let mut reader = Reader { file: &self.file, text: &text, at: 0 };
            let done = session.transaction(|| reader.run(&session));
            done.map_err(|why| session.told("COMMIT", why))
        })
        .await?;
        Ok(json!({ "statements": statements, "rows": rows }))
    }
}

/// Goes through a script, and knows where it stands.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn run(&mut self, session: &Session<'_>) -> Result<(u64, u64), Trouble> {
        let (mut statements, mut changed) = (0, 0);
        let mut batch = Batch::new(&session.connection, self.text);
        loop {
            session.database.go_on()?;
            let mut statement = match batch.next() {
                Ok(Some(statement)) => statement,
                Ok(None) => return Ok((statements, changed)),
                Err(why) => return Err(self.told(session, why.into(), 0)),
            };
            let length = self.find(statement.expanded_sql().as_deref().unwrap_or(""));
            let done = rows::run_prepared(session, &mut statement, &Value::Null, 0);
            changed += done.map_err(|why| self.told(session, why, length))?.changed;
            statements += 1;
            self.at += length;
        }
    }

    /// Moves to where a statement begins in the text, and tells how long it is. Comments before it may have been
    /// passed over without our seeing it.
    fn find(&mut self, statement: &str) -> usize {
        self.at += self.text[self.at..].find(statement).unwrap_or(0);
        statement.len().min(self.text.len() - self.at)
    }

    /// An error at its place in the file. `length` is that of the statement, 0 for the rest of the file.
    fn told(&self, session: &Session<'_>, trouble: Trouble, length: usize) -> Trouble {
        let Trouble::Sqlite(why) = trouble else { return trouble };
        let offset = match &why {
            // SQLite was given all that follows the statement before.
            rusqlite::Error::SqlInputError { sql, offset, .. } => {
                self.text.len() - sql.len() + usize::try_from(*offset).unwrap_or(0)
            }
            _ => self.at + leading(&self.text[self.at..]),
        };
        let end = if length == 0 { self.text.len() } else { self.at + length };
        let begin = (self.at + leading(&self.text[self.at..])).min(end);
        let shown = first_statement(&self.text[begin..end]);
        let words = parts(&why).1;
        let error = session.told(shown, Trouble::Sqlite(why));
        // The place shows the line and the caret already.
        let error = if error.details.contains_key("sqlite_code") { error.why(words) } else { error };
        Trouble::Own(error.at(Place::of_offset(self.file, self.text, offset)))
    }
}

/// What may be shown of a statement whose end is not known.
fn first_statement(text: &str) -> &str {
    text.split_inclusive(';').next().unwrap_or(text)
}

/// How many bytes of white space and comments `text` begins with.
fn leading(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 2)
        } else {
            return text.len() - rest.len();
        };
        let Some(end) = end else { return text.len() };
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_text_or_begins_an_array() {
        assert_eq!(statement(&json!("A")).unwrap(), ("A".into(), Value::Null));
        assert_eq!(statement(&json!(["A", 1, "x"])).unwrap(), ("A".into(), json!([1, "x"])));
        assert_eq!(statement(&json!(["A", [1]])).unwrap(), ("A".into(), json!([1])));
        assert_eq!(statement(&json!(["A", { "id": 1 }])).unwrap(), ("A".into(), json!({ "id": 1 })));
        assert_eq!(
            statement(&json!(["A", { "base64": "" }])).unwrap(),
            ("A".into(), json!([{ "base64": "" }]))
        );
        assert!(statement(&json!([])).is_err() && statement(&json!(7)).is_err());
    }

    #[test]
    fn a_statement_begins_after_comments() {
        assert_eq!(leading("  -- a\n/* b */ ;\nSELECT"), 17);
        assert_eq!(leading("-- only"), 7);
    }
}
