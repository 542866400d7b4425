//! The freezes and the weekly hours of an environment as `playbook.toml` names them.

use jiff::Zoned;
use toml::de::DeValue;

use crate::base::document::{Document, Field, type_of};
use crate::base::error::Error;
use crate::base::moment::{self, Weekly};
use crate::effect::windows::Freeze;

/// The keys of a freeze.
const KEYS: &[&str] = &["from", "to", "reason"];

/// Takes the array of tables `[[env.NAME.freeze]]`.
pub(super) fn freezes(document: &Document<'_>, field: Field<'_, '_>, environment: &str) -> Vec<Freeze> {
    let example = format!("[[env.{environment}.freeze]]");
    let Some(items) = field.value.get_ref().as_array() else {
        let error = Error::usage(format!("`freeze` takes tables, not {}", type_of(field.value.get_ref())));
        document.refuse(&field.value.span(), error.fix(format!("write {example}, once for each")));
        return Vec::new();
    };
    let each = items.iter().filter_map(|value| freeze(document, Field { key: field.key, value }, &example));
    each.collect()
}

fn freeze(document: &Document<'_>, field: Field<'_, '_>, example: &str) -> Option<Freeze> {
    let before = document.mistakes();
    let (mut from, mut to, mut reason) = (None, None, None);
    for one in document.table(field)? {
        match one.name() {
            "from" => from = point(document, one, false),
            "to" => to = point(document, one, true).map(|to| (to, one)),
            "reason" => reason = document.string(one, "the holidays").map(str::to_owned),
            _ => document.unknown(one, "a freeze", KEYS),
        }
    }
    let (Some(from), Some((to, last)), Some(reason)) = (from, to, reason) else {
        // What is wrong was said already; what is missing is not.
        if document.mistakes() == before {
            let error = Error::usage("a freeze needs `from`, `to` and `reason`");
            let fix = format!(
                "for example\n{example}\nfrom = \"2026-12-20\"\nto = \"2027-01-02\"\nreason = \"the holidays\""
            );
            document.refuse(&field.value.span(), error.fix(fix));
        }
        return None;
    };
    if from >= to {
        let error = Error::usage("this freeze ends before it begins");
        document.refuse(&last.value.span(), error.fix("write the later of the two as `to`"));
        return None;
    }
    Some(Freeze { from, to, reason })
}

/// A date or time of TOML, or a text with a time zone.
fn point(document: &Document<'_>, field: Field<'_, '_>, ends: bool) -> Option<Zoned> {
    let text = match field.value.get_ref() {
        DeValue::Datetime(written) => written.to_string(),
        _ => document.string(field, "2026-12-20 18:00 Europe/Berlin")?.to_owned(),
    };
    moment::parse(&text, ends).map_err(|error| document.refuse(&field.value.span(), error)).ok()
}

/// Takes the array `allow` of weekly hours.
pub(super) fn allow(document: &Document<'_>, field: Field<'_, '_>) -> Vec<Weekly> {
    let example = "[\"Mon-Thu 09:00-16:00 Europe/Berlin\"]";
    let Some(items) = field.value.get_ref().as_array() else {
        document.wrong_type(field, "an array", example);
        return Vec::new();
    };
    if items.is_empty() {
        let error = Error::usage("`allow` without any hours would allow nothing");
        document.refuse(&field.value.span(), error.fix(format!("leave it out, or write allow = {example}")));
    }
    let read = |value| {
        let one = Field { key: field.key, value };
        document.parsed(one, "Mon-Thu 09:00-16:00 Europe/Berlin", Weekly::parse)
    };
    items.iter().filter_map(read).collect()
}
