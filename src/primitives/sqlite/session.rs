//! One connection for one call: opened, held on a leash, patient with locks, and bounded in what it may do.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, InterruptHandle, OpenFlags, ffi};

use super::Table;
use super::failure::{Trouble, is_busy};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::{blocking, clock, files};

/// Pragmas that only tell; all others are writes, or reach beyond the database.
const TELLING: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "synchronous",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];
/// Those of [`TELLING`] whose argument asks for something; with the others an argument sets something.
const ASKING: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing may be changed, and the file must be there.
    Read,
    /// Rows may be changed.
    Write,
}

/// The database of a resource, ready to be opened.
#[derive(Clone, Debug)]
pub(super) struct Database {
    /// The resource's name.
    pub(super) name: String,
    /// Its file.
    pub(super) path: PathBuf,
    patience: Duration,
    create: bool,
    leash: Arc<Leash>,
}

/// Does `work` with the database of the call's resource, on a thread that may block. On a stop, or when this future
/// is dropped, the statement that runs is interrupted and its transaction is rolled back.
pub(super) async fn with<T, F>(cx: &Cx, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Database) -> Result<T> + Send + 'static,
{
    let table: Table = cx.settings()?;
    let leash = Arc::new(Leash::default());
    let database = Database {
        name: cx.resource().to_string(),
        path: cx.trusted_path(&table.path),
        patience: text::parse_duration(&table.busy_timeout)?,
        create: table.create,
        leash: Arc::clone(&leash),
    };
    let held = Held(leash);
    // After a stop the thread ends within milliseconds; waiting for that leaves no lock behind.
    cx.close_gracefully();
    let mut done = std::pin::pin!(blocking::run(move || work(&database)));
    tokio::select! {
        biased;
        result = &mut done => return result,
        () = cx.stop().given() => held.0.pull(),
    }
    done.await
}

impl Database {
    /// Opens the resource's own file.
    pub(super) fn open(&self, purpose: Purpose) -> Result<Session<'_>> {
        if !files::exists(&self.path) {
            if !self.create || purpose == Purpose::Read {
                return Err(Error::missing(format!(
                    "`{}` has no database at {}",
                    self.name,
                    self.path.display()
                ))
                .fix(format!(
                    "check `path` of [{}]; `create = true` lets a write make a new one",
                    self.name
                )));
            }
            if let Some(folder) = self.path.parent() {
                files::make_private_folder(folder)?;
            }
            files::make_private_file(&self.path)?;
        }
        self.open_file(self.path.clone(), purpose)
    }

    /// Opens another file under the same leash; one that is not there is made.
    pub(super) fn open_file(&self, path: PathBuf, purpose: Purpose) -> Result<Session<'_>> {
        // Reads too open for writing: after a crash of the writer, the first to come has to roll its journal back.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let flags = if path == self.path { flags } else { flags | OpenFlags::SQLITE_OPEN_CREATE };
        let opened = Connection::open_with_flags(&path, flags);
        let connection = opened.map_err(|why| Trouble::from(why).told(&self.name, "", &path))?;
        let session = Session { database: self, connection, path, purpose, bounds: Arc::default() };
        session.prepare_connection().map_err(|why| session.told("", why))?;
        Ok(session)
    }

    /// The error for a call that was stopped, once it was.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.leash.is_cut() {
            Err(Error::cancelled(format!("`{}` was stopped", self.name)))
        } else {
            Ok(())
        }
    }

    /// Repeats `work` while somebody else holds a lock, at most as long as `busy_timeout`. SQLite could wait by
    /// itself, but not be told to stop waiting.
    pub(super) fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let (begin, mut pause) = (clock::instant(), Duration::from_millis(1));
        loop {
            self.go_on()?;
            match work() {
                Err(Trouble::Sqlite(why)) if is_busy(&why) && begin.elapsed() < self.patience => {
                    self.leash.rest(pause)
                }
                done => return done,
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// A connection with its database.
pub(super) struct Session<'a> {
    /// What was opened.
    pub(super) database: &'a Database,
    /// The connection itself.
    pub(super) connection: Connection,
    path: PathBuf,
    purpose: Purpose,
    bounds: Arc<Bounds>,
}

impl Session<'_> {
    fn prepare_connection(&self) -> Result<(), Trouble> {
        self.connection.busy_timeout(Duration::ZERO)?;
        if self.purpose == Purpose::Read {
            self.connection.pragma_update(None, "query_only", true)?;
        }
        let (leash, bounds, purpose) =
            (Arc::clone(&self.database.leash), Arc::clone(&self.bounds), self.purpose);
        leash.tie(&self.connection);
        // An interrupt counts only while a statement runs; this catches one that came just before.
        self.connection.progress_handler(1000, Some(move || leash.is_cut()))?;
        self.connection
            .authorizer(Some(move |asked: AuthContext<'_>| bounds.judge(&asked.action, purpose)))?;
        Ok(())
    }

    /// Runs one of our own statements (`BEGIN`, `COMMIT`, a pragma), to which the bounds of playbooks do not apply.
    pub(super) fn own(&self, sql: &str) -> Result<(), Trouble> {
        self.bounds.lifted.store(true, Ordering::Release);
        let done = self.connection.execute_batch(sql);
        self.bounds.lifted.store(false, Ordering::Release);
        done.map_err(Trouble::from)
    }

    /// Does `work` in one transaction: all of it happens, or nothing.
    pub(super) fn transaction<T>(&self, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let begin = || match self.purpose {
            Purpose::Write => self.database.patiently(|| self.own("BEGIN IMMEDIATE")),
            // A deferred transaction takes its lock, and with it its view, at its first read.
            Purpose::Read => self
                .own("BEGIN")
                .and_then(|()| self.database.patiently(|| self.own("SELECT 1 FROM sqlite_schema LIMIT 1"))),
        };
        let done = begin().and_then(|()| work()).and_then(|value| {
            self.database.patiently(|| self.own("COMMIT"))?;
            Ok(value)
        });
        done.inspect_err(|_| self.roll_back())
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.own("ROLLBACK");
        }
    }

    /// The error to show for trouble with `sql`.
    pub(super) fn told(&self, sql: &str, trouble: Trouble) -> Error {
        let refused = self.bounds.refused.lock().ok().and_then(|mut refused| refused.take());
        match (trouble, refused) {
            (Trouble::Own(error), _) => error,
            (Trouble::Sqlite(_), Some(why)) => {
                Error::denied(format!("`{}` may not run `{}`", self.database.name, text::headline(sql, 80)))
                    .why(why.0)
                    .fix(why.1)
            }
            (trouble, None) => match self.database.go_on() {
                Err(stopped) => stopped,
                Ok(()) => trouble.told(&self.database.name, sql, &self.path),
            },
        }
    }
}

/// What statements of a playbook may not do, whatever the grants.
#[derive(Default)]
struct Bounds {
    lifted: AtomicBool,
    refused: Mutex<Option<(&'static str, &'static str)>>,
}

impl Bounds {
    fn judge(&self, action: &AuthAction<'_>, purpose: Purpose) -> Authorization {
        if self.lifted.load(Ordering::Acquire) {
            return Authorization::Allow;
        }
        let refused = match action {
            // `VACUUM` attaches a nameless file of its own.
            AuthAction::Attach { filename } if filename.is_empty() => None,
            AuthAction::Attach { .. } | AuthAction::Unknown { code: ffi::SQLITE_ATTACH, .. } => Some((
                "it would reach a file that is no declared resource",
                "declare that file as a resource of its own in playbook.toml",
            )),
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some((
                "each call is a transaction of its own",
                "leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out; `transaction` and `script` do all or nothing",
            )),
            AuthAction::Pragma { pragma_name, pragma_value } if purpose == Purpose::Read => {
                let name = pragma_name.to_ascii_lowercase();
                let tells = TELLING.contains(&name.as_str())
                    && (pragma_value.is_none() || ASKING.contains(&name.as_str()));
                (!tells).then_some(("this pragma may change the database", "use `execute`"))
            }
            _ => None,
        };
        let Some(refused) = refused else { return Authorization::Allow };
        if let Ok(mut first) = self.refused.lock() {
            first.get_or_insert(refused);
        }
        Authorization::Deny
    }
}

/// Ends what a thread does with SQLite from outside that thread.
#[derive(Default)]
struct Leash {
    cut: AtomicBool,
    tied: Mutex<Vec<InterruptHandle>>,
    bell: Condvar,
}

impl std::fmt::Debug for Leash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leash").field("cut", &self.is_cut()).finish_non_exhaustive()
    }
}

impl Leash {
    fn tie(&self, connection: &Connection) {
        if let Ok(mut tied) = self.tied.lock() {
            tied.push(connection.get_interrupt_handle());
        }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn pull(&self) {
        self.cut.store(true, Ordering::Release);
        if let Ok(tied) = self.tied.lock() {
            tied.iter().for_each(InterruptHandle::interrupt);
        }
        self.bell.notify_all();
    }

    fn rest(&self, pause: Duration) {
        if let Ok(tied) = self.tied.lock() {
            let _ = self.bell.wait_timeout_while(tied, pause, |_| !self.is_cut());
        }
    }
}

/// Pulls the leash when the future that holds it is dropped.
struct Held(Arc<Leash>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.pull();
    }
}
