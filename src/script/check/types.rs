//! Literal arguments of a type that the primitive cannot take.

use rhai::Expr;
use serde_json::Value;

use super::literals;
use super::walk::Walk;
use crate::base::error::Error;
use crate::effect::primitive::Entry;

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
            }
        }
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

const fn found(value: &Expr) -> Option<&'static str> {
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

fn spoken(kind: &str) -> &str {
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
