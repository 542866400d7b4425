//! How fast time passes in an environment, as `playbook.toml` says: `time_scale = 0.0001`, or `clock = { "24h" = "2s" }`.

use std::time::Duration;

use crate::base::document::{Document, Field};
use crate::base::error::{Error, Result};
use crate::base::pace::Pace;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::environment::Environment;

/// Takes one of the two over into the environment; both at once are a mistake.
pub(super) fn read(document: &Document<'_>, environment: &mut Environment, field: Field<'_, '_>) {
    let pace = if field.name() == "clock" { table(document, field) } else { factor(document, field) };
    if !environment.pace.is_real() {
        let error = Error::usage("`time_scale` and `clock` both say how fast time passes");
        document.refuse(&field.key.span(), error.fix("keep one of them"));
    }
    environment.pace = pace.unwrap_or_default();
}

fn factor(document: &Document<'_>, field: Field<'_, '_>) -> Option<Pace> {
    let number = document.json(field.value)?.as_f64();
    let Some(scale) = number.filter(|scale| *scale > 0.0 && *scale <= 1.0) else {
        let error = Error::usage("`time_scale` takes a number above 0 and at most 1");
        let fix = "write for example time_scale = 0.0001: a wait of a day then takes 8.64s";
        document.refuse(&field.value.span(), error.fix(fix));
        return None;
    };
    Some(if scale < 1.0 { Pace::Factor(scale) } else { Pace::Real })
}

fn table(document: &Document<'_>, field: Field<'_, '_>) -> Option<Pace> {
    let mut points = Vec::new();
    for one in document.table(field)? {
        let here = document.parsed(one, "2s", parse_duration)?;
        match parse_duration(one.name()) {
            Ok(asked) => points.push((asked, here)),
            Err(error) => document.refuse(&one.key.span(), error),
        }
    }
    points.sort_unstable();
    match grows(&points) {
        Ok(()) => Some(Pace::Table(points)),
        Err(error) => {
            document.refuse(&field.value.span(), error);
            None
        }
    }
}

/// Whether each example takes longer than the one before it, and none longer than it says.
fn grows(points: &[(Duration, Duration)]) -> Result<()> {
    let example = "write for example clock = { \"15m\" = \"1s\", \"24h\" = \"3s\" }: what is asked for, and how long it takes here";
    let mut before = (Duration::ZERO, Duration::ZERO);
    for point in points {
        let (asked, here) = (show_duration(point.0), show_duration(point.1));
        if point.1 > point.0 {
            return Err(Error::usage(format!("`clock` makes {asked} longer: {here}")).fix(example));
        }
        if point.0 <= before.0 || point.1 <= before.1 {
            let what = format!("`clock` lets {asked} take {here}, which is no longer than what is shorter");
            return Err(Error::usage(what).fix(example));
        }
        before = *point;
    }
    if points.is_empty() { Err(Error::usage("`clock` is empty").fix(example)) } else { Ok(()) }
}
