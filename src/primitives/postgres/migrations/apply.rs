//! Migrations carried out one after the other, under the lock of the team's own tool, each with its record.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::database;
use super::super::errors::{self, Source};
use super::super::session::{Session, WRITING};
use super::super::{lexer, script};
use super::folder::{Migration, can_be_one};
use super::history::History;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::effect::cx::Cx;

/// How long it waits for another one that migrates, before it gives up.
const LOCK: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_millis(200);

const HOLDER: &str = "SELECT pid, usename::text AS \"user\", application_name AS application FROM pg_stat_activity WHERE pid IN \
     (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND ((classid::bigint << 32) | objid::bigint) = $1::text::bigint)";

/// A connection that holds the tool's lock.
pub(super) struct Locked {
    pub(super) session: Session,
    key: i64,
}

impl Locked {
    /// Takes the lock, or says who holds it.
    pub(super) async fn take(cx: &Cx, history: &History, lock_timeout: Option<&Period>) -> Result<Self> {
        let (session, key) = (Session::open(cx).await?.patient(lock_timeout)?, history.lock());
        let begin = cx.instant();
        let sql = format!("SELECT pg_try_advisory_lock({key}) AS locked");
        loop {
            let row = database::read_in(cx, &session, &sql, &[]).await.map_err(Error::unchanged)?.pop();
            if row.is_some_and(|row| row.get("locked") == Some(&Value::Bool(true))) {
                return Ok(Self { session, key });
            }
            if begin.elapsed() > LOCK {
                let holders = database::read_in(cx, &session, HOLDER, &[json!(key.to_string())])
                    .await
                    .unwrap_or_default();
                session.end(cx);
                let told: Vec<String> =
                    holders.into_iter().map(|row| Value::Object(row).to_string()).collect();
                return Err(Error::remote(format!("somebody else is migrating `{}`", cx.resource()))
                    .why(format!("the lock of {} is held by {}", history.format.word(), told.join(", ")))
                    .fix("wait until that has ended, or end that connection if nobody is behind it")
                    .unchanged());
            }
            cx.pause(AGAIN).await.map_err(Error::unchanged)?;
        }
    }

    /// Gives lock and connection back.
    pub(super) async fn end(self, cx: &Cx) {
        if let Ok(client) = self.session.client() {
            let _ = client.batch_execute(&format!("SELECT pg_advisory_unlock({})", self.key)).await;
        }
        self.session.end(cx);
    }
}

/// Applies migrations in their order, up to the first that fails; gives the names and times of those that were.
pub(super) async fn all(
    cx: &Cx,
    locked: &Locked,
    history: &History,
    pending: &[Migration],
) -> Result<Vec<Value>> {
    let mut applied: Vec<Value> = Vec::new();
    for migration in pending {
        let begin = cx.instant();
        let result = match migration.is_transactional() {
            true => whole(cx, &locked.session, history, migration).await,
            false => pieces(cx, &locked.session, history, migration).await,
        };
        if let Err(mut error) = result {
            error.unchanged = error.unchanged && applied.is_empty();
            let names: Vec<&str> = applied.iter().filter_map(|one| one["name"].as_str()).collect();
            if !names.is_empty() {
                error.what = format!("{} (applied before it: {})", error.what, names.join(", "));
            }
            return Err(error.detail("migration", migration.name.as_str()).detail("applied", json!(names)));
        }
        let ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        cx.line(false, &format!("applied {} in {ms} ms", migration.name));
        applied.push(json!({ "name": migration.name, "ms": ms }));
    }
    Ok(applied)
}

/// A migration and its record in one transaction.
async fn whole(cx: &Cx, session: &Session, history: &History, migration: &Migration) -> Result<()> {
    let statements = lexer::transactional(&migration.file, &migration.sql)?;
    let begin = cx.instant();
    let work = async {
        script::whole(session, &migration.file, &migration.sql, &statements).await?;
        reset(session).await?;
        history.write(session, migration, Some(begin.elapsed())).await
    };
    session.transaction(cx, WRITING, work).await
}

/// A migration that cannot be one transaction: its record says that it was begun before, and that it is done after.
async fn pieces(cx: &Cx, session: &Session, history: &History, migration: &Migration) -> Result<()> {
    session.transaction(cx, WRITING, history.write(session, migration, None)).await?;
    let begin = cx.instant();
    let ran = session.until_stopped(cx, each(session, &migration.file, &migration.sql)).await;
    let ended = match &ran {
        Ok(()) => Ok(begin.elapsed()),
        Err(error) => Err(error.to_string()),
    };
    reset(session).await?;
    let ended = ended.as_ref().map(|took| *took).map_err(String::as_str);
    let closed = session.transaction(cx, WRITING, history.close(session, migration, ended)).await;
    ran.map_err(|mut error| {
        error.unchanged = false;
        error
            .fix("it did not run in one transaction: repair what it left, and its record in the tool's table")
    })?;
    closed.map_err(|mut error| {
        error.unchanged = false;
        error
    })
}

/// What a script sets for its session shall not reach the next one.
async fn reset(session: &Session) -> Result<()> {
    let failed = |why| errors::failed(&session.named, Source::statement("RESET ALL"), &why, false);
    session.client()?.batch_execute("RESET ALL").await.map_err(failed)
}

/// Each statement by itself.
async fn each(session: &Session, file: &str, sql: &str) -> Result<()> {
    let prepared = session.prepare("").await;
    prepared.map_err(|why| errors::failed(&session.named, Source::statement(sql), &why, false))?;
    let statements = lexer::split(sql);
    for (number, statement) in statements.iter().enumerate() {
        let end = statements.get(number + 1).map_or(sql.len(), |next| next.begins);
        // What stands before it becomes blank, so that the server's positions are those of the file.
        let blank = sql[..statement.begins].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
        let text: String = blank.chain(sql[statement.begins..end].chars()).collect();
        let source = Source { name: file, file, sql, begins: Some(statement.begins) };
        let ran = session.client()?.batch_execute(&text).await;
        ran.map_err(|why| errors::failed(&session.named, source, &why, true))?;
    }
    Ok(())
}

/// Takes migrations back by their down files, the last one first; gives their names.
pub(super) async fn back(
    cx: &Cx,
    locked: &Locked,
    history: &History,
    migrations: &[Migration],
) -> Result<Vec<Value>> {
    let mut reverted: Vec<Value> = Vec::new();
    for migration in migrations.iter().rev() {
        let Some((file, sql)) = &migration.down else { continue };
        let result = match can_be_one(file, sql) {
            true => {
                let statements = lexer::transactional(file, sql)?;
                let work = async {
                    script::whole(&locked.session, file, sql, &statements).await?;
                    reset(&locked.session).await?;
                    history.remove(&locked.session, migration).await
                };
                locked.session.transaction(cx, WRITING, work).await
            }
            false => {
                let ran = locked.session.until_stopped(cx, each(&locked.session, file, sql)).await;
                reset(&locked.session).await?;
                match ran {
                    Ok(()) => {
                        locked
                            .session
                            .transaction(cx, WRITING, history.remove(&locked.session, migration))
                            .await
                    }
                    Err(why) => Err(why),
                }
            }
        };
        result.map_err(|mut error| {
            error.unchanged = error.unchanged && reverted.is_empty();
            error.detail("migration", migration.name.as_str()).detail("reverted", json!(reverted))
        })?;
        cx.line(false, &format!("reverted {}", migration.name));
        reverted.push(json!(migration.name));
    }
    Ok(reverted)
}
