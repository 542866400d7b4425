//! The arguments of a call as JSON, as far as they are literal, completed so that the primitive can tell what it needs.

use rhai::Expr;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::verbs::Arguments;
use crate::effect::options::SHARED;
use crate::script::session::Signature;

/// The family of a resource that is not known.
pub(super) const UNKNOWN: &str = "unknown";

/// Whether the last value of a call, a map, is the value of the argument at its place and no named options.
pub(super) fn is_value(signature: &Signature, place: usize, last: &Expr, kind: &Kind) -> bool {
    signature.takes_map_at(place, |name| match (last, kind) {
        (Expr::Map(map, _), _) => map.0.iter().any(|(key, _)| key.name == name),
        (_, Kind::Map(fields)) => fields.contains_key(name),
        _ => false,
    })
}

/// The arguments of a call by name, without the shared options: what is literal by its value, handles by their names,
/// required ones and other computed ones by something of their type. Second, the same without the computed ones that may be
/// left out; third, with nothing but the handles.
pub(super) fn guesses(
    arguments: Arguments<'_>,
    schema: &Value,
    signature: &Signature,
) -> [Map<String, Value>; 3] {
    let named = by_name(arguments, signature);
    let known =
        |(name, expression, kind): &(String, &Expr, Kind)| Some((name.clone(), value(expression, kind)?));
    let whole: Map<String, Value> = named.iter().filter_map(known).collect();
    let handles = named.iter().filter(|(_, _, kind)| matches!(kind, Kind::Handles(_)));
    let handles: Map<String, Value> = handles.filter_map(known).collect();
    let mut computed = whole.clone();
    for (name, _, _) in &named {
        if !computed.contains_key(name) {
            computed.insert(name.clone(), placeholder(property(schema, name), schema));
        }
    }
    [computed, whole, handles].map(|mut given| {
        for (name, _) in signature.iter().filter(|(_, required)| *required) {
            if !given.contains_key(name) {
                given.insert(name.clone(), placeholder(property(schema, name), schema));
            }
        }
        given
    })
}

/// Whether a yes or no among the arguments of a call is computed, and may be either.
pub(super) fn may_be_either(arguments: Arguments<'_>, schema: &Value, signature: &Signature) -> bool {
    let is_either = |(name, expression, kind): &(String, &Expr, Kind)| {
        value(expression, kind).is_none() && placeholder(property(schema, name), schema).is_boolean()
    };
    by_name(arguments, signature).iter().any(is_either)
}

fn by_name<'e>((values, kinds): Arguments<'e>, signature: &Signature) -> Vec<(String, &'e Expr, Kind)> {
    let mut named = Vec::new();
    let is_value =
        |last: &Expr, place: usize| is_value(signature, place, last, kinds.last().unwrap_or(&Kind::Unknown));
    let positional = match values.split_last() {
        Some((last @ Expr::Map(map, _), rest)) if !is_value(last, rest.len()) => {
            let fields = match kinds.last() {
                Some(Kind::Map(fields)) => Some(fields),
                _ => None,
            };
            for (key, value) in &map.0 {
                let kind = fields.and_then(|fields| fields.get(key.name.as_str())).cloned();
                named.push((key.name.to_string(), value, kind.unwrap_or(Kind::Unknown)));
            }
            rest
        }
        _ => values,
    };
    for ((value, kind), (name, _)) in positional.iter().zip(kinds).zip(signature.iter()) {
        named.push((name.clone(), value, kind.clone()));
    }
    named.retain(|(name, _, _)| !SHARED.iter().any(|(shared, _)| shared == name));
    named
}

fn value(expression: &Expr, kind: &Kind) -> Option<Value> {
    if let Kind::Handles(targets) = kind {
        let name = match targets.first().and_then(|target| target.id()) {
            Some(id) if targets.len() == 1 => id.to_string(),
            _ => format!("{UNKNOWN}.{UNKNOWN}"),
        };
        return Some(Value::String(name));
    }
    literal(expression)
}

/// The value of a literal; none when any part of it is computed.
pub(super) fn literal(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::BoolConstant(yes, _) => Some(json!(yes)),
        Expr::IntegerConstant(number, _) => Some(json!(number)),
        Expr::FloatConstant(number, _) => Some(json!(**number)),
        Expr::StringConstant(text, _) => Some(json!(text.as_str())),
        Expr::Array(items, _) => items.iter().map(literal).collect::<Option<Vec<_>>>().map(Value::Array),
        Expr::Map(map, _) => {
            let fields = map.0.iter().map(|(key, value)| Some((key.name.to_string(), literal(value)?)));
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    }
}

/// What the schema says of an argument.
pub(super) fn property<'s>(schema: &'s Value, name: &str) -> &'s Value {
    schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null)
}

/// Any value that an argument takes.
fn placeholder(argument: &Value, schema: &Value) -> Value {
    if let Some(path) = argument.get("$ref").and_then(Value::as_str) {
        let target = path.strip_prefix('#').and_then(|path| schema.pointer(path)).cloned();
        return target.map_or(Value::Null, |target| placeholder(&target, schema));
    }
    if let Some(first) = argument.get("enum").and_then(|all| all.get(0)).or_else(|| argument.get("const")) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = argument.get(choice).and_then(|all| all.get(0)) {
            return placeholder(first, schema);
        }
    }
    let kind = match argument.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("string" | "null") | None => match argument.get("format").and_then(Value::as_str) {
            Some("resource") => json!(format!("{UNKNOWN}.{UNKNOWN}")),
            Some("duration") => json!("1s"),
            _ => json!("x"),
        },
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some(_) => json!({}),
    }
}
