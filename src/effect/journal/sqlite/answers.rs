//! The table of answers at gates: where those who approve leave them, and the run that waits finds them.

use rusqlite::{Connection, Row, params};

use crate::base::gate::Answer;

const COLUMNS: &str = "run, gate, name, binding, person, login, decision, comment, at, key, signature";

fn answer(row: &Row<'_>) -> rusqlite::Result<Answer> {
    let decision: String = row.get(6)?;
    Ok(Answer {
        run: row.get(0)?,
        gate: row.get(1)?,
        name: row.get(2)?,
        binding: row.get(3)?,
        person: row.get(4)?,
        login: row.get(5)?,
        approved: decision == "approved",
        comment: row.get(7)?,
        at: row.get(8)?,
        key: row.get(9)?,
        signature: row.get(10)?,
    })
}

/// The answers at the gates of a run, oldest first.
pub(super) fn of_run(connection: &Connection, run: &str) -> rusqlite::Result<Vec<Answer>> {
    let sql = format!("SELECT {COLUMNS} FROM approvals WHERE run = ?1 ORDER BY at, person");
    connection.prepare_cached(&sql)?.query_map([run], answer)?.collect()
}

/// Leaves an answer; a later one of the same person takes the place of the earlier.
pub(super) fn leave(connection: &Connection, answer: &Answer) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT OR REPLACE INTO approvals ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    );
    connection.execute(
        &sql,
        params![
            answer.run,
            answer.gate,
            answer.name,
            answer.binding,
            answer.person,
            answer.login,
            answer.word(),
            answer.comment,
            answer.at,
            answer.key,
            answer.signature
        ],
    )?;
    Ok(())
}
