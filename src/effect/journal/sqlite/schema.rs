//! The tables, and how an older journal becomes one of today.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use crate::base::error::{Error, Result};

/// What makes version n + 1 out of version n; the length of the list is the version of today. Never edit one that was
/// released: add another.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), WHOLE_VALUES, include_str!("people.sql")];

/// Values of effects as they must come back to a script that goes on, where what people read lacks a secret.
const WHOLE_VALUES: &str = "ALTER TABLE entries ADD COLUMN whole TEXT";

const TODAY: i64 = MIGRATIONS.len() as i64;

/// The version that the journal has; 0 for an empty file.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let made: Option<i64> = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", [], |row| row.get(0))
        .optional()?;
    match made {
        None => Ok(0),
        Some(_) => connection.query_row("SELECT version FROM meta", [], |row| row.get(0)),
    }
}

/// Whether the journal is of today; an error when a newer product wrote it.
pub(super) fn is_current(connection: &Connection) -> Result<bool> {
    let version = version(connection).map_err(super::failed("read"))?;
    if version > TODAY {
        return Err(Error::usage("the journal was written by a newer playbook")
            .why(format!("it has version {version}, and this playbook knows versions up to {TODAY}"))
            .fix("use the newer playbook, or move `.playbook/journal.db` and the files beside it that begin so aside: a new journal begins, without its runs and locks"));
    }
    Ok(version == TODAY)
}

/// Brings the journal to the version of today.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let mut steps = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let have = version(&transaction)?;
        for migration in MIGRATIONS.iter().skip(usize::try_from(have).unwrap_or(0)) {
            transaction.execute_batch(migration)?;
        }
        transaction.execute("UPDATE meta SET version = ?1", [TODAY])?;
        transaction.commit()
    };
    steps().map_err(super::failed("bring up to date"))
}
