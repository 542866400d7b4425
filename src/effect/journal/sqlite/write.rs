//! Writing rows: one commit for all that waits.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};

use super::super::chain::{self, ROOT};
use super::super::home::{Beginning, Begun, End, Row, Turn, Writer};
use super::super::lease::{Beat, Lease};
use super::super::record::{NewRun, Script};
use super::{failed, hold, locks};
use crate::base::error::{Error, Result};
use crate::sys::files;

/// So much may stand in the write-ahead log before a quiet moment is used to move it into the database; in bytes.
const TIDY_ABOVE: usize = 1024 * 1024;

/// A run that makes more commits than this has room for its next ones reserved in the write-ahead log: a commit that
/// makes the file longer writes what the file system knows of it too, and takes twice as long.
const FEW: usize = 4;
/// How much room is reserved at a time, in bytes; some hundred commits.
const ROOM: u64 = 1024 * 1024;
/// After how many commits it is looked again whether there is room for as many more.
const STRIDE: usize = 32;
/// So much room those may take, in bytes.
const LOW: u64 = 512 * 1024;
/// A page in the write-ahead log, with its header; in bytes.
const FRAME: u64 = 4096 + 24;

/// Adds a run durably, with its lease where it wants a lock.
pub(super) fn begin(
    connection: &mut Connection,
    (id, started): (&str, &str),
    run: &NewRun,
    lease: Option<&Lease>,
    over: Option<&str>,
) -> Result<Beginning> {
    let body = serde_json::to_string(&run.facts)
        .map_err(|why| Error::bug("the facts of a run cannot be written as JSON").why(why.to_string()))?;
    let mut add = || -> rusqlite::Result<Beginning> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(lease) = lease
            && let Some(other) = locks::claim(&transaction, lease, over)?
        {
            return Ok(Beginning::Held(Box::new(other)));
        }
        // The point that the newest run has reached, so that cutting its end off later is seen from here.
        let reached = "SELECT coalesce((SELECT entries.hash FROM entries WHERE entries.id >= runs.number << 32 \
             AND entries.id < (runs.number + 1) << 32 ORDER BY entries.id DESC LIMIT 1), hash) FROM runs ORDER BY number DESC LIMIT 1";
        let previous = transaction.query_row(reached, [], |row| row.get(0)).or_else(|why| {
            if why == rusqlite::Error::QueryReturnedNoRows { Ok(ROOT.to_owned()) } else { Err(why) }
        })?;
        let hash = chain::link(&previous, id, 0, started, &body);
        transaction.execute(
            "INSERT INTO runs (id, started, body, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, started, body, previous, hash],
        )?;
        let number = transaction.last_insert_rowid().cast_unsigned();
        keep_scripts(&transaction, &run.scripts)?;
        transaction.commit()?;
        Ok(Beginning::Begun(Begun { number, hash }))
    };
    match add() {
        Ok(begun) => Ok(begun),
        Err(why) if why.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(Beginning::SameId),
        Err(why) => Err(failed("write")(why)),
    }
}

/// Keeps the texts of scripts by their hashes.
pub(super) fn keep_scripts(connection: &Connection, scripts: &[Script]) -> rusqlite::Result<()> {
    for script in scripts {
        connection.execute(
            "INSERT OR IGNORE INTO scripts (hash, text) VALUES (?1, ?2)",
            params![chain::sha256(&script.text), script.text],
        )?;
    }
    Ok(())
}

/// Writes the entries of one run.
pub(super) struct SqliteWriter {
    connection: Arc<Mutex<Connection>>,
    run: u64,
    written: usize,
    commits: usize,
    /// How long the write-ahead log was made, in bytes.
    reserved: u64,
}

impl SqliteWriter {
    pub(super) fn new(connection: Arc<Mutex<Connection>>, run: u64) -> Self {
        Self { connection, run, written: 0, commits: 0, reserved: 0 }
    }

    /// How long the log is to be made now; `None` while there is room enough.
    fn room(&mut self, connection: &Connection) -> Option<u64> {
        let is_time = self.commits.checked_sub(FEW).is_some_and(|commits| commits % STRIDE == 0);
        if !is_time {
            return None;
        }
        let frames = connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(1)));
        let used = u64::try_from(frames.unwrap_or(0)).unwrap_or(0) * FRAME;
        if used + LOW <= self.reserved {
            return None;
        }
        self.reserved = used + ROOM;
        Some(self.reserved)
    }
}

impl Writer for SqliteWriter {
    fn commit(&mut self, rows: &[Row], turn: Turn) -> Result<()> {
        self.commits += 1;
        let connection = Arc::clone(&self.connection);
        let connection = hold(&connection);
        let room = self.room(&connection);
        // As statements that are kept: to read them anew would be a tenth of our own part of a commit.
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
        let write = || -> rusqlite::Result<()> {
            if let Some(room) = room {
                reserve(&connection, room);
            }
            insert(&connection, self.run, rows)?;
            if turn.reopened {
                reopen(&connection, self.run)?;
            }
            if let (Some(end), Some(last)) = (turn.end, rows.last()) {
                finish(&connection, self.run, last, end)?;
            }
            run("COMMIT")
        };
        let written = run("BEGIN IMMEDIATE")
            .and_then(|()| write().inspect_err(|_| drop(connection.execute_batch("ROLLBACK"))));
        written.map_err(failed("write"))?;
        self.written += rows.iter().map(Row::size).sum::<usize>();
        Ok(())
    }

    fn beat(&mut self, beat: &Beat) -> Result<bool> {
        locks::beat(&hold(&self.connection), self.run, beat).map_err(failed("write"))
    }

    fn holds(&mut self) -> Result<bool> {
        locks::holds(&hold(&self.connection), self.run).map_err(failed("read"))
    }

    fn tidy(&mut self) {
        if self.written > TIDY_ABOVE {
            self.written = 0;
            // Only a convenience: whoever opens the journal next can do it too.
            let _ = hold(&self.connection).query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }

    #[cfg(test)]
    fn fill(&mut self) {
        hold(&self.connection).query_row("PRAGMA max_page_count = 1", [], |_| Ok(())).unwrap();
    }
}

/// Within a transaction that may write nobody else appends to the log. Zeros behind its end are nothing to SQLite, and
/// without them it only takes longer.
fn reserve(connection: &Connection, room: u64) {
    if let Some(database) = connection.path() {
        let _ = files::reserve(Path::new(&format!("{database}-wal")), room);
    }
}

fn insert(transaction: &Connection, run: u64, rows: &[Row]) -> rusqlite::Result<()> {
    let mut entry = transaction.prepare_cached(
        "INSERT INTO entries (id, at, body, hash, inverse, whole) VALUES (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for row in rows {
        entry.execute(params![
            run.cast_signed(),
            row.seq.cast_signed(),
            row.at,
            row.body,
            row.hash,
            row.inverse,
            row.whole
        ])?;
    }
    Ok(())
}

fn reopen(transaction: &Connection, run: u64) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE runs SET state = 'running', ended = NULL, outcome = NULL, exit_code = NULL, entries = NULL, head = NULL WHERE number = ?1",
        [run.cast_signed()],
    )?;
    Ok(())
}

fn finish(transaction: &Connection, run: u64, last: &Row, end: End) -> rusqlite::Result<()> {
    let outcome = serde_json::to_value(end.outcome).ok().and_then(|word| word.as_str().map(str::to_owned));
    transaction.execute(
        "UPDATE runs SET state = 'ended', ended = ?2, outcome = ?3, exit_code = ?4, entries = ?5, head = ?6 WHERE number = ?1",
        params![run.cast_signed(), last.at, outcome, end.exit_code, last.seq.cast_signed(), last.hash],
    )?;
    locks::let_go(transaction, run)
}
