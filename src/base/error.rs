//! The one error: what went wrong, where, why in the other side's own words, and what to do.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exit::Exit;
use super::place::Place;

/// The detail of an error whose effect began and is not known to have ended.
pub const IN_DOUBT: &str = "in_doubt";

/// The detail of an error that ends a turn of a run before it has gone on at all: the run stays as it was.
pub const NOT_BEGUN: &str = "not_begun";

/// The detail of an error that says that the other side answered, and let nobody in.
pub const REFUSED: &str = "refused";

/// The detail of an error of a notice that could not be sent, for which the run did not fail.
pub const NOT_SENT: &str = "not_sent";

/// The detail of a stop that came from another terminal: nobody who could be asked sits at this one.
pub const FROM_ELSEWHERE: &str = "from_elsewhere";

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is: for `catch`, for the exit code, for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The playbook, the command or `playbook.toml` is wrong.
    Usage,
    /// The grants do not cover the call.
    Denied,
    /// Something named does not exist.
    Missing,
    /// The other system refused or failed.
    Remote,
    /// A `check` or `metric` did not hold.
    Check,
    /// `fail(…)` or a `throw` of the playbook.
    Script,
    /// Somebody declined at a gate.
    Declined,
    /// A deadline passed.
    Timeout,
    /// A person or a sibling branch stopped it.
    Cancelled,
    /// A limit of the sandbox was reached.
    Limit,
    /// An effect began and it is not known how it ended.
    InDoubt,
    /// This machine's files, disk or processes failed.
    Io,
    /// While planning: beyond here depends on an effect that has not happened.
    Horizon,
    /// What the command builds on was changed since: the part of a playbook that has run, a thing to be restored.
    Changed,
    /// The process ends while the run waits for time or for people; the run goes on later.
    Suspended,
    /// Another run holds the lock.
    Held,
    /// The journal was changed outside the product.
    Tampered,
    /// A fault of the product itself.
    Bug,
}

impl Kind {
    /// Whether a script may hold it with `try … catch`.
    #[must_use]
    pub const fn is_catchable(self) -> bool {
        !matches!(
            self,
            Self::Denied
                | Self::Declined
                | Self::Suspended
                | Self::Held
                | Self::Changed
                | Self::Cancelled
                | Self::Limit
                | Self::Horizon
                | Self::Bug
        )
    }

    /// The exit code of a command that ends with it.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Usage | Self::Missing => Exit::Usage,
            Self::Denied => Exit::Denied,
            Self::Timeout | Self::Limit => Exit::Timeout,
            Self::Cancelled => Exit::Interrupted,
            Self::InDoubt => Exit::InDoubt,
            Self::Changed => Exit::Changed,
            Self::Suspended => Exit::Waiting,
            Self::Held => Exit::Held,
            Self::Tampered => Exit::Tampered,
            Self::Bug => Exit::Bug,
            Self::Remote | Self::Check | Self::Declined | Self::Script | Self::Io | Self::Horizon => {
                Exit::Failed
            }
        }
    }

    /// The word used in JSON and in a caught error's `kind`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Denied => "denied",
            Self::Missing => "missing",
            Self::Remote => "remote",
            Self::Check => "check",
            Self::Script => "script",
            Self::Declined => "declined",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Limit => "limit",
            Self::InDoubt => "in_doubt",
            Self::Io => "io",
            Self::Horizon => "horizon",
            Self::Changed => "changed",
            Self::Suspended => "suspended",
            Self::Held => "held",
            Self::Tampered => "tampered",
            Self::Bug => "bug",
        }
    }
}

/// The parts of an error; reached through [`Error`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What sort of failure it is.
    pub kind: Kind,
    /// What went wrong, one line without a full stop, naming the thing.
    pub what: String,
    /// The other side's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the reader can do, in the imperative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Where it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The calls that led there, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Place>,
    /// The call that failed is known to have changed nothing, so there is nothing to take back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// Fields of the other side for machines: `sqlstate`, `status`, `exit_code`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// What else was found wrong in the same look: the other mistakes of a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Error>,
}

/// An error; boxed, so that a `Result` stays small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(Box<Report>);

impl Error {
    /// An error of `kind` that says `what`.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Report {
            kind,
            what: what.into(),
            why: None,
            fix: None,
            at: None,
            chain: Vec::new(),
            unchanged: false,
            details: Map::new(),
            others: Vec::new(),
        }))
    }

    /// All the mistakes of one look as one error; none is no error.
    pub fn all(mistakes: Vec<Self>) -> Result<()> {
        let mut mistakes = mistakes.into_iter();
        match mistakes.next() {
            None => Ok(()),
            Some(mut first) => {
                first.0.others.extend(mistakes);
                Err(first)
            }
        }
    }

    /// The playbook, the command or `playbook.toml` is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// The grants do not cover the call.
    pub fn denied(what: impl Into<String>) -> Self {
        Self::new(Kind::Denied, what)
    }

    /// Something named does not exist.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::new(Kind::Missing, what)
    }

    /// The other system refused or failed.
    pub fn remote(what: impl Into<String>) -> Self {
        Self::new(Kind::Remote, what)
    }

    /// This machine's files, disk or processes failed. Where a stream carried an error of ours, its words and its fix stay.
    pub fn io(what: impl Into<String>, why: &std::io::Error) -> Self {
        let Some(carried) = why.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) else {
            return Self::new(Kind::Io, what).why(why.to_string());
        };
        let mut error = Self::new(Kind::Io, what).why(match &carried.why {
            Some(why) => format!("{}: {why}", carried.what),
            None => carried.what.clone(),
        });
        error.fix.clone_from(&carried.fix);
        error
    }

    /// A deadline passed.
    pub fn timeout(what: impl Into<String>) -> Self {
        Self::new(Kind::Timeout, what)
    }

    /// A person or a sibling branch stopped it.
    pub fn cancelled(what: impl Into<String>) -> Self {
        Self::new(Kind::Cancelled, what)
    }

    /// A fault of the product itself.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(Kind::Bug, what).fix("please report this: it is a fault of playbook, not of your playbook")
    }

    /// The same error with the other side's own words.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        let why = why.into();
        self.0.why = (!why.trim().is_empty()).then(|| why.trim_end().to_owned());
        self
    }

    /// The same error with what the reader can do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fix = Some(fix.into());
        self
    }

    /// The same error at `place`, unless a place nearer to the cause is known.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.0.at.get_or_insert(place);
        self
    }

    /// The same error with one field of the other side.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same error, of a call that is known to have changed nothing.
    #[must_use]
    pub fn unchanged(mut self) -> Self {
        self.0.unchanged = true;
        self
    }

    /// Each of the mistakes that came as one error, by itself.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        let mut first = self.clone();
        first.0.others.clear();
        std::iter::once(first).chain(self.others.iter().cloned())
    }

    /// Whether a script may hold it: its kind may be held, and it does not end the turn.
    #[must_use]
    pub fn is_catchable(&self) -> bool {
        self.kind.is_catchable() && !self.details.contains_key(NOT_BEGUN)
    }

    /// The exit code of a command that ends with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.kind.exit()
    }
}

impl Deref for Error {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    /// Draws the whole error over several lines, without a trailing line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(at) = &self.at {
            write!(f, "\n{}", at.draw(1).trim_end_matches('\n'))?;
        }
        for call in &self.chain {
            let within = call.function.as_ref().map(|name| format!("in `{name}`, ")).unwrap_or_default();
            write!(f, "\n  {within}called from {call}")?;
        }
        if let Some(why) = &self.why {
            write!(f, "\n  why: {}", why.replace('\n', "\n       "))?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "\n  fix: {}", fix.replace('\n', "\n       "))?;
        }
        self.others.iter().try_for_each(|other| write!(f, "\n\n{other}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_draws_place_why_and_fix() {
        let error = Error::remote("postgres.main refused the connection")
            .why("password authentication failed for user \"app\"\n")
            .fix("check `password` of [env.production.postgres.main]")
            .at(Place::new("deploy.rhai", 1, 5).within("let db = postgres(\"main\");"));
        assert_eq!(
            error.to_string(),
            "postgres.main refused the connection\n  --> deploy.rhai:1:5\n  |\n1 | let db = postgres(\"main\");\n  |     ^\n  \
             why: password authentication failed for user \"app\"\n  fix: check `password` of [env.production.postgres.main]"
        );
    }
}
