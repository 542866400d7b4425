//! `transaction`: several statements, all or nothing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::Source;
use super::session::Session;
use super::{database, fate, lexer};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::touched_none;

/// Runs several statements in one transaction: all of them take effect, or none. Gives `#{ rows, each }`: how many
/// rows they touched together, and each of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    /// The statements in order: each a text, or an array of a text and the values of its `$1`, `$2`, …
    statements: Vec<Value>,
    /// The statements that take it back, in the order in which they are to run.
    #[serde(default)]
    undo: Option<Vec<Value>>,
    /// How long it may wait for a lock that somebody else holds, as "3s"; else as the resource's table says.
    #[serde(default)]
    lock_timeout: Option<Period>,
}

/// One of several statements.
struct Statement<'a> {
    /// What it is called in errors: `statement 2 of 3`.
    name: String,
    sql: &'a str,
    parameters: &'a [Value],
}

/// The text of a statement and its values.
fn parts(value: &Value) -> Option<(&str, &[Value])> {
    match value {
        Value::String(sql) => Some((sql, &[])),
        Value::Array(items) => match items.as_slice() {
            [Value::String(sql), Value::Array(parameters)] => Some((sql, parameters)),
            [Value::String(sql), parameters @ ..] => Some((sql, parameters)),
            _ => None,
        },
        _ => None,
    }
}

/// The statements, or which of them is none. One array after the text holds the values, as in `execute`.
fn statements(values: &[Value]) -> Result<Vec<Statement<'_>>> {
    let of = |(n, value)| {
        let name = format!("statement {} of {}", n + 1, values.len());
        match parts(value) {
            Some((sql, parameters)) => Ok(Statement { name, sql, parameters }),
            None => Err(Error::usage(format!("{name} is no statement"))
                .fix("write a text, or an array of a text and its values")
                .unchanged()),
        }
    };
    values.iter().enumerate().map(of).collect()
}

impl Primitive for Transaction {
    const NAME: &'static str = "transaction";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"postgres("main").transaction(["DELETE FROM cart", ["INSERT INTO log (what) VALUES ($1)", "emptied"]])"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, resource: &ResourceId) -> String {
        let statements = statements(&self.statements).unwrap_or_default();
        let first =
            statements.first().map_or_else(String::new, |first| super::statements::headline(first.sql));
        match self.statements.len() {
            0 | 1 => format!("change {resource}: {first}"),
            count => format!("change {resource} in one transaction: {first} and {} more", count - 1),
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none("no `undo` was given with the transaction"));
        };
        // What cannot be run is better found before the change than after it.
        check(&statements(undo)?)?;
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("statements", undo.clone())))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        fate::probe(cx).await
    }

    fn left_nothing(&self, value: &Value) -> bool {
        statements(&self.statements).is_ok_and(|all| touched_none(all.iter().map(|one| one.sql), value))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let statements = statements(&self.statements)?;
        check(&statements)?;
        let session = Session::open(&cx).await?.patient(self.lock_timeout.as_ref())?;
        let value = |each: &Vec<u64>| json!({ "rows": each.iter().sum::<u64>(), "each": each });
        let each = session.change(&cx, in_order(&session, &statements), value).await;
        session.end(&cx);
        each.map(|each| value(&each))
    }
}

/// Refuses what cannot be part of a transaction.
fn check(statements: &[Statement<'_>]) -> Result<()> {
    statements.iter().try_for_each(|statement| lexer::transactional(&statement.name, statement.sql).map(drop))
}

async fn in_order(session: &Session, statements: &[Statement<'_>]) -> Result<Vec<u64>> {
    let mut each = Vec::with_capacity(statements.len());
    for statement in statements {
        let source = Source { name: &statement.name, ..Source::statement(statement.sql) };
        each.push(database::touch(session, source, statement.parameters).await?);
    }
    Ok(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_text_or_a_text_with_its_values() {
        let values = [json!("A"), json!(["A", 1, "x"]), json!(["A", [1]]), json!(["A", [[1, 2]]])];
        let read = statements(&values).unwrap();
        let parameters: Vec<Value> = read.iter().map(|one| json!(one.parameters)).collect();
        assert_eq!(parameters, [json!([]), json!([1, "x"]), json!([1]), json!([[1, 2]])]);
        assert_eq!(read[1].name, "statement 2 of 4");
        assert!(statements(&[json!([])]).is_err() && statements(&[json!({ "sql": "A" })]).is_err());
    }
}
