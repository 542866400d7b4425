//! A TOML text in which every mistake has a place: `playbook.toml`, and the header of a playbook.

pub mod mask;
mod syntax;

use std::cell::RefCell;
use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{Error, Result};
use super::place::Place;
use super::suggest;
use super::text;

/// A value and where it stands, as an offset in bytes.
pub type Value<'t> = Spanned<DeValue<'t>>;

/// A key with its value.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a, 't> {
    /// The key, and where it stands.
    pub key: &'a Spanned<DeString<'t>>,
    /// The value, and where it stands.
    pub value: &'a Value<'t>,
}

impl<'a> Field<'a, '_> {
    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.key.get_ref()
    }
}

/// The fields of a table in the order in which they stand in the text.
#[must_use]
pub fn fields<'a, 't>(table: &'a DeTable<'t>) -> Vec<Field<'a, 't>> {
    let mut fields: Vec<_> = table.iter().map(|(key, value)| Field { key, value }).collect();
    fields.sort_by_key(|field| field.key.span().start);
    fields
}

/// A file, and the mistakes that were found in it so far.
#[derive(Debug)]
pub struct Document<'t> {
    file: &'t str,
    text: &'t str,
    mistakes: RefCell<Vec<(usize, Error)>>,
}

impl<'t> Document<'t> {
    /// The document of `file`, whose whole text is `text`.
    #[must_use]
    pub const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, mistakes: RefCell::new(Vec::new()) }
    }

    /// Reads `toml`, which has the same offsets as the whole text; `None` when its syntax is wrong.
    pub fn parse(&self, toml: &'t str) -> Option<DeTable<'t>> {
        let (table, wrong) = DeTable::parse_recoverable(toml);
        let is_sound = wrong.iter().all(syntax::is_harmless);
        syntax::report(self, wrong);
        is_sound.then(|| table.into_inner())
    }

    /// All mistakes as one error, in the order of the text.
    pub fn finish(self) -> Result<()> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|(offset, _)| *offset);
        Error::all(mistakes.into_iter().map(|(_, error)| error).collect())
    }

    /// How many mistakes were found so far.
    #[must_use]
    pub fn mistakes(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Notes a mistake at `span`.
    pub fn refuse(&self, span: &Range<usize>, error: Error) {
        let error = error.at(self.place(span));
        self.mistakes.borrow_mut().push((span.start, error));
    }

    /// Notes a mistake at `span`; the text at `hidden` is not shown.
    pub fn refuse_hiding(&self, span: &Range<usize>, hidden: &Range<usize>, error: Error) {
        let error = error.at(self.place_hiding(span, Some(hidden)));
        self.mistakes.borrow_mut().push((span.start, error));
    }

    /// The place of `span`, without what may be a secret.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> Place {
        self.place_hiding(span, None)
    }

    fn place_hiding(&self, span: &Range<usize>, hidden: Option<&Range<usize>>) -> Place {
        let mut place = Place::of_offset(self.file, self.text, span.start);
        let caret = place.column.saturating_sub(1);
        let also = hidden.map(|hidden| {
            let start = Place::of_offset(self.file, self.text, hidden.start).column.saturating_sub(1);
            start..start + self.width(hidden)
        });
        place.source = place.source.map(|line| mask::mask(&line, caret, also));
        place.width = if hidden == Some(span) { 1 } else { self.width(span) };
        place
    }

    /// How many characters `span` takes on its first line, at least one.
    fn width(&self, span: &Range<usize>) -> usize {
        let line_end =
            self.text[span.start..].find('\n').map_or(self.text.len(), |length| span.start + length);
        self.text[span.start..span.end.clamp(span.start, line_end)].trim_end().chars().count().max(1)
    }

    /// The line of `span`, from 1.
    #[must_use]
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.text[..span.start].matches('\n').count() + 1
    }

    /// Notes that the key means nothing here; `of` names what it stands in.
    pub fn unknown(&self, field: Field<'_, '_>, of: &str, known: &[&str]) {
        let error = Error::usage(format!("`{}` is no key of {of}", field.name()));
        self.refuse(&field.key.span(), error.fix(suggest::advice(field.name(), known.iter().copied())));
    }

    /// Notes that the value has another type than `wanted`, such as "a string".
    pub fn wrong_type(&self, field: Field<'_, '_>, wanted: &str, example: &str) {
        let found = type_of(field.value.get_ref());
        let error = Error::usage(format!("`{}` takes {wanted}, not {found}", field.name()));
        self.refuse(
            &field.value.span(),
            error.fix(format!("write for example {} = {example}", field.name())),
        );
    }

    /// The fields of a table.
    pub fn table<'a, 'v>(&self, field: Field<'a, 'v>) -> Option<Vec<Field<'a, 'v>>> {
        let table = field.value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(field, "a table", "{ … }");
        }
        table.map(fields)
    }

    /// A string.
    pub fn string<'a>(&self, field: Field<'a, '_>, example: &str) -> Option<&'a str> {
        let text = field.value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(field, "a string", &format!("\"{example}\""));
        }
        text
    }

    /// A string that `read` makes something of; what it refuses is noted at the value.
    pub fn parsed<T>(
        &self,
        field: Field<'_, '_>,
        example: &str,
        read: impl Fn(&str) -> Result<T>,
    ) -> Option<T> {
        let text = self.string(field, example)?;
        read(text).map_err(|error| self.refuse(&field.value.span(), error)).ok()
    }

    /// A duration of some length, such as `"45m"`.
    pub fn duration(&self, field: Field<'_, '_>) -> Option<std::time::Duration> {
        self.parsed(field, "45m", |text| match text::parse_duration(text)? {
            none if none.is_zero() => {
                Err(Error::usage(format!("`{}` must be longer than nothing", field.name())))
            }
            some => Ok(some),
        })
    }

    /// A size in bytes, such as `"256 MiB"`.
    pub fn size(&self, field: Field<'_, '_>) -> Option<u64> {
        self.parsed(field, "256 MiB", text::parse_size)
    }

    /// A whole number.
    pub fn integer(&self, field: Field<'_, '_>, example: i64) -> Option<i64> {
        if !field.value.get_ref().is_integer() {
            self.wrong_type(field, "a whole number", &example.to_string());
            return None;
        }
        self.json(field.value).and_then(|value| value.as_i64())
    }

    /// `true` or `false`.
    pub fn boolean(&self, field: Field<'_, '_>) -> Option<bool> {
        let value = field.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type(field, "true or false", "true");
        }
        value
    }

    /// The value as JSON; a date becomes a string, and a number that JSON cannot hold is noted.
    pub fn json(&self, value: &Value<'_>) -> Option<Json> {
        match value.get_ref() {
            DeValue::String(text) => Some(Json::String(text.to_string())),
            DeValue::Boolean(is) => Some(Json::Bool(*is)),
            DeValue::Datetime(date) => Some(Json::String(date.to_string())),
            DeValue::Integer(number) => {
                self.number(value, i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(number) => {
                let finite = number.as_str().parse::<f64>().ok().filter(|number| number.is_finite());
                self.number(value, finite.and_then(serde_json::Number::from_f64))
            }
            DeValue::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            DeValue::Table(table) => {
                let pairs = fields(table).into_iter();
                let map: Option<serde_json::Map<_, _>> =
                    pairs.map(|field| Some((field.name().to_owned(), self.json(field.value)?))).collect();
                map.map(Json::Object)
            }
        }
    }

    fn number(&self, value: &Value<'_>, number: Option<impl Into<Json>>) -> Option<Json> {
        if number.is_none() {
            let error = Error::usage("this is no number that can be kept");
            self.refuse(
                &value.span(),
                error.fix("whole numbers lie between -2^63 and 2^63 - 1, others are finite"),
            );
        }
        number.map(Into::into)
    }
}

/// The type of a value, as people say it.
#[must_use]
pub const fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        let document = Document::new("playbook.toml", text);
        document.parse(text);
        document.finish().map_or_else(|error| error.to_string(), |()| "no mistake".to_owned())
    }

    #[test]
    fn every_line_with_wrong_syntax_is_shown_once_and_secrets_in_it_are_not() {
        insta::assert_snapshot!(seen("[env\npassword = hunter2\nx = { a = 1 b = 2 }\nn = 99999999999\ny = 1\ny = 2\n"), @"
        the `[` of a table is not closed
          --> playbook.toml:1:5
          |
        1 | [env
          |     ^
          fix: close it with `]`

        a comma is missing
          --> playbook.toml:3:15
          |
        3 | x = { a = 1 b = 2 }
          |               ^
          fix: put a comma between the two
        ");
    }
}
