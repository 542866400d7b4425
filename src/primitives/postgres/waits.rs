//! For whom a change waits: looked up through a second connection while it takes long, told to people, and kept for the error
//! that ends the wait.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::Row;

use super::session::{Door, Session};
use super::settings::Table;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::clock;

/// How long until the first look, and how long a wait lasts until people hear of it.
const FIRST: Duration = Duration::from_secs(1);
const TOLD: Duration = Duration::from_secs(2);
/// The pause between two looks afterwards.
const AGAIN: Duration = Duration::from_secs(2);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(2);
/// So many who are waited for are told.
const MOST: usize = 3;
/// The detail of an error that holds who was waited for.
const BLOCKED_BY: &str = "blocked_by";
/// The server's code for a lock that was not had within `lock_timeout`.
const LOCK_NOT_HAD: &str = "55P03";

const SQL: &str = "SELECT b.pid, b.usename::text, b.application_name, b.state, \
     (extract(epoch FROM clock_timestamp() - b.xact_start) * 1000)::bigint, left(b.query, 400) FROM pg_stat_activity b \
     WHERE b.pid IN (SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity w WHERE w.wait_event_type = 'Lock' \
     AND w.datname = current_database() AND (w.pid = $1::int4 OR (w.application_name = $2::text AND w.usename = current_user))) \
     ORDER BY b.xact_start, b.pid";

/// Who waits.
pub(super) enum Waiter<'a> {
    /// The connection with this process of the server, once that is known.
    Process(&'a OnceLock<i32>),
    /// A program that shows the resource's own name to the server.
    Program,
}

/// Somebody who is waited for.
struct Blocker {
    pid: i32,
    user: Option<String>,
    application: String,
    state: Option<String>,
    since: Option<Duration>,
    sql: String,
}

impl Blocker {
    fn read(row: &Row) -> Option<Self> {
        let ms: Option<i64> = row.try_get(4).ok()?;
        Some(Self {
            pid: row.try_get(0).ok()?,
            user: row.try_get(1).ok()?,
            application: row.try_get::<_, Option<String>>(2).ok()?.unwrap_or_default(),
            state: row.try_get(3).ok()?,
            since: ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
            sql: row.try_get::<_, Option<String>>(5).ok()?.unwrap_or_default(),
        })
    }

    fn value(&self) -> Value {
        let since = self.since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        json!({
            "pid": self.pid, "user": self.user, "application": self.application, "state": self.state,
            "transaction_ms": since, "sql": self.sql,
        })
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.map(|since| format!("since {}", text::show_duration(since)));
        let parts = [self.user.clone(), Some(self.application.clone()), self.state.clone(), since];
        let known: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        write!(f, "process {} ({}): {}", self.pid, known.join(", "), text::headline(&self.sql, 120))
    }
}

/// The connection that looks, beside the pool: all of that may be waiting.
struct Lookout(Door);

/// Waits for `work`, and sees for whom it waits itself. `soon`: it gives up by itself after so long.
pub(super) async fn attend<T>(
    cx: &Cx,
    waiter: Waiter<'_>,
    soon: Option<Duration>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut seen = Vec::new();
    let first = soon.map_or(FIRST, |soon| FIRST.min(soon / 2));
    let result = tokio::select! {
        biased;
        result = work => result,
        never = watch(cx, &waiter, first, &mut seen) => match never {},
    };
    result.map_err(|error| explained(error, &seen))
}

async fn watch(cx: &Cx, waiter: &Waiter<'_>, first: Duration, seen: &mut Vec<Blocker>) -> Infallible {
    let (mut pause, mut told, mut since) = (first, Vec::new(), None::<Instant>);
    loop {
        clock::pause(pause).await;
        pause = if since.is_none() { FIRST } else { AGAIN };
        let looked = tokio::time::timeout(LOOK, look(cx, waiter)).await;
        // What is being ended waits for nobody any more, and who it was is still worth telling.
        if cx.stop().is_given() {
            return std::future::pending().await;
        }
        let Ok(Ok(found)) = looked else { continue };
        let pids: Vec<i32> = found.iter().map(|blocker| blocker.pid).collect();
        *seen = found;
        if pids.is_empty() {
            (since, told) = (None, Vec::new());
            continue;
        }
        let waited = since.get_or_insert_with(|| cx.instant()).elapsed() + first;
        if waited >= TOLD && told != pids {
            cx.line(false, &format!("waits for {}", spoken(seen)));
            told = pids;
        }
    }
}

async fn look(cx: &Cx, waiter: &Waiter<'_>) -> Result<Vec<Blocker>> {
    let pid = match waiter {
        Waiter::Process(pid) => match pid.get() {
            Some(pid) => Some(*pid),
            None => return Ok(Vec::new()),
        },
        Waiter::Program => None,
    };
    let lookout = cx.shared(async {
        let mut target = cx.settings::<Table>()?.resolve(cx).await?;
        target.pool = 1;
        Door::new(target).map(Lookout)
    });
    let lookout = lookout.await?;
    let name = match waiter {
        Waiter::Process(_) => None,
        Waiter::Program => lookout.0.target.config.get_application_name().map(str::to_owned),
    };
    let session = Session::open_at(cx, &lookout.0).await?;
    let rows = session.client()?.query(SQL, &[&pid, &name]).await;
    session.end(cx);
    let rows = rows.map_err(|why| Error::remote("who is waited for is not known").why(why.to_string()))?;
    Ok(rows.iter().filter_map(Blocker::read).collect())
}

fn spoken(blockers: &[Blocker]) -> String {
    let mut lines: Vec<String> = blockers.iter().take(MOST).map(ToString::to_string).collect();
    if blockers.len() > MOST {
        lines.push(format!("and {} more", blockers.len() - MOST));
    }
    lines.join("\n")
}

/// The error of a wait that was ended, with those who were waited for.
fn explained(error: Error, blockers: &[Blocker]) -> Error {
    let has_given_up = error.details.get("sqlstate").is_some_and(|code| code == LOCK_NOT_HAD);
    let was_ended = matches!(error.kind, Kind::Timeout | Kind::Cancelled);
    let Some(first) = blockers.first().filter(|_| has_given_up || was_ended) else { return error };
    let why = error.why.as_ref().map(|why| format!("{why}\n")).unwrap_or_default();
    let all: Vec<Value> = blockers.iter().map(Blocker::value).collect();
    let fix = format!(
        "run it again when process {0} has ended its transaction, or end it: SELECT pg_terminate_backend({0}){1}",
        first.pid,
        if has_given_up { "" } else { "; a `lock_timeout` gives up before others queue behind it" }
    );
    error.why(format!("{why}it waited for {}", spoken(blockers))).fix(fix).detail(BLOCKED_BY, all)
}
