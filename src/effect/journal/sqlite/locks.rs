//! The table of leases: one row for each lock that is held.

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::super::lease::{Beat, Lease};
use super::super::stamp;
use super::read::instant;

const COLUMNS: &str = "name, environment, run, person, holder, step, taken, heartbeat, expires, expected";

/// The lock of a run, by the run's number.
const OF_RUN: &str = "run = (SELECT id FROM runs WHERE number = ?1)";

fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    let expected: Option<String> = row.get(9)?;
    Ok(Lease {
        name: row.get(0)?,
        environment: row.get(1)?,
        run: row.get(2)?,
        person: row.get(3)?,
        holder: row.get(4)?,
        step: row.get(5)?,
        taken: instant(row, 6)?,
        heartbeat: instant(row, 7)?,
        expires: instant(row, 8)?,
        expected: expected.map(|_| instant(row, 9)).transpose()?,
    })
}

/// Every lock that is held.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Lease>> {
    let sql = format!("SELECT {COLUMNS} FROM locks ORDER BY environment, name");
    connection.prepare(&sql)?.query_map([], lease)?.collect()
}

/// Takes the lock within a transaction that may write; gives the lease of another run that holds it, unless it is `over`.
pub(super) fn claim(
    connection: &Connection,
    wanted: &Lease,
    over: Option<&str>,
) -> rusqlite::Result<Option<Lease>> {
    let sql = format!("SELECT {COLUMNS} FROM locks WHERE name = ?1 AND environment = ?2");
    let held = connection.query_row(&sql, [&wanted.name, &wanted.environment], lease).optional()?;
    if let Some(held) = held.filter(|held| held.run != wanted.run && Some(held.run.as_str()) != over) {
        return Ok(Some(held));
    }
    let sql =
        format!("INSERT OR REPLACE INTO locks ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    connection.execute(
        &sql,
        params![
            wanted.name,
            wanted.environment,
            wanted.run,
            wanted.person,
            wanted.holder,
            wanted.step,
            stamp(wanted.taken),
            stamp(wanted.heartbeat),
            stamp(wanted.expires),
            wanted.expected.map(stamp)
        ],
    )?;
    Ok(None)
}

/// The same in a transaction of its own.
pub(super) fn take(
    connection: &mut Connection,
    wanted: &Lease,
    over: Option<&str>,
) -> rusqlite::Result<Option<Lease>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let held = claim(&transaction, wanted, over)?;
    transaction.commit()?;
    Ok(held)
}

/// Takes the lock away from the run that holds it.
pub(super) fn free(connection: &Connection, lease: &Lease) -> rusqlite::Result<()> {
    let sql = "DELETE FROM locks WHERE name = ?1 AND environment = ?2 AND run = ?3";
    connection.execute(sql, [&lease.name, &lease.environment, &lease.run]).map(drop)
}

/// Lets go of the lock of a run that ends.
pub(super) fn let_go(connection: &Connection, run: u64) -> rusqlite::Result<()> {
    connection.execute(&format!("DELETE FROM locks WHERE {OF_RUN}"), [run.cast_signed()]).map(drop)
}

/// Says that the run lives; `false` when its lock is no longer its own.
pub(super) fn beat(connection: &Connection, run: u64, beat: &Beat) -> rusqlite::Result<bool> {
    let sql = format!("UPDATE locks SET step = ?2, heartbeat = ?3, expires = ?4 WHERE {OF_RUN}");
    let changed = connection.execute(&sql, params![run.cast_signed(), beat.step, beat.at, beat.expires])?;
    Ok(changed > 0)
}

/// Whether the lock is still the run's own.
pub(super) fn holds(connection: &Connection, run: u64) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM locks WHERE {OF_RUN})");
    connection.prepare_cached(&sql)?.query_row([run.cast_signed()], |row| row.get(0))
}
