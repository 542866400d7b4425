//! Copies whole databases by SQLite's online backup, which works while other programs use them.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use serde_json::{Map, Value};

use super::failure::Trouble;
use super::rows;
use super::session::{Database, Purpose, Session};
use crate::base::error::{Error, Kind, Result};
use crate::effect::dump::Counted;

/// How many pages are copied between two looks at whether to go on.
const PAGES: i32 = 512;

/// Copies the database as it is at one moment to a new file at `path`, and makes sure that the copy is sound and
/// holds what the original held at that moment; gives the rows of each table. `tell` hears of pages done, and in all.
///
/// One read transaction spans counting and copying, so that the two cannot differ falsely. In WAL mode nobody waits
/// for it; in the older journal modes, writers wait with their commits until the copy is made.
pub(super) fn copy_out(
    database: &Database,
    path: &Path,
    tell: impl Fn(u64, u64),
) -> Result<Map<String, Value>> {
    let source = database.open(Purpose::Read)?;
    let mut target = database.open_file(path.to_owned(), Purpose::Write)?;
    let copied = source.transaction(|| {
        let counts = rows::counts(&source)?;
        target.own("PRAGMA synchronous = OFF")?;
        let copied = transfer(&source, &mut target, tell);
        copied.map_err(|why| target.told("the online backup", why))?;
        Ok(counts)
    });
    let counts = copied.map_err(|why| source.told("the online backup", why))?;
    drop(source);
    settle(&target, &format!("the copy of `{}`", database.name))?;
    let again =
        target.transaction(|| rows::counts(&target)).map_err(|why| target.told("SELECT count(*) …", why))?;
    if again != counts {
        return Err(Error::remote(format!(
            "the copy of `{}` does not hold what the original holds",
            database.name
        ))
        .why(format!("rows of the original: {counts:?}; of the copy: {again:?}"))
        .fix("check the disk that holds temporary files"));
    }
    Ok(counts)
}

/// Makes sure that the file at `path` is a sound database before anything is made of it. `name` is what it is called
/// in an error. Gives the rows of each table.
pub(super) fn examine(database: &Database, path: &Path, name: &str) -> Result<Map<String, Value>> {
    let source = database.open_file(path.to_owned(), Purpose::Write)?;
    settle(&source, name)?;
    let counts = source.transaction(|| rows::counts(&source));
    counts.map_err(|why| unsound(name, &source, why))
}

/// Puts the database at `path` in place of the live one: all of it or, on any failure, nothing. Other programs may
/// have it open; they see the old content until the moment when all is there.
pub(super) fn copy_in(database: &Database, path: &Path, tell: impl Fn(u64, u64)) -> Result<()> {
    let source = database.open_file(path.to_owned(), Purpose::Write)?;
    let mut live = database.open(Purpose::Write)?;
    let restored = fit(&source, &live).and_then(|()| transfer(&source, &mut live, tell));
    restored.map_err(|why| live.told("the online backup", why))?;
    drop(live);
    let checked = database.open(Purpose::Read).and_then(|live| check(&live, &format!("`{}`", database.name)));
    checked.map_err(|mut error| {
        (error.kind, error.unchanged) = (Kind::InDoubt, false);
        error.what = format!("the backup was restored, but {}", error.what);
        error
    })
}

/// A live database in WAL mode keeps its page size, so the other one has to take it on.
fn fit(source: &Session<'_>, live: &Session<'_>) -> Result<(), Trouble> {
    let number = |session: &Session<'_>, sql: &str| -> Result<Value, Trouble> {
        let done = session.database.patiently(|| rows::run(session, sql, &Value::Null, 1))?;
        Ok(done.rows.into_iter().flatten().next().unwrap_or_default())
    };
    let (have, want) = (number(source, "PRAGMA page_size")?, number(live, "PRAGMA page_size")?);
    if have != want && number(live, "PRAGMA page_count")? != 0 {
        source.own(&format!("PRAGMA page_size = {want}; VACUUM"))?;
    }
    Ok(())
}

fn transfer(source: &Session<'_>, target: &mut Session<'_>, tell: impl Fn(u64, u64)) -> Result<(), Trouble> {
    let database = source.database;
    let backup = Backup::new(&source.connection, &mut target.connection)?;
    loop {
        let step = database.patiently(|| match backup.step(PAGES)? {
            StepResult::Busy | StepResult::Locked => Err(Trouble::Sqlite(busy())),
            step => Ok(step),
        })?;
        let progress = backup.progress();
        let (all, left) = (progress.pagecount.unsigned_abs(), progress.remaining.unsigned_abs());
        tell(u64::from(all - left.min(all)), u64::from(all));
        if step == StepResult::Done {
            return Ok(());
        }
        database.go_on()?;
    }
}

fn busy() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(code, Some("database is locked".to_owned()))
}

/// Makes one self-contained file of a copy that may say it has a write-ahead log, and checks it.
fn settle(copy: &Session<'_>, name: &str) -> Result<()> {
    copy.own("PRAGMA journal_mode = DELETE").map_err(|why| unsound(name, copy, why))?;
    check(copy, name)
}

fn check(session: &Session<'_>, name: &str) -> Result<()> {
    let checked =
        session.database.patiently(|| rows::run(session, "PRAGMA integrity_check", &Value::Null, 5));
    let found = checked.map_err(|why| unsound(name, session, why))?.rows;
    let found: Vec<&str> = found.iter().flatten().filter_map(Value::as_str).collect();
    if found == ["ok"] {
        return Ok(());
    }
    Err(Error::remote(format!("{name} is damaged")).why(found.join("\n")).fix("use an older backup"))
}

fn unsound(name: &str, session: &Session<'_>, why: Trouble) -> Error {
    let mut error = session.told("PRAGMA integrity_check", why);
    if error.details.contains_key("sqlite_code") {
        error.what = format!("{name} is no sound SQLite database");
        error.fix = None;
    }
    error
}

/// The tables and rows of a database whose rows were counted.
pub(super) fn counted(counts: &Map<String, Value>) -> Counted {
    let rows = counts.values().filter_map(Value::as_u64).sum();
    Counted { tables: Some(counts.len() as u64), rows: Some(rows), ..Counted::default() }
}

/// How long copying a database may take unless the call says otherwise.
pub(super) const LONG: Duration = Duration::from_secs(3600);
