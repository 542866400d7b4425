//! Literal arguments of a type that the primitive cannot take.

use rhai::Expr;
use serde_json::Value;

use super::literals;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::resource::ResourceId;
use crate::base::{suggest, text};
use crate::effect::inside::present;
use crate::effect::primitive::Entry;
use crate::effect::store::stays_inside;
use crate::sys::http::path;

impl Walk<'_> {
    /// Holds the literal ones of `values`, by the names of their arguments, against what `entry` takes; `whole` is how
    /// the reader knows it.
    pub(super) fn types<'e>(
        &mut self,
        values: impl Iterator<Item = (&'e String, &'e Expr)>,
        whole: &str,
        entry: &'static Entry,
    ) {
        for (name, value) in values.filter(|(_, value)| is_literal(value)) {
            let schema = self.schema(entry);
            let argument = literals::property(&schema, name);
            if let Expr::StringConstant(words, position) = value
                && let Some(mut error) = unfit(words, &variants(argument, &schema))
            {
                error.what = format!("`{name}` of `{whole}`: {}", error.what);
                self.tell(*position, words.chars().count() + 2, |_| error);
                continue;
            }
            if let Expr::StringConstant(words, position) = value
                && argument.get("format").is_some_and(|format| format == "file of the project")
                && let Err(error) = present(&self.world.session.pipeline.host.project, words)
            {
                let place = self.place(*position, words.chars().count() + 2);
                self.found.absent.push((words.to_string(), error.at(place)));
                continue;
            }
            let (Some(wanted), Some(found)) = (wanted(argument), found(value)) else { continue };
            let fits = wanted.iter().any(|one| *one == found || *one == "number" && found == "integer");
            if !fits {
                let wanted: Vec<&str> = wanted.into_iter().filter(|one| *one != "null").map(spoken).collect();
                let found = spoken(found);
                self.tell(value.start_position(), 1, |_| {
                    let wanted = wanted.join(" or ");
                    Error::usage(format!("`{name}` of `{whole}` takes {wanted}, and this is {found}"))
                        .fix(format!("for example: {}", entry.example))
                });
            } else if let Expr::IntegerConstant(number, position) = value
                && let Some(wanted) = outside(*number, argument)
            {
                self.tell(*position, number.to_string().len(), |_| {
                    Error::usage(format!("`{name}` of `{whole}` must be {wanted}, and this is {number}"))
                });
            }
        }
    }
}

/// What a number must be that is too small or too large for this argument.
fn outside(number: i64, argument: &Value) -> Option<String> {
    let bound = |name: &str| argument.get(name).and_then(Value::as_f64).map(|bound| bound as i64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), _) if number < least => Some(format!("at least {least}")),
        (_, Some(most)) if number > most => Some(format!("at most {most}")),
        _ => None,
    }
}

/// What an argument may be: its schema with references followed and alternatives apart, "nothing" aside.
fn variants<'s>(argument: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(path) = argument.get("$ref").and_then(Value::as_str) {
        let target = path.strip_prefix('#').and_then(|path| schema.pointer(path));
        return target.map_or_else(Vec::new, |target| variants(target, schema));
    }
    let all = ["anyOf", "oneOf"].into_iter().find_map(|key| argument.get(key)?.as_array());
    let Some(all) = all else { return vec![argument] };
    let all = all.iter().filter(|one| one.get("type").is_none_or(|kind| kind != "null"));
    all.flat_map(|one| variants(one, schema)).collect()
}

/// Why a text cannot be any of these, where that can be told.
fn unfit(words: &str, variants: &[&Value]) -> Option<Error> {
    let lists = variants.iter().map(|one| match (one.get("const"), one.get("enum")) {
        (Some(word), _) => Some(vec![word]),
        (_, Some(Value::Array(words))) => Some(words.iter().collect()),
        _ => None,
    });
    if let Some(lists) = lists.collect::<Option<Vec<Vec<&Value>>>>().filter(|lists| !lists.is_empty()) {
        let known: Vec<&str> = lists.into_iter().flatten().filter_map(Value::as_str).collect();
        let is_one = known.contains(&words);
        let wrong = || Error::usage(format!("`{words}` is none of its words"));
        return (!is_one).then(|| wrong().fix(suggest::advice(words, known)));
    }
    let [only] = variants else { return None };
    match only.get("format")?.as_str()? {
        "duration" => text::parse_duration(words).err(),
        "key of a store" => stays_inside(words).err(),
        "path below an address" => path::check(words).err(),
        "resource" => words.parse::<ResourceId>().err().map(|error| {
            error.fix("give the resource itself, as `files(\"backups\")`, or its name as \"files.backups\"")
        }),
        _ => None,
    }
}

/// What JSON calls the types that an argument takes; none where the schema is not as simple as that.
fn wanted(argument: &Value) -> Option<Vec<&str>> {
    match argument.get("type")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

const fn is_literal(value: &Expr) -> bool {
    matches!(
        value,
        Expr::StringConstant(..)
            | Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::BoolConstant(..)
            | Expr::Array(..)
            | Expr::Map(..)
    )
}

/// What JSON calls the type of a literal.
pub(super) const fn found(value: &Expr) -> Option<&'static str> {
    match value {
        Expr::StringConstant(..) => Some("string"),
        Expr::IntegerConstant(..) => Some("integer"),
        Expr::FloatConstant(..) => Some("number"),
        Expr::BoolConstant(..) => Some("boolean"),
        Expr::Array(..) => Some("array"),
        Expr::Map(..) => Some("object"),
        _ => None,
    }
}

/// A type as people call it.
pub(super) fn spoken(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "an array",
        "object" => "a map",
        other => other,
    }
}
