//! `playbook definitions`: every family and primitive as Rhai definitions, which editors read for completion and types.

use serde_json::Value;

use super::assist::WORDS;
use super::docs::fields::folded;
use crate::effect::family::{Families, Family};
use crate::effect::primitive::Entry;

/// Where they are written, from the project's folder.
pub const FILE: &str = ".rhai/playbook.d.rhai";

/// The definitions.
#[must_use]
pub fn definitions(families: Families) -> String {
    let mut parts = vec!["module static;".to_owned(), forms()];
    parts.extend(families.iter().map(|family| one(family)));
    parts.join("\n\n") + "\n"
}

/// The functions of the language.
fn forms() -> String {
    let known = [
        ("now", "fn now() -> String;"),
        ("wait", "fn wait(duration: String);"),
        ("wait_until", "fn wait_until(time: String);"),
        ("log", "fn log(what: ?);"),
        ("fail", "fn fail(what: String);"),
        ("seconds", "fn seconds(duration: String) -> float;"),
        ("parallel", "fn parallel(branches: Array) -> Array;"),
        ("gate", "fn gate(name: String, options: Map) -> Map;"),
    ];
    let about = |name: &str| {
        WORDS.iter().find(|(word, _)| *word == name).map(|(_, about)| *about).unwrap_or_default()
    };
    let lines = known.map(|(name, line)| format!("{}{line}", comment(about(name))));
    lines.join("\n\n")
}

fn one(family: &Family) -> String {
    let kind = kind_of(family);
    let name = if family.name == "journal" { "" } else { "name: String" };
    let mut parts = vec![format!("{}fn {}({name}) -> {kind};", comment(&folded(family.about)), family.name)];
    parts.extend(family.entries.iter().map(|entry| verb(&kind, entry)));
    parts.join("\n\n")
}

fn verb(kind: &str, entry: &Entry) -> String {
    let schema = (entry.schema)();
    let about = schema.get("description").and_then(Value::as_str).map(folded).unwrap_or_default();
    let (must, may): (Vec<_>, Vec<_>) = entry.arguments().into_iter().partition(|(_, required)| *required);
    let typed = |(name, _): &(String, bool)| {
        let field = schema.get("properties").and_then(|all| all.get(name));
        let kind = match field.and_then(|field| field.get("type")).and_then(Value::as_str) {
            Some("string") => "String",
            Some("integer") => "int",
            Some("number") => "float",
            Some("boolean") => "bool",
            Some("array") => "Array",
            Some("object") => "Map",
            _ => "?",
        };
        format!("{name}: {kind}")
    };
    let must: Vec<String> = std::iter::once(format!("this: {kind}")).chain(must.iter().map(typed)).collect();
    let may: Vec<&str> = may.iter().map(|(name, _)| name.as_str()).collect();
    let options = if may.is_empty() { String::new() } else { format!("\n\nOptions: {}", may.join(", ")) };
    let text = format!("{about}{options}\n\n`{}` · for example: `{}`", entry.effect.word(), entry.example);
    let plain = format!("{}fn {}({}) -> ?;", comment(&text), entry.name, must.join(", "));
    let with = format!("fn {}({}, options: Map) -> ?;", entry.name, must.join(", "));
    format!("{plain}\n{with}")
}

fn kind_of(family: &Family) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    family.name.split('_').map(part).collect()
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect()
}
