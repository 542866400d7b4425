//! A parameter of a playbook: its type, and what values it takes.

use serde_json::{Number, Value};

use crate::base::document::{Document, Field};
use crate::base::error::{Error, Result};
use crate::base::place::Place;
use crate::base::secret::{PROVIDERS, Reference};
use crate::base::{suggest, text};

/// The keys of a parameter that is written as a table.
const KEYS: &[&str] = &["type", "default", "about", "choices", "pattern", "min", "max", "secret"];

/// What sort of value a parameter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Type {
    /// Text; a string in the script.
    #[default]
    String,
    /// A whole number.
    Int,
    /// A number, with or without a fraction.
    Float,
    /// `true` or `false`.
    Bool,
    /// A duration such as `30s`; the same string in the script, as primitives take it.
    Duration,
    /// A size such as `5 MiB`; a whole number of bytes in the script.
    Size,
    /// Several texts, separated by commas on the command line; an array of strings in the script.
    List,
}

impl Type {
    /// Every type with its word, in the order of the manual.
    pub const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("int", Self::Int),
        ("float", Self::Float),
        ("bool", Self::Bool),
        ("duration", Self::Duration),
        ("size", Self::Size),
        ("list", Self::List),
    ];

    /// The word in a header.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }

    /// A value as one writes it on the command line.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::String => "`--set color=blue`",
            Self::Int => "`--set count=3`",
            Self::Float => "`--set share=0.5`",
            Self::Bool => "`--set fast=true`",
            Self::Duration => "`--set wait=15m`",
            Self::Size => "`--set most=\"5 MiB\"`",
            Self::List => "`--set hosts=a,b,c`",
        }
    }

    /// What the script gets of it.
    #[must_use]
    pub const fn in_script(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "`true` or `false`",
            Self::Duration => "the same string, as primitives take it",
            Self::Size => "a whole number of bytes",
            Self::List => "an array of strings",
        }
    }

    /// The type with its article and an example, for "takes …".
    const fn described(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "a whole number, such as 3",
            Self::Float => "a number, such as 0.5",
            Self::Bool => "`true` or `false`",
            Self::Duration => "a duration, such as 30s or 5m",
            Self::Size => "a size, such as 64 KiB or 2 GiB",
            Self::List => "a list, such as a,b,c",
        }
    }

    fn find(word: &str) -> Result<Self> {
        let words = Self::ALL.iter().map(|(word, _)| *word);
        Self::ALL.iter().find(|(have, _)| *have == word).map(|(_, one)| *one).ok_or_else(|| {
            let error = Error::usage(format!("`{word}` is no type of a parameter"));
            match suggest::nearest(word, words.clone()) {
                Some(near) => error.fix(format!("did you mean `{near}`?")),
                None => error.fix(format!("choose one of {}", suggest::list(words))),
            }
        })
    }

    /// The value as the script gets it; `None` when it is of another type. Text from the command line is read.
    fn convert(self, value: &Value) -> Option<Value> {
        let text = value.as_str().map(str::trim);
        match self {
            Self::String => value.as_str().map(Into::into),
            Self::Int => value.as_i64().or_else(|| text?.parse().ok()).map(Into::into),
            Self::Float => {
                let number = value.as_f64().or_else(|| text?.parse().ok())?;
                Number::from_f64(number).map(Value::Number)
            }
            Self::Bool => value.as_bool().or_else(|| text?.parse().ok()).map(Into::into),
            Self::Duration => text.filter(|text| text::parse_duration(text).is_ok()).map(Into::into),
            Self::Size => value.as_u64().or_else(|| text::parse_size(text?).ok()).map(Into::into),
            Self::List => match value {
                Value::Array(items) => items.iter().all(Value::is_string).then(|| value.clone()),
                Value::String(text) if text.is_empty() => Some(Value::Array(Vec::new())),
                Value::String(text) => Some(text.split(',').map(|item| Value::from(item.trim())).collect()),
                _ => None,
            },
        }
    }
}

/// Something that must or may be given to a run.
#[derive(Clone, Debug, Default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What sort of value it takes.
    pub kind: Type,
    /// What it is for.
    pub about: Option<String>,
    /// Its value when none is given; without one it must be given.
    pub default: Option<Value>,
    /// The values it may have; empty for any.
    pub choices: Vec<Value>,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// The least value of a number, duration or size.
    pub min: Option<Value>,
    /// The greatest value of a number, duration or size.
    pub max: Option<Value>,
    /// Whether it takes a reference to a secret (`env:NAME`) and no value in clear.
    pub secret: bool,
    /// Where the header names it.
    pub at: Place,
}

impl Parameter {
    /// Whether the value looks like that of a parameter.
    pub(super) fn is_one(field: Field<'_, '_>) -> bool {
        let value = field.value.get_ref();
        value.is_table() || value.as_str().is_some_and(|word| Type::find(word).is_ok())
    }

    /// Reads `name = "string"` or `name = { type = …, … }`; mistakes are noted.
    pub(super) fn read(document: &Document<'_>, field: Field<'_, '_>) -> Option<Self> {
        let mut parameter =
            Self { name: field.name().to_owned(), at: document.place(&field.key.span()), ..Self::default() };
        if field.value.get_ref().is_str() {
            parameter.kind = document.parsed(field, "string", Type::find)?;
            return Some(parameter);
        }
        if !field.value.get_ref().is_table() {
            document.wrong_type(field, "a type or a table", "\"string\"");
            return None;
        }
        let fields = document.table(field)?;
        let before = document.mistakes();
        match fields.iter().find(|one| one.name() == "type") {
            Some(kind) => parameter.kind = document.parsed(*kind, "string", Type::find)?,
            None if fields.iter().any(|one| one.name() == "default") => {}
            None => {
                let error = Error::usage(format!("the parameter `{}` has no type", field.name()));
                document.refuse(&field.key.span(), error.fix("add type = \"string\", or a default"));
                return None;
            }
        }
        // The bounds come before the default, which is held against them.
        let (late, early): (Vec<_>, Vec<_>) = fields.into_iter().partition(|one| one.name() == "default");
        early.into_iter().chain(late).for_each(|one| parameter.take(document, one));
        (document.mistakes() == before).then_some(parameter)
    }

    fn take(&mut self, document: &Document<'_>, field: Field<'_, '_>) {
        match field.name() {
            "type" => {}
            "about" => self.about = document.string(field, "what it is for").map(str::to_owned),
            "secret" => self.secret = document.boolean(field).unwrap_or_default(),
            "pattern" => self.pattern = document.parsed(field, "[0-9]+", |text| self.check_pattern(text)),
            "choices" => match field.value.get_ref().as_array() {
                Some(items) => {
                    self.choices = items.iter().filter_map(|item| self.typed(document, item)).collect()
                }
                None => document.wrong_type(field, "an array", "[\"blue\", \"green\"]"),
            },
            "min" => self.min = self.bound(document, field),
            "max" => self.max = self.bound(document, field),
            "default" => {
                let Some(value) = document.json(field.value) else { return };
                match self.accept(&value) {
                    Ok(value) => self.default = Some(value),
                    Err(error) if self.secret => {
                        document.refuse_hiding(&field.value.span(), &field.value.span(), error)
                    }
                    Err(error) => document.refuse(&field.value.span(), error),
                }
            }
            _ => document.unknown(field, "a parameter", KEYS),
        }
    }

    fn check_pattern(&self, pattern: &str) -> Result<String> {
        if self.kind != Type::String && self.kind != Type::List {
            return Err(Error::usage(format!(
                "`pattern` is for a string or a list, not for {}",
                self.kind.word()
            )));
        }
        match regex_lite::Regex::new(pattern) {
            Ok(_) => Ok(pattern.to_owned()),
            Err(why) => {
                Err(Error::usage(format!("`{pattern}` is no regular expression")).why(why.to_string()))
            }
        }
    }

    fn bound(&self, document: &Document<'_>, field: Field<'_, '_>) -> Option<Value> {
        if matches!(self.kind, Type::String | Type::Bool | Type::List) {
            let what = format!(
                "`{}` is for a number, a duration or a size, not for {}",
                field.name(),
                self.kind.word()
            );
            document.refuse(&field.key.span(), Error::usage(what).fix("leave it out"));
            return None;
        }
        self.typed(document, field.value)
    }

    fn typed(&self, document: &Document<'_>, value: &crate::base::document::Value<'_>) -> Option<Value> {
        let json = document.json(value)?;
        let converted = self.kind.convert(&json);
        if converted.is_none() {
            document.refuse(&value.span(), self.wrong_type(&json));
        }
        converted
    }

    /// The value as the script gets it, or why the parameter does not take it.
    pub fn accept(&self, value: &Value) -> Result<Value> {
        if self.secret && value.as_str().and_then(Reference::find).is_none() {
            return Err(Error::usage(format!(
                "the parameter `{}` is a secret and takes no value in clear",
                self.name
            ))
            .fix(format!(
                "give a reference, for example env:NAME (known: {})",
                suggest::list(PROVIDERS.iter().copied())
            )));
        }
        let Some(converted) = self.kind.convert(value) else { return Err(self.wrong_type(value)) };
        if !self.secret {
            self.check_choices(&converted)?;
            self.check_range(&converted)?;
            self.check_text(&converted)?;
        }
        Ok(converted)
    }

    fn wrong_type(&self, value: &Value) -> Error {
        Error::usage(format!("`{}` takes {}, not {}", self.name, self.kind.described(), shown(value)))
    }

    fn check_choices(&self, value: &Value) -> Result<()> {
        let each: Vec<&Value> = match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        // A list's choices are lists of one: each element is held against all of them.
        let choices: Vec<&Value> = self
            .choices
            .iter()
            .flat_map(|one| one.as_array().map_or(vec![one], |all| all.iter().collect()))
            .collect();
        let Some(wrong) = each.into_iter().find(|one| !choices.is_empty() && !choices.contains(one)) else {
            return Ok(());
        };
        let words: Vec<String> = choices.into_iter().map(bare).collect();
        Err(Error::usage(format!("{} is no choice of `{}`", shown(wrong), self.name))
            .fix(choose(&bare(wrong), &words)))
    }

    fn check_range(&self, value: &Value) -> Result<()> {
        let is = |bound: &Option<Value>, order| {
            bound.as_ref().is_some_and(|bound| amount(value).total_cmp(&amount(bound)) == order)
        };
        let (what, bound) = if is(&self.min, std::cmp::Ordering::Less) {
            ("least", &self.min)
        } else if is(&self.max, std::cmp::Ordering::Greater) {
            ("most", &self.max)
        } else {
            return Ok(());
        };
        let bound = bound.as_ref().map(bare).unwrap_or_default();
        Err(Error::usage(format!("`{}` must be at {what} {bound}, not {}", self.name, bare(value))))
    }

    fn check_text(&self, value: &Value) -> Result<()> {
        let Some(pattern) = &self.pattern else { return Ok(()) };
        let whole =
            regex_lite::Regex::new(&format!("^(?:{pattern})$")).map_err(|why| Error::bug(why.to_string()))?;
        let mut texts: Vec<&Value> =
            value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
        texts.retain(|text| !text.as_str().is_some_and(|text| whole.is_match(text)));
        match texts.first() {
            None => Ok(()),
            Some(wrong) => {
                Err(Error::usage(format!("{} does not match the pattern of `{}`", shown(wrong), self.name))
                    .fix(format!("give a text that matches {pattern}")))
            }
        }
    }
}

/// A number, duration (in seconds) or size (in bytes) for comparing.
fn amount(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| text::parse_duration(value.as_str()?).ok().map(|duration| duration.as_secs_f64()))
        .unwrap_or(f64::NAN)
}

/// The value as a person would write it on the command line.
#[must_use]
pub fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(bare).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The value with its type, for "not …".
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text::headline(text, 60)),
        Value::Bool(_) | Value::Null => format!("`{value}`"),
        Value::Number(number) if number.is_f64() => format!("the number {number}"),
        Value::Number(number) => format!("the whole number {number}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// What to choose in place of `wrong`: of versions and other figures the nearest is not the one that was meant.
fn choose(wrong: &str, choices: &[String]) -> String {
    let choices = choices.iter().map(String::as_str);
    match choices.clone().any(|one| one.contains(|letter: char| letter.is_ascii_digit())) {
        true => format!("choose one of {}", suggest::list(choices)),
        false => suggest::advice(wrong, choices),
    }
}
