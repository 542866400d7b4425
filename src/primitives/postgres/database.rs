//! Running statements on a connection: reading in a read-only transaction, changing in one of their own.

use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio_postgres::Statement;

use super::errors::{self, Source};
use super::lexer;
use super::parameters::Parameter;
use super::session::{READING, Session};
use super::values::Cell;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::sql::{Row, Sql};

/// An answer larger than this is bulk data, which does not go into a script; in bytes as the server sends it.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The database of a call, as other families see it.
#[derive(Debug)]
pub(super) struct Database(pub(super) Cx);

#[async_trait]
impl Sql for Database {
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        read(&self.0, sql, parameters).await
    }

    async fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        change(&self.0, sql, parameters).await
    }

    fn marker(&self, n: usize) -> String {
        format!("${n}")
    }
}

/// The rows of a statement that only reads.
pub(super) async fn read(cx: &Cx, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
    lexer::transactional("the statement", sql)?;
    let session = Session::open(cx).await?;
    let rows = read_in(cx, &session, sql, parameters).await;
    session.end(cx);
    rows
}

/// The same on a connection that goes on.
pub(super) async fn read_in(cx: &Cx, session: &Session, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
    session.transaction(cx, READING, rows(session, sql, parameters)).await
}

/// Runs a statement in a transaction of its own, as the server makes it, so that what refuses to be part of a larger
/// one (VACUUM, CREATE INDEX CONCURRENTLY) can be run too; returns how many rows it touched.
pub(super) async fn change(cx: &Cx, sql: &str, parameters: &[Value]) -> Result<u64> {
    lexer::transactional("the statement", sql)?;
    let session = Session::open(cx).await?;
    change_in(cx, session, sql, parameters).await
}

async fn change_in(cx: &Cx, session: Session, sql: &str, parameters: &[Value]) -> Result<u64> {
    let source = Source::statement(sql);
    let touched = session.until_stopped(cx, async {
        session
            .prepare("")
            .await
            .map_err(|why| errors::failed(&session.named, source, &why, false).unchanged())?;
        let statement = prepare(&session, source, parameters).await.map_err(Error::unchanged)?;
        let touched = session.client()?.execute_raw(&statement, parameters.iter().map(Parameter)).await;
        touched.map_err(|why| {
            let error = errors::failed(&session.named, source, &why, true);
            if errors::is_lost(&why) || !lexer::is_atomic(sql) { error } else { error.unchanged() }
        })
    });
    let touched = touched.await;
    session.end(cx);
    touched
}

/// The same for a call of a script, whose doubts can be settled where it fits into a transaction.
pub(super) async fn change_known(
    cx: &Cx,
    (sql, parameters): (&str, &[Value]),
    lock_timeout: Option<&Period>,
) -> Result<Value> {
    let value = |rows: &u64| json!({ "rows": rows });
    lexer::transactional("the statement", sql)?;
    let session = Session::open(cx).await?.patient(lock_timeout)?;
    if !is_known(sql) {
        return change_in(cx, session, sql, parameters).await.map(|rows| value(&rows));
    }
    let touched = session.change(cx, touch(&session, Source::statement(sql), parameters), value).await;
    session.end(cx);
    touched.map(|rows| value(&rows))
}

/// Whether a statement runs in a transaction whose fate can be asked for.
pub(super) fn is_known(sql: &str) -> bool {
    lexer::is_atomic(sql) && lexer::fits_in_transaction(sql)
}

/// Runs one statement of a transaction.
pub(super) async fn touch(session: &Session, source: Source<'_>, parameters: &[Value]) -> Result<u64> {
    let statement = prepare(session, source, parameters).await?;
    let touched = session.client()?.execute_raw(&statement, parameters.iter().map(Parameter)).await;
    touched.map_err(|why| errors::failed(&session.named, source, &why, false))
}

async fn prepare(session: &Session, source: Source<'_>, parameters: &[Value]) -> Result<Statement> {
    let failed = |why| errors::failed(&session.named, source, &why, false);
    let statement = session.client()?.prepare(source.sql).await.map_err(failed)?;
    let wanted = statement.params().len();
    if wanted != parameters.len() {
        return Err(Error::usage(format!(
            "{} has {wanted} parameters, but {} values are given",
            source.name,
            parameters.len()
        ))
        .fix("give one value for each of $1, $2, … in an array"));
    }
    Ok(statement)
}

async fn rows(session: &Session, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
    let (client, source) = (session.client()?, Source::statement(sql));
    let failed = |why| reader(errors::failed(&session.named, source, &why, false));
    let statement = prepare(session, source, parameters).await?;
    distinct(&statement)?;
    let stream = client.query_raw(&statement, parameters.iter().map(Parameter)).await.map_err(failed)?;
    let mut stream = std::pin::pin!(stream);
    let (mut rows, mut size) = (Vec::new(), 0);
    while let Some(row) = stream.next().await {
        let row = row.map_err(failed)?;
        size += row.raw_size_bytes() + 64;
        if size > LARGEST_ANSWER {
            // The rest would be sent all the same.
            session.cancel().await;
            return Err(Error::usage(format!("the answer of `{}` is too large for a script", session.named))
                .why(format!(
                    "it is larger than {}, after {} rows",
                    text::show_size(LARGEST_ANSWER as u64),
                    rows.len()
                ))
                .fix("count or aggregate in SQL, add a LIMIT, or use dump_to for bulk data"));
        }
        let cells = row.columns().iter().enumerate().map(|(n, column)| match row.try_get::<_, Cell>(n) {
            Ok(Cell(value)) => Ok((column.name().to_owned(), value)),
            Err(why) => Err(undecodable(&session.named, column.name(), &why)),
        });
        rows.push(cells.collect::<Result<Row>>()?);
    }
    Ok(rows)
}

/// An error of what may only read: that it does not is its own fault.
fn reader(error: Error) -> Error {
    match error.details.get("sqlstate").is_some_and(|code| code == "25006") {
        true => error.fix("use execute(…) for what changes something: query(…) and value(…) only read"),
        false => error,
    }
}

/// A row is a map, so a second column of the same name would vanish.
fn distinct(statement: &Statement) -> Result<()> {
    let mut names: Vec<&str> = statement.columns().iter().map(|column| column.name()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::usage(format!("two columns of the answer are named `{}`", pair[0]))
            .fix("name one of them with AS")),
        None => Ok(()),
    }
}

fn undecodable(named: &str, column: &str, why: &tokio_postgres::Error) -> Error {
    let cause = std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string);
    Error::usage(format!("the column `{column}` of the answer of `{named}` cannot be read"))
        .why(cause)
        .fix(format!("ask for it as text: \"{column}\"::text"))
}
