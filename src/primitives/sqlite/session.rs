//! One connection for one call: opened, held on a leash, patient with locks, and bounded in what it may do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::hooks::AuthContext;
use rusqlite::{Connection, OpenFlags};

use super::Table;
use super::bounds::Bounds;
use super::failure::{Trouble, is_busy};
use super::leash::{Held, Leash};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::{blocking, clock, files};

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
    /// Its table in `playbook.toml`.
    table: String,
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
        table: cx.table(),
        path: cx.trusted_path(&table.path),
        patience: text::parse_duration(&table.busy_timeout)?,
        create: table.create,
        leash: Arc::clone(&leash),
    };
    let held = Held::new(leash);
    // After a stop the thread ends within milliseconds; waiting for that leaves no lock behind.
    cx.close_gracefully();
    let mut done = std::pin::pin!(blocking::run(move || work(&database)));
    tokio::select! {
        biased;
        result = &mut done => return result,
        () = cx.stop().given() => held.pull(),
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
                .fix(self.to_be_made()));
            }
            if let Some(folder) = self.path.parent() {
                files::make_private_folder(folder)?;
            }
            files::make_private_file(&self.path)?;
        }
        self.open_file(self.path.clone(), purpose)
    }

    /// What to do about a database that is not there.
    fn to_be_made(&self) -> String {
        let table = &self.table;
        if self.create {
            return format!(
                "let a write of `{}` make it first, or check `path` of {table} in playbook.toml",
                self.name
            );
        }
        format!("check `path` of {table} in playbook.toml; `create = true` lets a write make a new one")
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
            self.go_on().map_err(Error::unchanged)?;
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
        self.bounds.lifted(|| self.connection.execute_batch(sql)).map_err(Trouble::from)
    }

    /// Does `work`, which runs statements that are prepared already.
    pub(super) fn running<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bounds.running(work)
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
        done.map_err(|trouble| {
            self.roll_back();
            match trouble {
                Trouble::Own(error) => Trouble::Own(error.unchanged()),
                trouble => trouble,
            }
        })
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.own("ROLLBACK");
        }
    }

    /// The error to show for trouble with `sql`.
    pub(super) fn told(&self, sql: &str, trouble: Trouble) -> Error {
        let refused = self.bounds.refused();
        match (trouble, refused) {
            (Trouble::Own(error), _) => error,
            (Trouble::Sqlite(_), Some((kind, why, fix))) => {
                let what = format!("`{}` may not run `{}`", self.database.name, text::headline(sql, 80));
                Error::new(kind, what).why(why).fix(fix)
            }
            (trouble, None) => match self.database.go_on() {
                // What was begun is rolled back by now.
                Err(stopped) => stopped.unchanged(),
                Ok(()) => trouble.told(&self.database.name, sql, &self.path),
            },
        }
    }
}
