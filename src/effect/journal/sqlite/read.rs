//! Reading rows; another process may write meanwhile.

use jiff::Timestamp;
use rusqlite::types::{Null, Type};
use rusqlite::{Connection, OptionalExtension as _, Row as Columns, ToSql, params};

use super::super::home::{Row, RowEnd, RunRow};
use super::super::record::Filter;

/// Steps are counted by how their entries begin: to read `word` out of each would take as long as a whole small run.
const STEPS: &str = "(SELECT count(*) FROM entries WHERE entries.id >= runs.number << 32 \
     AND entries.id < (runs.number + 1) << 32 AND substr(body, 1, 21) = '{\"event\":\"step_ended\"')";

/// The beginning of a statement that asks for runs.
fn select(steps: &str) -> String {
    format!(
        "SELECT number, id, started, body, previous, hash, state, ended, outcome, exit_code, entries, head, {steps} FROM runs"
    )
}

/// SQLite has no unsigned numbers; one that somebody made negative comes out absurdly large, and is found by `verify`.
fn count(row: &Columns<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

fn run(row: &Columns<'_>) -> rusqlite::Result<RunRow> {
    let state: String = row.get(6)?;
    let end = || -> rusqlite::Result<RowEnd> {
        Ok(RowEnd {
            at: row.get(7)?,
            outcome: row.get(8)?,
            exit_code: row.get(9)?,
            entries: count(row, 10)?,
            head: row.get(11)?,
        })
    };
    Ok(RunRow {
        number: count(row, 0)?,
        id: row.get(1)?,
        started: row.get(2)?,
        body: row.get(3)?,
        previous: row.get(4)?,
        hash: row.get(5)?,
        ended: if state == "running" { None } else { Some(end()?) },
        steps: count(row, 12)?,
    })
}

/// The runs, newest first.
pub(super) fn runs(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<RunRow>> {
    let sql = format!(
        "{} WHERE (?1 IS NULL OR playbook = ?1) AND (?2 IS NULL OR environment = ?2) ORDER BY number DESC LIMIT ?3",
        select(if filter.steps { STEPS } else { "0" })
    );
    let last: i64 = filter.last.and_then(|last| i64::try_from(last).ok()).unwrap_or(-1);
    let text = |text: &Option<String>| -> Box<dyn ToSql> {
        text.clone().map_or_else(|| Box::new(Null) as Box<dyn ToSql>, |text| Box::new(text))
    };
    let mut statement = connection.prepare(&sql)?;
    statement.query_map(params![text(&filter.playbook), text(&filter.environment), last], run)?.collect()
}

/// The run with the next higher number.
pub(super) fn after(connection: &Connection, number: u64) -> rusqlite::Result<Option<RunRow>> {
    let sql = format!("{} WHERE number > ?1 ORDER BY number LIMIT 1", select("0"));
    connection.prepare_cached(&sql)?.query_row([number.cast_signed()], run).optional()
}

/// The runs whose id begins or ends with `part`, newest first, at most ten.
pub(super) fn like(connection: &Connection, part: &str) -> rusqlite::Result<Vec<RunRow>> {
    let sql = format!(
        "{} WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 ORDER BY number DESC LIMIT 10",
        select("0")
    );
    connection.prepare(&sql)?.query_map([part], run)?.collect()
}

/// The entries of a run in their order, each with its inverse: those after the one numbered `after`, at most so many.
pub(super) fn entries(
    connection: &Connection,
    number: u64,
    (after, most): (u64, Option<u32>),
) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT seq, at, body, hash, inverse, whole FROM entries \
         WHERE id > (?1 << 32 | ?2) AND id < (?1 + 1) << 32 ORDER BY id LIMIT ?3";
    let most = most.map_or(-1, i64::from);
    let mut statement = connection.prepare_cached(sql)?;
    statement
        .query_map([number.cast_signed(), after.cast_signed(), most], |row| {
            Ok(Row {
                seq: count(row, 0)?,
                at: row.get(1)?,
                body: row.get(2)?,
                hash: row.get(3)?,
                inverse: row.get(4)?,
                whole: row.get(5)?,
            })
        })?
        .collect()
}

/// The number and hash of the last entry of a run.
pub(super) fn last(connection: &Connection, number: u64) -> rusqlite::Result<Option<(u64, String)>> {
    let sql =
        "SELECT seq, hash FROM entries WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32 ORDER BY id DESC LIMIT 1";
    connection.query_row(sql, [number.cast_signed()], |row| Ok((count(row, 0)?, row.get(1)?))).optional()
}

/// The text of a script by its hash.
pub(super) fn script(connection: &Connection, hash: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT text FROM scripts WHERE hash = ?1", [hash], |row| row.get(0)).optional()
}

/// The number that the newest run ever got, whether or not its row is still there.
pub(super) fn last_number(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'runs'";
    Ok(connection.query_row(sql, [], |row| count(row, 0)).optional()?.unwrap_or(0))
}

/// Whether the run of this number has begun any change.
pub(super) fn has_changed(connection: &Connection, number: u64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32 \
         AND word = 'effect_began' AND json_extract(body, '$.effect') <> 'read')";
    connection.query_row(sql, [number.cast_signed()], |row| row.get(0))
}

/// When the last good runs of a playbook in an environment began and ended.
pub(super) fn ended_well(
    connection: &Connection,
    playbook: &str,
    environment: &str,
) -> rusqlite::Result<Vec<(Timestamp, Timestamp)>> {
    let sql = "SELECT started, ended FROM runs WHERE playbook = ?1 AND environment = ?2 AND state = 'ended' \
         AND outcome = 'done' AND kind = 'exec' ORDER BY number DESC LIMIT 9";
    let mut statement = connection.prepare(sql)?;
    statement.query_map([playbook, environment], |row| Ok((instant(row, 0)?, instant(row, 1)?)))?.collect()
}

/// How many runs of a playbook were compared with their plans, and the mean of how they went: 0 to 1.
pub(super) fn accuracy(connection: &Connection, playbook: &str) -> rusqlite::Result<(u64, f64)> {
    let sql = "SELECT count(*), coalesce(avg(json_extract(entries.body, '$.accuracy')), 0.0) FROM runs JOIN entries \
         ON entries.id >= runs.number << 32 AND entries.id < (runs.number + 1) << 32 \
         WHERE runs.playbook = ?1 AND runs.planned IS NOT NULL AND entries.word = 'plan_compared'";
    connection.query_row(sql, [playbook], |row| Ok((count(row, 0)?, row.get(1)?)))
}

/// The body of the last entry of a run.
pub(super) fn last_body(connection: &Connection, number: u64) -> rusqlite::Result<Option<String>> {
    let sql =
        "SELECT body FROM entries WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32 ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([number.cast_signed()], |row| row.get(0)).optional()
}

/// An instant as the journal writes it.
pub(super) fn instant(row: &Columns<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidColumnType(column, text, Type::Text))
}
