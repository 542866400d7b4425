//! The journal's home on one machine: an SQLite file that only its owner may read.

mod answers;
mod locks;
mod read;
mod schema;
mod write;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::home::{Beginning, Home, Row, RunRow, Writer};
use super::lease::Lease;
use super::record::{Brief, Filter, NewRun, Script};
use crate::base::error::{Error, Kind, Result};
use crate::base::gate::Answer;
use crate::sys::files;
use crate::sys::lock::FileLock;

/// How long a write waits for another process to finish its own.
const BUSY: Duration = Duration::from_secs(10);

/// The SQLite home. Its writers share its connection: each further one syncs the folder again before its first commit.
pub(super) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens the journal in `folder`, making it or bringing it up to date where needed.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("journal.db");
        // SQLite gives its -wal and -shm files the mode of the database, so one private file makes three.
        files::make_private_file(&path)?;
        let mut connection = connect(&path)?;
        if !schema::is_current(&connection)? {
            let _alone = FileLock::hold(&folder.join("journal.lock"))?;
            connection.pragma_update(None, "journal_mode", "WAL").map_err(failed("set up"))?;
            schema::migrate(&mut connection)?;
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        hold(&self.connection)
    }
}

fn hold(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Home for Sqlite {
    fn begin(
        &self,
        id: (&str, &str),
        run: &NewRun,
        lease: Option<&Lease>,
        over: Option<&str>,
    ) -> Result<Beginning> {
        write::begin(&mut self.connection(), id, run, lease, over)
    }

    fn claim(&self, lease: &Lease, over: Option<&str>) -> Result<Option<Lease>> {
        locks::take(&mut self.connection(), lease, over).map_err(failed("write"))
    }

    fn leases(&self) -> Result<Vec<Lease>> {
        locks::all(&self.connection()).map_err(failed("read"))
    }

    fn free(&self, lease: &Lease) -> Result<()> {
        locks::free(&self.connection(), lease).map_err(failed("write"))
    }

    fn has_changed(&self, run: u64) -> Result<bool> {
        read::has_changed(&self.connection(), run).map_err(failed("read"))
    }

    fn last_body(&self, run: u64) -> Result<Option<String>> {
        read::last_body(&self.connection(), run).map_err(failed("read"))
    }

    fn answers(&self, run: &str) -> Result<Vec<Answer>> {
        answers::of_run(&self.connection(), run).map_err(failed("read"))
    }

    fn leave(&self, answer: &Answer) -> Result<()> {
        answers::leave(&self.connection(), answer).map_err(failed("write"))
    }

    fn accuracy(&self, playbook: &str) -> Result<(u64, f64)> {
        read::accuracy(&self.connection(), playbook).map_err(failed("read"))
    }

    fn ended_well(&self, playbook: &str, environment: &str) -> Result<Vec<(Timestamp, Timestamp)>> {
        read::ended_well(&self.connection(), playbook, environment).map_err(failed("read"))
    }

    fn steps_of(&self, playbook: &str, environment: &str) -> Result<Vec<(String, Duration)>> {
        read::steps_of(&self.connection(), playbook, environment).map_err(failed("read"))
    }

    fn briefs(&self) -> Result<Vec<Brief>> {
        read::briefs(&self.connection()).map_err(failed("read"))
    }

    fn gates_open(&self) -> Result<u64> {
        read::gates_open(&self.connection()).map_err(failed("read"))
    }

    fn version(&self) -> Result<i64> {
        let connection = self.connection();
        connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(failed("read"))
    }

    fn keep_scripts(&self, scripts: &[Script]) -> Result<()> {
        write::keep_scripts(&self.connection(), scripts).map_err(failed("write"))
    }

    fn writer(&self, run: u64) -> Result<Box<dyn Writer>> {
        Ok(Box::new(write::SqliteWriter::new(Arc::clone(&self.connection), run)))
    }

    fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>> {
        read::runs(&self.connection(), filter).map_err(failed("read"))
    }

    fn after(&self, number: u64) -> Result<Option<RunRow>> {
        read::after(&self.connection(), number).map_err(failed("read"))
    }

    fn like(&self, part: &str) -> Result<Vec<RunRow>> {
        read::like(&self.connection(), part).map_err(failed("read"))
    }

    fn entries(&self, run: u64, after: u64, most: Option<u32>) -> Result<Vec<Row>> {
        read::entries(&self.connection(), run, (after, most)).map_err(failed("read"))
    }

    fn last(&self, run: u64) -> Result<Option<(u64, String)>> {
        read::last(&self.connection(), run).map_err(failed("read"))
    }

    fn script(&self, hash: &str) -> Result<Option<String>> {
        read::script(&self.connection(), hash).map_err(failed("read"))
    }

    fn last_number(&self) -> Result<u64> {
        read::last_number(&self.connection()).map_err(failed("read"))
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // FULL: a commit has reached the disk when it returns; on a Mac that takes `fullfsync`.
        // A checkpoint in the middle of a run would make one step slow: it waits for a quiet moment, see `tidy`.
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 16384; PRAGMA foreign_keys = OFF",
        )?;
        Ok(connection)
    };
    open().map_err(failed("open"))
}

/// Says in our words what SQLite could not do.
fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |why| {
        let code = why.sqlite_error_code();
        let error = match code {
            // No code: what came out was not what the product puts in.
            None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::new(Kind::Tampered, "the journal `.playbook/journal.db` is damaged")
            }
            _ => Error::new(Kind::Io, format!("cannot {doing} the journal `.playbook/journal.db`")),
        };
        let error = error.why(why.to_string());
        match code {
            Some(ErrorCode::DiskFull) => error.fix("free some space on that disk"),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                error.fix("check the owner and mode of the folder `.playbook` and of the files in it")
            }
            Some(ErrorCode::SystemIoFailure) => {
                error.fix("check that disk: its room, quota and file size limit, and what the kernel's log says of it")
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => error.fix(
                "another process has held the journal for ten seconds: end it (`fuser .playbook/journal.db` names it)",
            ),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => error.fix(
                "keep a copy as evidence, look at the disk, then move `.playbook/journal.db` and the files beside it that begin so aside: a new journal begins, without its runs and locks",
            ),
            _ => error,
        }
    }
}
