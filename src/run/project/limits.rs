//! The limits of the sandbox as `playbook.toml` names them.

use std::time::Duration;

use crate::base::document::{Document, Field};
use crate::base::error::Error;
use crate::base::text;
use crate::effect::environment::Limits;

/// One limit that `[env.NAME.limits]` may set.
#[derive(Debug)]
pub struct Limit {
    /// Its key.
    pub name: &'static str,
    /// What it bounds, in a few words.
    pub about: &'static str,
    /// How it is written.
    pub unit: Unit,
    /// The greatest value that can be held to: more would end the process instead of the run.
    pub most: u64,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

/// How a limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `"45m"`; kept in milliseconds.
    Duration,
    /// `"256 MiB"`; kept in bytes.
    Size,
    /// `1000`.
    Count,
}

impl Limit {
    /// Its default as one writes it.
    #[must_use]
    pub fn default(&self) -> String {
        let value = (self.get)(&Limits::default());
        match self.unit {
            Unit::Duration => format!("\"{}\"", text::write_duration(Duration::from_millis(value))),
            Unit::Size => format!("\"{}\"", text::write_size(value)),
            Unit::Count => value.to_string(),
        }
    }
}

macro_rules! count {
    ($name:ident, $most:expr, $about:expr) => {
        Limit {
            name: stringify!($name),
            about: $about,
            unit: Unit::Count,
            most: $most,
            get: |limits| limits.$name as u64,
            set: |limits, value| limits.$name = value.try_into().unwrap_or(limits.$name),
        }
    };
}

macro_rules! size {
    ($name:ident, $about:expr) => {
        Limit {
            name: stringify!($name),
            about: $about,
            unit: Unit::Size,
            most: u64::MAX,
            get: |limits| limits.$name,
            set: |limits, value| limits.$name = value,
        }
    };
}

/// Every limit, in the order of the manual.
pub const LIMITS: &[Limit] = &[
    Limit {
        name: "timeout",
        about: "how long a run may take; the header's `timeout` may only shorten it",
        unit: Unit::Duration,
        most: u64::MAX,
        get: |limits| u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX),
        set: |limits, value| limits.timeout = Duration::from_millis(value),
    },
    size!(memory, "what a run may allocate"),
    count!(operations, u64::MAX, "operations of the script"),
    count!(call_depth, 512, "how deep functions may call each other"),
    count!(expression_depth, 512, "how deep expressions may nest"),
    size!(string, "the length of a string"),
    count!(array, u64::MAX, "the elements of an array"),
    count!(map, u64::MAX, "the properties of a map"),
    count!(variables, u64::MAX, "the variables in scope"),
    count!(modules, u64::MAX, "the modules imported"),
    size!(source, "the size of a source file"),
];

/// Takes the table `[env.NAME.limits]`.
pub(super) fn read(document: &Document<'_>, field: Field<'_, '_>) -> Limits {
    let mut limits = Limits::default();
    for one in document.table(field).unwrap_or_default() {
        match LIMITS.iter().find(|limit| limit.name == one.name()) {
            Some(limit) => take(document, one, limit, &mut limits),
            None => {
                document.unknown(one, "`limits`", &LIMITS.iter().map(|limit| limit.name).collect::<Vec<_>>())
            }
        }
    }
    limits
}

fn take(document: &Document<'_>, field: Field<'_, '_>, limit: &Limit, limits: &mut Limits) {
    let value = match limit.unit {
        Unit::Duration => {
            document.duration(field).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        }
        Unit::Size => document.size(field),
        Unit::Count => document.integer(field, 1000).map(|count| u64::try_from(count).unwrap_or(0)),
    };
    match value {
        // The script engine takes 0 as "without limit".
        Some(0) => {
            let error = Error::usage(format!("the limit `{}` must be greater than nothing", limit.name));
            document.refuse(&field.value.span(), error.fix(format!("the default is {}", limit.default())));
        }
        Some(value) if value > limit.most => {
            let error = Error::usage(format!("the limit `{}` may be at most {}", limit.name, limit.most));
            document.refuse(&field.value.span(), error.fix("deeper scripts are better written as loops"));
        }
        Some(value) => (limit.set)(limits, value),
        None => {}
    }
}
