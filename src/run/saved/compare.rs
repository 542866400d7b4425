//! What moved between a plan as it was saved and as it is now, in words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::text::headline;
use crate::run::plan::{Change, Plan, Read};

/// As much of a value as is shown.
const SHOWN: usize = 60;
/// So many moved things are named.
const NAMED: usize = 20;

/// What moved of that which is known without reading any system.
pub(super) fn known(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut moved = differing(&saved.scripts, &now.scripts, |name| format!("the script {name}"));
    moved.extend(differing(&saved.resources, &now.resources, |name| {
        format!("[env.{}.{name}] of playbook.toml", saved.environment)
    }));
    moved
}

fn differing(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    named: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut moved = Vec::new();
    for (name, hash) in before {
        match now.get(name) {
            None => moved.push(format!("{} is not there any more", named(name))),
            Some(other) if other != hash => moved.push(format!("{} was edited", named(name))),
            Some(_) => {}
        }
    }
    let new = now.keys().filter(|name| !before.contains_key(*name));
    moved.extend(new.map(|name| format!("{} is new", named(name))));
    moved
}

/// What moved in the systems: other values are read, other changes would be made.
pub(super) fn seen(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut moved = Vec::new();
    for (position, read) in &saved.reads {
        match now.reads.get(position) {
            Some(other) if other.call == read.call && other.digest == read.digest => {
                moved.extend(values(read, &other.value));
            }
            Some(other) => {
                moved.push(format!("`{}` is read where it was `{}` ({})", other.call, read.call, read.what))
            }
            None => moved.push(format!("`{}` is not read any more ({})", read.call, read.what)),
        }
    }
    for (position, change) in &saved.changes {
        match now.changes.get(position) {
            Some(other) if is_planned(change, other) => {}
            Some(other) if other.what == change.what && other.call == change.call => {
                moved.push(match change.has(other.content.as_deref()) {
                    true => format!("it would {}, as the plan says, but with other arguments", other.what),
                    false => format!("what it takes from its files was edited: {}", change.what),
                });
            }
            Some(other) => moved.push(format!("it would {}, and the plan says: {}", other.what, change.what)),
            None => moved.push(format!("it would not {} any more", change.what)),
        }
    }
    let more = |position: &&String| !saved.changes.contains_key(*position);
    let new = now.changes.iter().filter(|(position, _)| more(position));
    moved.extend(new.map(|(_, change)| format!("it would also {}", change.what)));
    if moved.is_empty() && saved.horizon != now.horizon {
        moved.push("what can be told of the run before it is made".to_owned());
    }
    let more = moved.len().saturating_sub(NAMED);
    moved.truncate(NAMED);
    if more > 0 {
        moved.push(format!("and {more} more"));
    }
    moved
}

/// Whether a change would be what was planned. Where its arguments are not held, the words that tell them are not either.
fn is_planned(change: &Change, other: &Change) -> bool {
    let is_told = change.digest.is_empty() || change.what == other.what;
    is_told && change.is_it(&other.call, &other.digest) && change.has(other.content.as_deref())
}

fn values(read: &Read, now: &Value) -> Option<String> {
    let held = |path: &String| {
        !read.unsteady.iter().any(|loose| path == loose || path.starts_with(&format!("{loose}/")))
    };
    let path = paths(&read.value, now).into_iter().find(held)?;
    let at = |value: &Value| shown(value.pointer(&path).unwrap_or(&Value::Null));
    let within = if path.is_empty() { String::new() } else { format!(" `{}`", path.trim_start_matches('/')) };
    Some(format!("`{}` ({}):{within} was {}, is {}", read.call, read.what, at(&read.value), at(now)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("“{}”", headline(text, SHOWN)),
        other => headline(&other.to_string(), SHOWN),
    }
}

/// The paths (as in JSON pointers) of the smallest parts that differ.
pub(super) fn paths(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(one, other, String::new(), &mut found);
    found
}

fn collect(one: &Value, other: &Value, path: String, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
                // How long something took is never the same twice.
                if name.ends_with("_ms") {
                    continue;
                }
                let part = name.replace('~', "~0").replace('/', "~1");
                let null = Value::Null;
                let (one, other) = (one.get(name).unwrap_or(&null), other.get(name).unwrap_or(&null));
                collect(one, other, format!("{path}/{part}"), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                collect(one, other, format!("{path}/{index}"), found);
            }
        }
        _ if !is_same(one, other) => found.push(path),
        _ => {}
    }
}

/// Whether two values are the same; of numbers that were written down, the last digit may have changed.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-12 * one.abs().max(other.abs()),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_smallest_part_that_moved_is_named_and_what_never_holds_still_is_not() {
        let read = Read {
            call: "http.api.get".to_owned(),
            digest: String::new(),
            what: "get `/`".to_owned(),
            value: json!({ "status": 200, "took": 3, "body": { "a/b": [1, 2] } }),
            unsteady: vec!["/took".to_owned()],
        };
        assert_eq!(
            values(&read, &json!({ "status": 200, "took": 5, "wait_ms": 3, "body": { "a/b": [1, 2] } })),
            None
        );
        assert_eq!(
            values(&read, &json!({ "status": 200, "took": 5, "body": { "a/b": [1, 3] } })).unwrap(),
            "`http.api.get` (get `/`): `body/a~1b/1` was 2, is 3"
        );
        assert_eq!(
            values(&read, &json!({ "took": 5, "body": { "a/b": [1, 2] } })).unwrap(),
            "`http.api.get` (get `/`): `status` was 200, is nothing"
        );
        assert_eq!(paths(&json!("a"), &json!([1])), [""]);
    }
}
