//! The fields of a settings table or of a primitive's arguments, as rows of a Markdown table.

use schemars::Schema;
use serde_json::{Map, Value};

/// A struct by its schema.
pub(in crate::front) struct Fields {
    schema: Value,
}

impl Fields {
    /// The struct of that schema.
    pub(in crate::front) fn of(schema: Schema) -> Self {
        Self { schema: schema.to_value() }
    }

    /// The struct's own doc comment.
    pub(in crate::front) fn about(&self) -> String {
        self.schema.get("description").and_then(Value::as_str).map(folded).unwrap_or_default()
    }

    /// A table with a row for each field; empty when there is none. `what` heads the names.
    pub(in crate::front) fn table(&self, what: &str) -> String {
        let rows = self.rows();
        if rows.is_empty() {
            return String::new();
        }
        let mut lines = vec![row([what, "type", "default", ""]), row(["---"; 4])];
        let drawn = rows.iter().map(|[name, kind, default, about]| {
            let default = if default.is_empty() || default == "required" {
                default.clone()
            } else {
                format!("`{default}`")
            };
            row([&format!("`{name}`"), kind, &default, about])
        });
        lines.extend(drawn);
        lines.join("\n")
    }

    /// The fields in their order: name, type, default (or `required`), and what it is.
    pub(in crate::front) fn rows(&self) -> Vec<[String; 4]> {
        let none = Map::new();
        let fields = self.schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = self
            .schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut rows = Vec::new();
        for (name, field) in fields {
            let default = match field.get("default") {
                _ if required.contains(&name.as_str()) => "required".to_owned(),
                None => String::new(),
                Some(none) if is_empty(none) => String::new(),
                Some(default) => default.to_string(),
            };
            rows.push([name.clone(), self.kind(field), default, self.doc(field)]);
        }
        rows
    }

    /// The field's doc comment, and those of its choices, unless it speaks of them itself.
    fn doc(&self, field: &Value) -> String {
        let own = field.get("description").and_then(Value::as_str).map(folded).unwrap_or_default();
        let own = own.replace("\n\n", " ");
        let choices = variants(self.resolve(field)).into_iter().filter_map(|choice| {
            let name = format!("`{}`", choice.get("const")?.as_str()?);
            let about = folded(choice.get("description")?.as_str()?);
            (!own.contains(&name)).then(|| format!("{name}: {}", about.trim_end_matches('.')))
        });
        let choices: Vec<String> = choices.collect();
        match (own.is_empty(), choices.is_empty()) {
            (_, true) => own,
            (true, false) => choices.join("; "),
            (false, false) => format!("{}. {}", own.trim_end_matches('.'), choices.join("; ")),
        }
    }

    /// The type in words.
    fn kind(&self, field: &Value) -> String {
        let field = self.resolve(field);
        let words = choices(field);
        if !words.is_empty() {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        }
        let format = field.get("format").and_then(Value::as_str);
        match type_of(field) {
            "string" => match format {
                Some("resource") => "resource".to_owned(),
                Some("duration") => "duration".to_owned(),
                Some("secret") => "secret reference".to_owned(),
                Some("text or secret reference") => "text or secret reference".to_owned(),
                _ => "text".to_owned(),
            },
            "integer" => "whole number".to_owned(),
            "number" => "number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => match field.get("items").map(|item| self.kind(item)) {
                Some(kind) if kind != "anything" => format!("array of {kind}"),
                _ => "array".to_owned(),
            },
            "object" => match field.get("additionalProperties").filter(|any| any.is_object()) {
                Some(any) => format!("map of {}", self.kind(any)),
                None => self.shape(field),
            },
            _ => match variants(field).iter().map(|one| self.kind(one)).collect::<Vec<_>>() {
                kinds if kinds.is_empty() => "anything".to_owned(),
                kinds => kinds.join(" or "),
            },
        }
    }

    /// A map whose fields are known: `#{ pattern, most }`.
    fn shape(&self, field: &Value) -> String {
        let names = field
            .get("properties")
            .and_then(Value::as_object)
            .map(|fields| fields.keys().cloned().collect::<Vec<_>>());
        match names {
            Some(names) if !names.is_empty() => format!(
                "map of {}",
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
            _ => "map".to_owned(),
        }
    }

    /// The schema that is meant: references followed, and an option's "or nothing" taken away.
    fn resolve<'s>(&'s self, field: &'s Value) -> &'s Value {
        if let Some(path) = field.get("$ref").and_then(Value::as_str) {
            return self
                .schema
                .pointer(path.trim_start_matches('#'))
                .map_or(field, |found| self.resolve(found));
        }
        match variants(field).as_slice() {
            [only] => self.resolve(only),
            _ => field,
        }
    }
}

/// Whether a default is no more than "nothing".
fn is_empty(value: &Value) -> bool {
    value.is_null()
        || value.as_str().is_some_and(str::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty)
}

/// The alternatives of a schema, "nothing" aside.
fn variants(field: &Value) -> Vec<&Value> {
    let all = ["anyOf", "oneOf"].into_iter().find_map(|key| field.get(key)?.as_array());
    all.into_iter().flatten().filter(|one| one.get("type").is_none_or(|kind| kind != "null")).collect()
}

/// The words that a text may be, where there is a list of them.
fn choices(field: &Value) -> Vec<&str> {
    let mut words = Vec::new();
    for one in variants(field).into_iter().chain([field]) {
        words.extend(one.get("const").and_then(Value::as_str));
        words.extend(
            one.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
    }
    words
}

fn type_of(field: &Value) -> &str {
    match field.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "",
    }
}

/// A doc comment with its line ends folded, paragraphs kept.
pub(in crate::front) fn folded(text: &str) -> String {
    text.split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// A row of a Markdown table.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}
