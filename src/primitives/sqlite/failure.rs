//! What SQLite says when it refuses, as an error: its code's name, its words, the statement with a caret, and a fix.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::base::error::{Error, Kind};
use crate::base::text;

/// Why a piece of work with SQLite did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// We did.
    Own(Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(why: rusqlite::Error) -> Self {
        Self::Sqlite(why)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

/// Whether somebody else holds a lock, so that trying again helps.
pub(super) fn is_busy(why: &rusqlite::Error) -> bool {
    matches!(why.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

impl Trouble {
    /// The error to show, for the resource `name` whose file is `path`. `sql` may be empty.
    pub(super) fn told(self, name: &str, sql: &str, path: &Path) -> Error {
        let why = match self {
            Self::Own(error) => return error,
            Self::Sqlite(why) => why,
        };
        let refused = if sql.trim().is_empty() {
            format!("`{name}` cannot be opened")
        } else {
            format!("`{name}` refused `{}`", text::headline(sql, 80))
        };
        let (code, words, offset) = parts(&why);
        let Some(code) = code else { return Error::usage(refused).why(words) };
        let words = match offset {
            Some(offset) => format!("{words}\n{}", caret(sql, offset)),
            None => words,
        };
        let kind = match code & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Kind::Remote,
            ffi::SQLITE_FULL | ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_READONLY => Kind::Io,
            _ => Kind::Remote,
        };
        let error = Error::new(kind, refused).why(words).detail("sqlite_code", code_name(code));
        match fix(code, path) {
            Some(fix) => error.fix(fix),
            None => error,
        }
    }
}

/// The extended code, the message, and the offset of the wrong token.
pub(super) fn parts(why: &rusqlite::Error) -> (Option<i32>, String, Option<usize>) {
    match why {
        rusqlite::Error::SqliteFailure(error, message) => {
            let words = message.clone().unwrap_or_else(|| ffi::code_to_str(error.extended_code).to_owned());
            (Some(error.extended_code), words, None)
        }
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            (Some(error.extended_code), msg.clone(), usize::try_from(*offset).ok())
        }
        rusqlite::Error::MultipleStatement => (None, "it holds more than one statement".to_owned(), None),
        other => (None, other.to_string(), None),
    }
}

fn fix(code: i32, path: &Path) -> Option<String> {
    let shown = path.display();
    Some(match code & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => {
            format!("another program holds a lock on {shown}: wait for it, or raise `busy_timeout`")
        }
        ffi::SQLITE_FULL => format!("free some space on the disk of {shown}"),
        ffi::SQLITE_READONLY => format!("check owner and mode of {shown} and of its folder"),
        ffi::SQLITE_CANTOPEN => {
            format!("check that {shown} is a file, and owner and mode of it and its folder")
        }
        ffi::SQLITE_NOTADB => format!("{shown} is no SQLite database: check the path, or restore a backup"),
        ffi::SQLITE_CORRUPT => format!("{shown} is damaged: restore a backup"),
        _ => return None,
    })
}

/// The line of `sql` that holds byte `offset`, cut to what fits, with a caret below.
fn caret(sql: &str, offset: usize) -> String {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = sql.lines().nth(before.matches('\n').count()).unwrap_or("");
    let column = before.rsplit('\n').next().unwrap_or("").chars().count();
    let skipped = column.saturating_sub(60);
    let shown: String =
        line.chars().skip(skipped).take(100).map(|c| if c == '\t' { ' ' } else { c }).collect();
    format!("{shown}\n{}^", " ".repeat(column - skipped))
}

/// The names of the primary codes, by number.
const CLASSES: [&str; 29] = [
    "OK",
    "ERROR",
    "INTERNAL",
    "PERM",
    "ABORT",
    "BUSY",
    "LOCKED",
    "NOMEM",
    "READONLY",
    "INTERRUPT",
    "IOERR",
    "CORRUPT",
    "NOTFOUND",
    "FULL",
    "CANTOPEN",
    "PROTOCOL",
    "EMPTY",
    "SCHEMA",
    "TOOBIG",
    "CONSTRAINT",
    "MISMATCH",
    "MISUSE",
    "NOLFS",
    "AUTH",
    "FORMAT",
    "RANGE",
    "NOTADB",
    "NOTICE",
    "WARNING",
];
/// The names of the extended codes, by class and number.
const DETAILS: [(i32, &[&str]); 7] = [
    (ffi::SQLITE_BUSY, &["RECOVERY", "SNAPSHOT", "TIMEOUT"]),
    (ffi::SQLITE_LOCKED, &["SHAREDCACHE", "VTAB"]),
    (ffi::SQLITE_READONLY, &["RECOVERY", "CANTLOCK", "ROLLBACK", "DBMOVED", "CANTINIT", "DIRECTORY"]),
    (
        ffi::SQLITE_IOERR,
        &["READ", "SHORT_READ", "WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "FSTAT", "UNLOCK", "RDLOCK"],
    ),
    (ffi::SQLITE_CORRUPT, &["VTAB", "SEQUENCE", "INDEX"]),
    (ffi::SQLITE_CANTOPEN, &["NOTEMPDIR", "ISDIR", "FULLPATH", "CONVPATH", "DIRTYWAL", "SYMLINK"]),
    (
        ffi::SQLITE_CONSTRAINT,
        &[
            "CHECK",
            "COMMITHOOK",
            "FOREIGNKEY",
            "FUNCTION",
            "NOTNULL",
            "PRIMARYKEY",
            "TRIGGER",
            "UNIQUE",
            "VTAB",
            "ROWID",
            "PINNED",
            "DATATYPE",
        ],
    ),
];

/// The name of a code as SQLite's manual writes it; of an unknown extension, the name of its class.
fn code_name(code: i32) -> String {
    let (class, detail) = (code & 0xff, usize::try_from(code >> 8).unwrap_or(0));
    let Some(name) = usize::try_from(class).ok().and_then(|class| CLASSES.get(class)) else {
        return format!("SQLITE_{code}");
    };
    let details = DETAILS.iter().find(|(of, _)| *of == class).map_or(&[][..], |(_, details)| details);
    match detail.checked_sub(1).and_then(|detail| details.get(detail)) {
        Some(detail) => format!("SQLITE_{name}_{detail}"),
        None => format!("SQLITE_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_manual() {
        for (code, name) in [
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "SQLITE_CONSTRAINT_UNIQUE"),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, "SQLITE_CONSTRAINT_DATATYPE"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"),
            (ffi::SQLITE_READONLY_DIRECTORY, "SQLITE_READONLY_DIRECTORY"),
            (ffi::SQLITE_IOERR_RDLOCK, "SQLITE_IOERR_RDLOCK"),
            (ffi::SQLITE_CANTOPEN_SYMLINK, "SQLITE_CANTOPEN_SYMLINK"),
            (ffi::SQLITE_NOTADB, "SQLITE_NOTADB"),
            (ffi::SQLITE_IOERR_AUTH, "SQLITE_IOERR"),
            (ffi::SQLITE_ERROR, "SQLITE_ERROR"),
        ] {
            assert_eq!(code_name(code), name);
        }
    }

    #[test]
    fn the_caret_stands_under_the_wrong_token_of_its_line() {
        assert_eq!(caret("SELECT a\n  FROM nowhere", 16), "  FROM nowhere\n       ^");
        let long = format!("SELECT {} x", "1, ".repeat(100));
        assert!(caret(&long, 250).lines().all(|line| line.len() <= 100));
    }
}
