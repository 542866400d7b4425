//! The manual of a family or a primitive: as Markdown for an editor, as lines for the prompt.

use super::WORDS;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::environment::Environment;
use crate::effect::family::{self, Families, Family};
use crate::effect::options::SHARED;
use crate::effect::primitive::Entry;
use crate::front::docs::fields::{Fields, folded};
use crate::front::docs::{properties, signature};
use crate::front::style::{Line, Paint};

/// The manual of a family, of one of its primitives, or of a word of the language, as lines; `verb` is empty where all of
/// the family is meant.
pub fn find(families: Families, (name, verb): (&str, &str), environment: &Environment) -> Result<Vec<Line>> {
    match family::find(families, name) {
        Some(family) if verb.is_empty() => Ok(family_lines(family, environment)),
        Some(family) => match family.entry(verb) {
            Some(entry) => Ok(lines(family, entry)),
            None => Err(Error::usage(format!("`{name}` has no method `{verb}`"))
                .fix(suggest::advice(verb, family.entries.iter().map(|entry| entry.name)))),
        },
        None => match WORDS.iter().find(|(word, about)| *word == name && !about.is_empty()) {
            Some((_, about)) => Ok(vec![Line::default().with(Paint::Plain, *about)]),
            None => Err(Error::usage(format!("the manual has nothing on `{name}`"))
                .fix(suggest::advice(name, families.iter().map(|family| family.name)))),
        },
    }
}

/// The manual of a primitive as Markdown.
#[must_use]
pub fn markdown(family: &Family, entry: &Entry) -> String {
    let fields = Fields::of((entry.schema)());
    let parts = [
        format!("```rhai\n{}\n```", signature(family, entry)),
        properties(entry),
        fields.about(),
        fields.table("argument"),
        format!("```rhai\n{}\n```", entry.example),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The manual of a family as Markdown.
#[must_use]
pub fn family_markdown(family: &Family) -> String {
    let verbs =
        family.entries.iter().map(|entry| format!("- `{}` · {}", signature(family, entry), entry.effect));
    format!("**{}**: {}\n\n{}", family.name, folded(family.about), verbs.collect::<Vec<_>>().join("\n"))
}

/// The manual of a primitive as lines.
#[must_use]
pub fn lines(family: &Family, entry: &Entry) -> Vec<Line> {
    let fields = Fields::of((entry.schema)());
    let mut lines = vec![
        Line::default().with(Paint::Bold, signature(family, entry)),
        Line::default().with(Paint::Dim, properties(entry)),
    ];
    lines.extend(paragraph(&fields.about()));
    let rows = fields.rows();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, kinds) = (width(0), width(1).min(28));
    for [name, kind, default, about] in &rows {
        let default = match default.as_str() {
            "" => String::new(),
            "required" => "required. ".to_owned(),
            default => format!("default {default}. "),
        };
        let line = Line::indented(1).with(Paint::Live, name).padded(2 + names + 2).with(Paint::Dim, kind);
        lines.push(line.padded(2 + names + 2 + kinds + 2).with(Paint::Plain, format!("{default}{about}")));
    }
    let shared: Vec<&str> = SHARED.iter().map(|(name, _)| *name).collect();
    lines.push(Line::indented(1).with(Paint::Dim, format!("and of every primitive: {}", shared.join(", "))));
    lines.push(Line::default().with(Paint::Dim, "for example  ").with(Paint::Plain, entry.example));
    lines
}

/// The manual of a family as lines: its resources here, and what can be done with them.
#[must_use]
pub fn family_lines(family: &Family, environment: &Environment) -> Vec<Line> {
    let mut lines = vec![Line::default().with(Paint::Bold, family.name)];
    lines.extend(paragraph(family.about));
    for resource in environment.resources.values().filter(|one| one.id.family == family.name) {
        let name = format!("{}(\"{}\")", family.name, resource.id.name);
        lines.push(
            Line::indented(1)
                .with(Paint::Live, name)
                .with(Paint::Dim, format!("  access: {}", resource.grant)),
        );
    }
    let width = family.entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
    for entry in family.entries {
        let line = Line::indented(1).with(Paint::Plain, entry.name).padded(2 + width + 2);
        lines.push(
            line.with(Paint::Dim, entry.effect.word()).padded(2 + width + 11).with(Paint::Dim, entry.example),
        );
    }
    lines
}

fn paragraph(text: &str) -> Vec<Line> {
    folded(text)
        .split("\n\n")
        .filter(|part| !part.is_empty())
        .map(|part| Line::default().with(Paint::Plain, part))
        .collect()
}
