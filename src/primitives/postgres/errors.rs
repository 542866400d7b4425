//! Errors of the server as errors of ours: SQLSTATE, detail, hint, and the place in the SQL drawn with a caret.

use std::error::Error as _;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::{DbError, ErrorPosition};

use super::settings::{Target, Tls};
use crate::base::error::{Error, Kind};
use crate::base::place::Place;
use crate::base::text;

/// The SQL that an error is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// What it is called in the error: `the statement`, `statement 2 of 3`, `schema.sql`.
    pub(super) name: &'a str,
    /// Its file, or a word for it where there is none.
    pub(super) file: &'a str,
    /// The SQL.
    pub(super) sql: &'a str,
    /// Where the statement begins that was being run, in bytes; for errors without a place of their own.
    pub(super) begins: Option<usize>,
}

impl<'a> Source<'a> {
    /// A single statement.
    pub(super) const fn statement(sql: &'a str) -> Self {
        Self { name: "the statement", file: "sql", sql, begins: None }
    }
}

/// An error and what caused it, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Whether the connection broke, so that it is not known what the server did.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

/// The server could not be reached or refused the connection.
pub(super) fn unreachable(named: &str, target: &Target, why: PoolError) -> Error {
    let place = target.place();
    let what = format!("`{named}` cannot be reached at {place}");
    match why {
        PoolError::Backend(why) => match why.as_db_error() {
            Some(why) => refused_login(named, target, why),
            None => no_login(named, target, &why),
        },
        PoolError::Timeout(TimeoutType::Wait) => Error::timeout(format!("all {} connections of `{named}` are in use", target.pool))
            .fix("raise `pool`, or run fewer branches at once"),
        PoolError::Timeout(_) => Error::timeout(what)
            .why(format!("the server did not answer within {}", text::show_duration(target.connect_timeout)))
            .fix("see whether the server is stuck or a firewall drops the packets; `connect_timeout` sets how long to wait"),
        other => Error::remote(what).why(other.to_string()),
    }
}

fn no_login(named: &str, target: &Target, why: &tokio_postgres::Error) -> Error {
    let said = chain(why);
    let place = target.place();
    let cause =
        why.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    if said.contains("TLS") || said.contains("certificate") {
        let fix = match target.tls {
            Tls::Verify => {
                "name the authority that signed the server's certificate with `ca`, or give up the proof of who the server is with `tls = \"prefer\"`"
            }
            _ => "set `tls = \"disable\"` if the server cannot encrypt",
        };
        return Error::remote(format!(
            "`{named}` at {place} gives no encrypted connection that can be trusted"
        ))
        .why(said)
        .fix(fix);
    }
    if said.contains("password missing") || said.contains("password") {
        return Error::remote(format!("`{named}` at {place} wants a password"))
            .why(said)
            .fix("set `password = \"env:NAME\"` in its table of playbook.toml");
    }
    let error = Error::remote(format!("`{named}` cannot be reached at {place}")).why(said);
    match cause {
        Some(std::io::ErrorKind::ConnectionRefused) => {
            error.fix("start the server, or correct `host` and `port`")
        }
        Some(std::io::ErrorKind::NotFound) => {
            error.fix("correct the folder of the server's socket in `host`")
        }
        _ => error.fix("check `host` and `port`, and whether this machine may reach that server"),
    }
}

fn refused_login(named: &str, target: &Target, why: &DbError) -> Error {
    let (user, database) = (target.config.get_user().unwrap_or("?"), target.database());
    let (what, fix) = match why.code().code() {
        "28P01" => (
            format!("`{named}` refused the password of `{user}`"),
            "correct the value that `password` (or the URL) refers to".to_owned(),
        ),
        "28000" => (
            format!("`{named}` does not let `{user}` in"),
            "check `user`, and the server's pg_hba.conf".to_owned(),
        ),
        "3D000" => {
            (format!("`{named}` has no database `{database}`"), "correct `database`, or create it".to_owned())
        }
        "53300" => (
            format!("`{named}` has no connection to spare"),
            "close some connections, lower `pool`, or raise the server's max_connections".to_owned(),
        ),
        "57P03" => (
            format!("`{named}` is not ready"),
            "wait until the server has started, for example with `retry`".to_owned(),
        ),
        _ => (
            format!("`{named}` refused the connection at {}", target.place()),
            "look into the server's log".to_owned(),
        ),
    };
    let error = Error::remote(what).fix(why.hint().map_or(fix, str::to_owned));
    described(error, why, None)
}

/// The server refused SQL, or went away while it was running it. `wrote`: it may have taken effect all the same.
pub(super) fn failed(named: &str, source: Source<'_>, why: &tokio_postgres::Error, wrote: bool) -> Error {
    let Some(server) = why.as_db_error() else {
        if is_lost(why) {
            return lost(named, source, why, wrote);
        }
        let said = chain(why);
        let error = Error::remote(format!("`{named}` cannot run {}", source.name)).why(&said);
        return if said.contains("unexpected message") {
            error
                .fix("COPY from or to the client cannot be run here; use INSERT, or dump_to and restore_from")
        } else {
            error
        };
    };
    let place = place(source, server);
    let where_ = place
        .as_ref()
        .filter(|place| place.line > 1 || source.file != "sql")
        .map(|place| format!(" at line {}", place.line));
    let what = format!("`{named}` refused {}{}", source.name, where_.unwrap_or_default());
    let error = described(Error::remote(what), server, place.as_ref());
    match fix(server, place.as_ref()) {
        Some(fix) => error.fix(fix),
        None => error,
    }
}

fn lost(named: &str, source: Source<'_>, why: &tokio_postgres::Error, wrote: bool) -> Error {
    let what = format!("`{named}` went away while it ran {}", source.name);
    if wrote {
        return Error::new(Kind::InDoubt, what)
            .why(format!("{}; it is not known whether it took effect", chain(why)))
            .fix("look at the data before running it again");
    }
    Error::remote(what)
        .why(format!("{}; nothing was changed", chain(why)))
        .fix("see whether the server is up, then run it again")
}

/// The server's own words and fields.
fn described(mut error: Error, server: &DbError, place: Option<&Place>) -> Error {
    let mut why = format!("{} (SQLSTATE {})", server.message(), server.code().code());
    if let Some(detail) = server.detail() {
        why.push_str(&format!("\n{detail}"));
    }
    if let Some(context) = server.where_() {
        why.push_str(&format!("\nin {}", text::headline(context, 200)));
    }
    if let Some(place) = place {
        why.push_str(&format!("\n{}", place.draw(1).trim_end()));
    }
    error = error.why(why).detail("sqlstate", server.code().code()).detail("severity", server.severity());
    error = error.detail("message", server.message());
    let fields = [
        ("detail", server.detail()),
        ("hint", server.hint()),
        ("schema", server.schema()),
        ("table", server.table()),
        ("column", server.column()),
        ("constraint", server.constraint()),
        ("type", server.datatype()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            error = error.detail(name, value);
        }
    }
    if let Some(place) = place {
        error = error.detail("line", place.line).detail("position", place.column);
    }
    error
}

/// Where in the SQL the server points; it counts characters from 1.
fn place(source: Source<'_>, server: &DbError) -> Option<Place> {
    let of = |file: &str, sql: &str, position: u32| {
        let nth = (position as usize).saturating_sub(1);
        let offset = sql.char_indices().nth(nth).map_or(sql.len(), |(offset, _)| offset);
        Place::of_offset(file, sql, offset)
    };
    match server.position() {
        Some(ErrorPosition::Original(position)) => Some(of(source.file, source.sql, *position)),
        Some(ErrorPosition::Internal { position, query }) => {
            Some(of("sql inside the server", query, *position))
        }
        None => source
            .begins
            .map(|offset| Place { column: 0, ..Place::of_offset(source.file, source.sql, offset) }),
    }
}

/// What the reader can do: the server's own hint goes first.
fn fix(server: &DbError, place: Option<&Place>) -> Option<String> {
    if let Some(hint) = server.hint() {
        return Some(hint.to_owned());
    }
    let line = place.and_then(|place| place.source.as_deref()).unwrap_or_default();
    let fix = match server.code().code() {
        "42601" if line.trim_start().starts_with('\\') => {
            "take the line out: it is a command of psql, not SQL"
        }
        "42601" if server.message().contains("multiple commands") => {
            "give one statement; several go into transaction([…]) or script(\"FILE.sql\")"
        }
        "25006" => {
            "connect to the primary if this is a replica; else let the role write: `default_transaction_read_only` is on for it, \
             for the database or for the server (ALTER ROLE … SET default_transaction_read_only = off)"
        }
        "42P18" => "say the parameter's type, for example `$1::text`",
        "25001" => "run it alone with execute(…): it cannot be part of a transaction",
        "55P03" | "40P01" => {
            "try again when the other transaction has ended; activity() shows who is connected"
        }
        "42501" => "grant the role the right, or connect as a role that has it",
        _ => return None,
    };
    Some(fix.to_owned())
}
