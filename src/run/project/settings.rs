//! The table of one resource, held against the settings that its family declares.

use std::cell::RefCell;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::keepers::Mention;
use super::named::{Found, Named};
use crate::base::access::ResourceId;
use crate::base::document::{Document, Field, mask, type_of};
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::secret::{PROVIDERS, Reference};
use crate::base::suggest;
use crate::effect::environment::Resource;
use crate::effect::family::Family;

/// The key that every resource has beside its family's settings.
const ACCESS: &str = "access";

/// Reads the table `[place]`, and gives the references and the names of other resources in it too; `None` when something in it is wrong, which is then
/// noted.
pub(super) fn read(
    document: &Document<'_>,
    family: &Family,
    id: ResourceId,
    field: Field<'_, '_>,
    place: &str,
) -> (Option<Resource>, Found) {
    let before = document.mistakes();
    let Some(mut fields) = document.table(field) else { return (None, Found::default()) };
    let access = fields.iter().position(|one| one.name() == ACCESS).map(|index| fields.remove(index));
    let grant = access.map_or(Some(Effect::Read), |one| read_access(document, one));
    let schema = (family.settings.schema)().to_value();
    let (references, named) = (RefCell::default(), RefCell::default());
    let checker = Checker {
        document,
        root: &schema,
        family: family.name,
        place,
        references: &references,
        named: &named,
    };
    checker.table(field, &fields, &schema, true);
    let values: Option<Vec<_>> =
        fields.iter().map(|one| document.json(one.value).map(|value| (*one, value))).collect();
    if let Some(pairs) = values.as_ref().filter(|_| document.mistakes() == before) {
        checker.ask_family(family, field, pairs);
    }
    let mention = |(span, reference)| Mention { resource: id.clone(), span, reference };
    let mentions = references.into_inner().into_iter().map(mention).collect();
    let found = Found { mentions, named: named.into_inner(), ..Found::default() };
    let sound = values.zip(grant).filter(|_| document.mistakes() == before);
    let resource = sound.map(|(pairs, grant)| {
        let settings = pairs.into_iter().map(|(one, value)| (one.name().to_owned(), value));
        Resource { id: id.clone(), grant, settings: Value::Object(settings.collect()) }
    });
    (resource, found)
}

fn read_access(document: &Document<'_>, field: Field<'_, '_>) -> Option<Effect> {
    document.parsed(field, "write", |word| {
        word.parse().map_err(|error: Error| match suggest::nearest(word, ["read", "write", "destroy"]) {
            Some(near) => error.fix(format!("did you mean `{near}`?")),
            None => error,
        })
    })
}

struct Checker<'a> {
    document: &'a Document<'a>,
    root: &'a Value,
    family: &'a str,
    place: &'a str,
    references: &'a RefCell<Vec<(Range<usize>, Reference)>>,
    named: &'a RefCell<Vec<Named>>,
}

impl Checker<'_> {
    /// Holds a table against a schema of an object; `top` is the resource's own table.
    fn table(&self, field: Field<'_, '_>, fields: &[Field<'_, '_>], schema: &Value, top: bool) {
        let none = Map::new();
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        for one in fields {
            match (known.get(one.name()), schema.get("additionalProperties")) {
                (Some(property), _) => self.value(*one, property),
                (None, Some(Value::Bool(false))) => self.unknown(*one, known, top),
                (None, Some(any)) => self.value(*one, any),
                (None, None) => {}
            }
        }
        for name in
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            let is_meant = |one: &Field<'_, '_>| {
                one.name() == name
                    || !known.contains_key(one.name()) && suggest::nearest(one.name(), [name]).is_some()
            };
            if !fields.iter().any(is_meant) {
                let mut error = Error::usage(format!("`{name}` is missing in {}", self.within(field, top)));
                if let Some(about) =
                    known.get(name).and_then(|property| property.get("description")?.as_str())
                {
                    error = error.why(about.lines().next().unwrap_or_default());
                }
                let example = known.get(name).map_or("…".to_owned(), |property| self.example(property));
                self.document.refuse(&field.key.span(), error.fix(format!("add {name} = {example}")));
            }
        }
    }

    fn unknown(&self, field: Field<'_, '_>, known: &Map<String, Value>, top: bool) {
        let own = if top { Some(ACCESS) } else { None };
        let names = known.keys().map(String::as_str).chain(own);
        let error = Error::usage(format!("`{}` is no setting of `{}`", field.name(), self.family));
        let error = error.fix(suggest::advice(field.name(), names));
        let meant =
            suggest::nearest(field.name(), known.keys().map(String::as_str)).and_then(|name| known.get(name));
        if meant.is_some_and(|schema| is_secret(self.resolve(schema))) {
            self.document.refuse_hiding(&field.key.span(), &field.value.span(), error);
        } else {
            self.document.refuse(&field.key.span(), error);
        }
    }

    /// Holds a value against its schema, as far as the schema says; the family itself is asked afterwards.
    fn value(&self, field: Field<'_, '_>, schema: &Value) {
        let schema = self.resolve(schema);
        let choices = choices(schema);
        let value = field.value.get_ref();
        if !fits(value, schema) {
            return self.document.wrong_type(field, described(schema), &self.example(schema));
        }
        match value.as_str() {
            Some(text) if !choices.is_empty() && !choices.contains(&text) => {
                self.no_choice(field, text, &choices)
            }
            _ if is_secret(schema) => self.secret(field),
            Some(text) if may_be_secret(schema) => {
                Reference::find(text).into_iter().for_each(|reference| self.reference(field, reference));
            }
            Some(text) if schema.get("format").is_some_and(|format| format == "resource") => {
                self.named.borrow_mut().push(Named { span: field.value.span(), name: text.to_owned() });
            }
            _ => self.range(field, schema),
        }
        if let (Some(items), Some(item)) = (value.as_array(), schema.get("items")) {
            items.iter().for_each(|value| self.item(Field { key: field.key, value }, item));
        }
        if value.is_table() && kind(schema) == "object" {
            self.table(field, &self.document.table(field).unwrap_or_default(), schema, false);
        }
    }

    /// Holds an element of the array `field.key` against its schema.
    fn item(&self, field: Field<'_, '_>, schema: &Value) {
        let schema = self.resolve(schema);
        if fits(field.value.get_ref(), schema) {
            return self.value(field, schema);
        }
        let (name, wanted, found) = (field.name(), described(schema), type_of(field.value.get_ref()));
        let error = Error::usage(format!("an element of `{name}` is {wanted}, not {found}"));
        self.document.refuse(
            &field.value.span(),
            error.fix(format!("write for example {name} = [{}]", self.example(schema))),
        );
    }

    fn no_choice(&self, field: Field<'_, '_>, text: &str, choices: &[&str]) {
        let error = Error::usage(format!("`{text}` is no choice of `{}`", field.name()));
        self.document.refuse(&field.value.span(), error.fix(suggest::advice(text, choices.iter().copied())));
    }

    /// Refuses a secret that stands in clear.
    fn secret(&self, field: Field<'_, '_>) {
        let text = field.value.get_ref().as_str();
        if let Some(reference) = text.and_then(Reference::find) {
            return self.reference(field, reference);
        }
        let name = field.name();
        let near = text
            .and_then(|text| suggest::nearest(text.split_once(':')?.0, PROVIDERS.iter().copied()))
            .map(|near| format!("did you mean \"{near}:…\"? "));
        let error = Error::usage(format!("the secret `{name}` may not stand in clear in {}", super::FILE))
            .fix(format!(
                "{}put its value elsewhere and refer to it: {name} = \"env:NAME\" or {name} = \"file:PATH\"",
                near.unwrap_or_default()
            ));
        self.document.refuse_hiding(&field.value.span(), &field.value.span(), error);
    }

    fn reference(&self, field: Field<'_, '_>, reference: Reference) {
        match reference.check() {
            Ok(()) => self.references.borrow_mut().push((field.value.span(), reference)),
            Err(error) => self.document.refuse(&field.value.span(), error),
        }
    }

    fn range(&self, field: Field<'_, '_>, schema: &Value) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if bound("minimum").is_none() && bound("maximum").is_none() {
            return;
        }
        let Some(number) = self.document.json(field.value).and_then(|value| value.as_f64()) else { return };
        let (word, limit) = match (bound("minimum"), bound("maximum")) {
            (Some(least), _) if number < least => ("least", least),
            (_, Some(most)) if number > most => ("most", most),
            _ => return,
        };
        let error = Error::usage(format!("`{}` must be at {word} {limit}, not {number}", field.name()));
        self.document.refuse(&field.value.span(), error);
    }

    /// Asks the family about what no schema says, and finds the key at fault: the one without which the answer is another.
    fn ask_family(&self, family: &Family, field: Field<'_, '_>, pairs: &[(Field<'_, '_>, Value)]) {
        let check = |left_out: Option<&str>| {
            let kept = pairs.iter().filter(|(one, _)| Some(one.name()) != left_out);
            (family.settings.check)(&Value::Object(
                kept.map(|(one, value)| (one.name().to_owned(), value.clone())).collect(),
            ))
        };
        let Err(message) = check(None) else { return };
        // Rather one without which all is well than one that has to be there.
        let alone = pairs.iter().find(|(one, _)| check(Some(one.name())).is_ok());
        let other = |(one, _): &&(Field<'_, '_>, Value)| check(Some(one.name())).as_ref() != Err(&message);
        let culprit = alone.or_else(|| pairs.iter().find(other));
        match culprit {
            // A reference is no secret, so what is said of it may be shown.
            Some((one, value)) if mask::is_secret_name(one.name()) && !is_reference(value) => {
                let error = Error::usage(format!(
                    "`{}` has a value that `{}` does not take",
                    one.name(),
                    self.family
                ));
                self.document.refuse_hiding(&one.value.span(), &one.value.span(), error);
            }
            // What stands in clear and shall not is not repeated.
            Some((one, _)) if message.contains(" in clear") => {
                let error = said(Some(one.name()), self.place, &message);
                self.document.refuse_hiding(&one.value.span(), &one.value.span(), error);
            }
            Some((one, _)) => {
                self.document.refuse(&one.value.span(), said(Some(one.name()), self.place, &message))
            }
            None => self.document.refuse(&field.key.span(), said(None, self.place, &message)),
        }
    }

    fn within(&self, field: Field<'_, '_>, top: bool) -> String {
        if top { format!("[{}]", self.place) } else { format!("`{}` of [{}]", field.name(), self.place) }
    }

    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let variants = ["anyOf", "oneOf"].into_iter().find_map(|key| schema.get(key)?.as_array());
        let mut some =
            variants.into_iter().flatten().filter(|one| one.get("type").is_none_or(|kind| kind != "null"));
        match (schema.get("$ref").and_then(Value::as_str), some.next(), some.next()) {
            (Some(path), ..) => {
                self.root.pointer(path.trim_start_matches('#')).map_or(schema, |found| self.resolve(found))
            }
            (None, Some(only), None) => self.resolve(only),
            _ => schema,
        }
    }

    fn example(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        match (kind(schema), choices(schema).first(), schema.get("format").and_then(Value::as_str)) {
            (_, Some(choice), _) => format!("\"{choice}\""),
            ("string", _, Some("secret")) => "\"env:NAME\"".to_owned(),
            ("string", _, Some("duration")) => "\"30s\"".to_owned(),
            ("string", _, Some("resource")) => "\"family.name\"".to_owned(),
            ("integer", ..) => "10".to_owned(),
            ("number", ..) => "1.5".to_owned(),
            ("boolean", ..) => "true".to_owned(),
            ("array", ..) => {
                format!("[{}]", schema.get("items").map_or_else(String::new, |item| self.example(item)))
            }
            ("object", ..) => "{ … }".to_owned(),
            _ => "\"…\"".to_owned(),
        }
    }
}

/// What the family said about `key`, or about the whole table; a fix may follow a semicolon.
fn said(key: Option<&str>, place: &str, message: &str) -> Error {
    let (what, fix) = message.split_once("; ").map_or((message, None), |(what, fix)| (what, Some(fix)));
    let error = Error::usage(match key {
        Some(key) if what.contains(&format!("`{key}`")) => what.to_owned(),
        Some(key) => format!("`{key}`: {what}"),
        None => format!("[{place}]: {what}"),
    });
    match fix {
        Some(fix) => error.fix(fix),
        None => error,
    }
}

/// The type of a schema, `null` aside.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "",
    }
}

/// Whether the value has the type that the schema says. A secret that is no string is refused as a secret.
fn fits(value: &DeValue<'_>, schema: &Value) -> bool {
    match kind(schema) {
        _ if is_secret(schema) => true,
        "string" => value.is_str(),
        "integer" => value.is_integer(),
        "number" => value.is_integer() || value.is_float(),
        "boolean" => value.is_bool(),
        "array" => value.is_array(),
        "object" => value.is_table(),
        _ => choices(schema).is_empty() || value.is_str(),
    }
}

/// Whether a value must be a reference to a secret.
fn is_secret(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "secret")
}

/// Whether a value says only where a secret lies.
fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Reference::find(text).is_some())
}

/// Whether a value may be such a reference, or plain text.
fn may_be_secret(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "text or secret reference")
}

fn described(schema: &Value) -> &'static str {
    match kind(schema) {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "an array",
        "object" => "a table",
        _ => "a string",
    }
}

/// The words that a string may be, when there is a list of them.
fn choices(schema: &Value) -> Vec<&str> {
    let variants = ["oneOf", "anyOf"].into_iter().find_map(|key| schema.get(key)?.as_array());
    let mut words: Vec<&str> = Vec::new();
    for one in variants.into_iter().flatten().chain([schema]) {
        words.extend(one.get("const").and_then(Value::as_str));
        words.extend(
            one.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
    }
    words
}
