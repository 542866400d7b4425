//! `transaction`: several statements, all or nothing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::Source;
use super::session::{Session, WRITING};
use super::{database, lexer};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Runs several statements in one transaction: all of them take effect, or none. Gives `#{ rows }`, how many rows
/// they touched together, and `each`, how many each did.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    /// The statements in order: SQL, or `#{ sql, parameters }`.
    statements: Vec<Statement>,
    /// The statements that take it back, in order.
    #[serde(default)]
    undo: Vec<Statement>,
}

/// One of several statements.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a statement is SQL, or a map of `sql` and `parameters`")]
enum Statement {
    /// Only SQL.
    Plain(String),
    /// SQL and the values of `$1`, `$2`, …
    Bound(Bound),
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bound {
    /// One SQL statement with `$1`, `$2`, … where values go.
    sql: String,
    /// The values, bound by the server, never spliced into the SQL.
    #[serde(default)]
    parameters: Vec<Value>,
}

impl Statement {
    fn sql(&self) -> &str {
        match self {
            Self::Plain(sql) | Self::Bound(Bound { sql, .. }) => sql,
        }
    }

    fn parameters(&self) -> &[Value] {
        match self {
            Self::Plain(_) => &[],
            Self::Bound(Bound { parameters, .. }) => parameters,
        }
    }
}

impl Primitive for Transaction {
    const NAME: &'static str = "transaction";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"db.transaction(["DELETE FROM cart", #{ sql: "INSERT INTO log (what) VALUES ($1)", parameters: ["emptied"] }])"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, resource: &ResourceId) -> String {
        let first = self
            .statements
            .first()
            .map_or_else(String::new, |first| super::statements::headline(first.sql()));
        match self.statements.len() {
            0 | 1 => format!("change {resource}: {first}"),
            count => format!("change {resource} in one transaction: {first} and {} more", count - 1),
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        if self.undo.is_empty() {
            return Ok(Inverse::none("no `undo` was given with the transaction"));
        }
        let undo = serde_json::to_value(&self.undo)
            .map_err(|why| Error::bug("an `undo` cannot be kept").why(why.to_string()))?;
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("statements", undo)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        for (name, statement) in names(&self.statements) {
            lexer::transactional(&name, statement.sql())?;
        }
        let session = Session::open(&cx).await?;
        let each = session.transaction(&cx, WRITING, in_order(&session, &self.statements)).await;
        session.end(&cx);
        let each = each?;
        Ok(json!({ "rows": each.iter().sum::<u64>(), "each": each }))
    }
}

async fn in_order(session: &Session, statements: &[Statement]) -> Result<Vec<u64>> {
    let mut each = Vec::with_capacity(statements.len());
    for (name, statement) in names(statements) {
        let source = Source { name: &name, ..Source::statement(statement.sql()) };
        each.push(database::touch(session, source, statement.parameters()).await?);
    }
    Ok(each)
}

fn names(statements: &[Statement]) -> impl Iterator<Item = (String, &Statement)> {
    let count = statements.len();
    statements
        .iter()
        .enumerate()
        .map(move |(n, statement)| (format!("statement {} of {count}", n + 1), statement))
}
