//! Values on their way into and out of SQLite. A blob is a map of one key, `#{ base64: "…" }`, in both directions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Statement;
use rusqlite::types::{Value as Sqlite, ValueRef};
use serde_json::{Map, Value, json};

use super::failure::Trouble;
use super::session::{Purpose, Session};
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::sql::Row;

/// More than this is bulk data, which does not go through a script; roughly, in bytes.
const LARGEST_RESULT: usize = 4 * 1024 * 1024;

/// What a statement did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Its column names.
    pub(super) columns: Vec<String>,
    /// Its rows, each as long as `columns`.
    pub(super) rows: Vec<Vec<Value>>,
    /// How many rows it changed.
    pub(super) changed: u64,
}

/// Runs one statement. It ends after `most` rows; with 0 it goes on to its end, and its rows are of no interest.
pub(super) fn run(
    session: &Session<'_>,
    sql: &str,
    parameters: &Value,
    most: usize,
) -> Result<Done, Trouble> {
    let mut statement = session.connection.prepare(sql)?;
    run_prepared(session, &mut statement, parameters, most)
}

/// Runs one statement that only reads, at most until it has given `most` rows.
pub(super) fn read(
    session: &Session<'_>,
    sql: &str,
    parameters: &Value,
    most: usize,
) -> Result<Done, Trouble> {
    let mut statement = session.connection.prepare(sql)?;
    if !statement.readonly() {
        return Err(Error::usage(format!(
            "`{}` was only asked to read, and this changes it",
            session.database.name
        ))
        .why(crate::base::text::headline(sql, 120))
        .fix("use `execute`")
        .into());
    }
    run_prepared(session, &mut statement, parameters, most)
}

/// Runs a prepared statement; see [`run`].
pub(super) fn run_prepared(
    session: &Session<'_>,
    statement: &mut Statement<'_>,
    parameters: &Value,
    most: usize,
) -> Result<Done, Trouble> {
    bind(statement, parameters)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let before = session.connection.total_changes();
    let rows = session.running(|| collect(session, statement, columns.len(), most))?;
    // `changes` still tells of an earlier statement when this one changes no rows by its nature.
    let changed = if session.connection.total_changes() == before { 0 } else { session.connection.changes() };
    Ok(Done { columns, rows, changed })
}

fn collect(
    session: &Session<'_>,
    statement: &mut Statement<'_>,
    columns: usize,
    most: usize,
) -> Result<Vec<Vec<Value>>, Trouble> {
    let (mut rows, mut size) = (Vec::new(), 0);
    let mut cursor = statement.raw_query();
    while let Some(row) = cursor.next()? {
        session.database.go_on()?;
        if most == 0 {
            continue;
        }
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            let (value, bytes) = outgoing(row.get_ref(column)?);
            size += bytes;
            values.push(value);
        }
        if size > LARGEST_RESULT {
            return Err(Error::usage(format!("`{}` gave more than 4 MiB", session.database.name))
                .fix("ask for less, with WHERE, LIMIT or an aggregate; `dump_to` moves bulk data")
                .into());
        }
        rows.push(values);
        if rows.len() == most {
            break;
        }
    }
    Ok(rows)
}

/// Reads in a transaction that sees one state of the database.
pub(super) fn query(session: &Session<'_>, sql: &str, parameters: &Value, most: usize) -> Result<Done> {
    session.transaction(|| read(session, sql, parameters, most)).map_err(|why| session.told(sql, why))
}

/// Runs one statement in autocommit, so that those that refuse a transaction (`VACUUM`) work too.
pub(super) fn execute(session: &Session<'_>, sql: &str, parameters: &Value) -> Result<u64> {
    let done = session.database.patiently(|| run(session, sql, parameters, 0));
    done.map(|done| done.changed).map_err(|why| session.told(sql, why))
}

impl Done {
    /// The rows as maps.
    pub(super) fn into_rows(self) -> Result<Vec<Row>> {
        if let Some(twice) =
            self.columns.iter().enumerate().find(|(at, name)| self.columns[..*at].contains(name))
        {
            return Err(Error::usage(format!("two columns of the result are named `{}`", twice.1))
                .fix("give one of them another name with AS"));
        }
        let columns = self.columns;
        Ok(self.rows.into_iter().map(|row| columns.iter().cloned().zip(row).collect()).collect())
    }
}

fn bind(statement: &mut Statement<'_>, parameters: &Value) -> Result<(), Trouble> {
    let wanted = statement.parameter_count();
    match parameters {
        Value::Null if wanted == 0 => Ok(()),
        Value::Null => Err(count(wanted, 0).into()),
        Value::Array(values) if values.len() == wanted => {
            for (at, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(at + 1, incoming(value, &format!("number {}", at + 1))?)?;
            }
            Ok(())
        }
        Value::Array(values) => Err(count(wanted, values.len()).into()),
        Value::Object(values) => bind_names(statement, values),
        other => Err(Error::usage(format!("`parameters` is {other}"))
            .fix("give an array for `?`, or a map for `:name`")
            .into()),
    }
}

fn bind_names(statement: &mut Statement<'_>, values: &Map<String, Value>) -> Result<(), Trouble> {
    let markers: Vec<String> = (1..=statement.parameter_count())
        .map(|at| statement.parameter_name(at).unwrap_or("?").to_owned())
        .collect();
    let names: Vec<&str> = markers.iter().map(|marker| marker.trim_start_matches([':', '@', '$'])).collect();
    if let Some(strange) = values.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::usage(format!("the statement has no parameter `:{strange}`"))
            .fix(suggest::advice(strange, names.iter().copied()))
            .into());
    }
    for (at, name) in names.iter().enumerate() {
        let value = values
            .get(*name)
            .ok_or_else(|| Error::usage(format!("the parameter `{}` has no value", markers[at])))?;
        statement.raw_bind_parameter(at + 1, incoming(value, name)?)?;
    }
    Ok(())
}

fn count(wanted: usize, given: usize) -> Error {
    Error::usage(format!("the statement has {wanted} parameters, and {given} values were given"))
        .fix("give one value for each `?`")
}

/// A value of a script for SQLite: text, number, yes or no (1 or 0), `()` (NULL), or a blob.
fn incoming(value: &Value, which: &str) -> Result<Sqlite> {
    let wrong =
        |why: &str| Err(Error::usage(format!("the parameter {which} cannot be given to SQLite")).why(why));
    Ok(match value {
        Value::Null => Sqlite::Null,
        Value::Bool(yes) => Sqlite::Integer(i64::from(*yes)),
        Value::String(text) => Sqlite::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Sqlite::Integer(integer),
            (None, Some(real)) if number.is_f64() => Sqlite::Real(real),
            _ => return wrong("the number is too large"),
        },
        Value::Object(map) if map.len() == 1 && map.get("base64").is_some_and(Value::is_string) => {
            match STANDARD.decode(map["base64"].as_str().unwrap_or_default()) {
                Ok(bytes) => Sqlite::Blob(bytes),
                Err(why) => return wrong(&why.to_string()),
            }
        }
        Value::Array(_) | Value::Object(_) => {
            return wrong("it is an array or a map; a blob is `#{ base64: \"…\" }`");
        }
    })
}

/// A value of SQLite for a script, and about how large it is. Text that is no UTF-8 comes as a blob does.
fn outgoing(value: ValueRef<'_>) -> (Value, usize) {
    let blob = |bytes: &[u8]| (json!({ "base64": STANDARD.encode(bytes) }), bytes.len() * 4 / 3 + 16);
    match value {
        ValueRef::Null => (Value::Null, 8),
        ValueRef::Integer(integer) => (integer.into(), 8),
        // JSON has no infinity.
        ValueRef::Real(real) if real.is_infinite() => {
            (json!(if real > 0.0 { "Infinity" } else { "-Infinity" }), 8)
        }
        ValueRef::Real(real) => (real.into(), 8),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), bytes.len() + 8),
            Err(_) => blob(bytes),
        },
        ValueRef::Blob(bytes) => blob(bytes),
    }
}

/// The rows of each ordinary table, in order of their names.
pub(super) fn counts(session: &Session<'_>) -> Result<Map<String, Value>, Trouble> {
    let names = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut counts = Map::new();
    for row in read(session, names, &Value::Null, usize::MAX)?.rows {
        let Some(Value::String(name)) = row.into_iter().next() else { continue };
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let count = read(session, &sql, &Value::Null, 1)?.rows.into_iter().flatten().next();
        counts.insert(name, count.unwrap_or_default());
    }
    Ok(counts)
}

/// Opens the database and lets `work` read in it.
pub(super) fn reading<T>(
    database: &super::session::Database,
    work: impl FnOnce(&Session<'_>) -> Result<T>,
) -> Result<T> {
    work(&database.open(Purpose::Read)?)
}
