//! What may follow, what the manual says, and where something is declared.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionResponse, Documentation, GotoDefinitionResponse, Hover,
    HoverContents, Location, MarkupContent, MarkupKind, Position, Range,
};

use super::document::{self, Document};
use crate::base::resource::ResourceId;
use crate::effect::family;
use crate::front::assist::WORDS;
use crate::front::assist::cursor::{self, Place};
use crate::front::assist::manual;
use crate::front::assist::scan;
use crate::front::assist::suggest::{Known, suggestions};
use crate::primitives::FAMILIES;
use crate::run::project;
use crate::sys::files;

/// What may stand at the position.
pub(super) fn completion(document: &Document, position: Position) -> Option<CompletionResponse> {
    let offset = document.offset(position);
    let at = cursor::at(&document.text[..offset], FAMILIES, &|name| document.family_of(name, offset));
    let environment = document.environment();
    let names: Vec<(String, String)> =
        document.declared().into_iter().map(|one| (one.name, one.word)).collect();
    let known = Known { families: FAMILIES, environment: environment.as_ref(), names: &names };
    let items = suggestions(&at, known).into_iter().map(|one| CompletionItem {
        kind: Some(match &one.place {
            Place::Method(_) => CompletionItemKind::METHOD,
            Place::Resource(_) => CompletionItemKind::VALUE,
            Place::Option(..) => CompletionItemKind::PROPERTY,
            Place::Module => CompletionItemKind::MODULE,
            _ => CompletionItemKind::KEYWORD,
        }),
        documentation: documentation(&one.place, &one.text),
        detail: Some(one.about).filter(|about| !about.is_empty()),
        label: one.text,
        ..CompletionItem::default()
    });
    Some(CompletionResponse::Array(items.collect()))
}

fn documentation(place: &Place, text: &str) -> Option<Documentation> {
    let Place::Method(family) = place else { return None };
    let family = family::find(FAMILIES, family)?;
    let value = manual::markdown(family, family.entry(text)?);
    Some(Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value }))
}

/// What the manual says of the word at the position.
pub(super) fn hover(document: &Document, position: Position) -> Option<Hover> {
    let (from, to) = word(document, position)?;
    let (before, name) = (&document.text[..from], &document.text[from..to]);
    let at = cursor::at(&document.text[..to], FAMILIES, &|name| document.family_of(name, from));
    let value = match &at.place {
        Place::Method(family) => {
            let family = family::find(FAMILIES, family)?;
            manual::markdown(family, family.entry(name)?)
        }
        Place::Option(family, verb) => {
            let family = family::find(FAMILIES, family)?;
            manual::markdown(family, family.entry(verb)?)
        }
        Place::Resource(family) => {
            let (environment, id) = (document.environment()?, ResourceId::new(family, &at.word));
            let resource = environment.resources.get(&id)?;
            format!("`{id}` of the environment `{}`: access `{}`", environment.name, resource.grant)
        }
        Place::Word if !before.trim_end().ends_with('.') => match family::find(FAMILIES, name) {
            Some(family) => manual::family_markdown(family),
            None => WORDS.iter().find(|(word, about)| *word == name && !about.is_empty())?.1.to_owned(),
        },
        _ => return None,
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: Some(document.range(from, to)),
    })
}

/// Where what stands at the position is declared.
pub(super) fn definition(document: &Document, position: Position) -> Option<GotoDefinitionResponse> {
    let (from, to) = word(document, position)?;
    let (before, name) = (&document.text[..from], &document.text[from..to]);
    let whole = quoted(document, from);
    let location = match whole {
        Some((start, text)) if document.text[..start].trim_end().ends_with("import") => {
            module(document, &text, None)
        }
        Some((start, text)) => {
            let at = cursor::at(&document.text[..=start], FAMILIES, &|_| None);
            let Place::Resource(family) = at.place else { return None };
            resource(document, &family, &text)
        }
        None if before.ends_with("::") => {
            let alias = cursor::last_word(before.trim_end_matches(':'));
            module(document, &imported(document, alias)?, Some(name))
        }
        None => {
            let all = document.declared();
            let mut named = all.iter().filter(|one| one.name == name);
            let found = named.clone().rfind(|one| one.at <= from).or_else(|| named.next());
            match found {
                Some(one) => {
                    let range = document.range(one.at, one.at + name.len());
                    document::uri(&document.path).map(|uri| Location { uri, range })
                }
                None => module(document, &imported(document, name)?, None),
            }
        }
    };
    location.map(GotoDefinitionResponse::Scalar)
}

/// The word at the position, in bytes.
fn word(document: &Document, position: Position) -> Option<(usize, usize)> {
    let offset = document.offset(position);
    let start = offset - cursor::last_word(&document.text[..offset]).len();
    let end = start + scan::word(&document.text[start..]);
    (end > start).then_some((start, end))
}

/// The text that the byte lies in: where its quote stands, and the whole of it.
fn quoted(document: &Document, offset: usize) -> Option<(usize, String)> {
    let all = scan::Scan::of(&document.text);
    let (_, range) =
        all.parts.iter().find(|(sort, range)| *sort == scan::Sort::Text && range.contains(&offset))?;
    Some((range.start, document.text[range.clone()].trim_matches(['"', '`']).to_owned()))
}

/// The path of the module that is called `alias` here.
fn imported(document: &Document, alias: &str) -> Option<String> {
    document.text.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix("import")?.trim_start().strip_prefix('"')?;
        let (path, rest) = rest.split_once('"')?;
        let name = rest.trim_start().strip_prefix("as")?.trim().trim_end_matches(';').trim();
        (name == alias).then(|| path.to_owned())
    })
}

/// A module's file, or a function in it; what is part of the program has no file.
fn module(document: &Document, path: &str, function: Option<&str>) -> Option<Location> {
    let file = document.project.as_ref()?.folder.join(format!("{path}.rhai"));
    let text = files::read_text(&file, 1024 * 1024).ok()?;
    let at = function.and_then(|name| text.find(&format!("fn {name}("))).map_or(0, |at| at + 3);
    let at = if function.is_some() { at } else { 0 };
    let start = document::position(&text, at);
    Some(Location { uri: document::uri(&file)?, range: Range { start, end: start } })
}

/// The table of a resource in `playbook.toml`.
fn resource(document: &Document, family: &str, name: &str) -> Option<Location> {
    let file = document.project.as_ref()?.folder.join(project::FILE);
    let text = files::read_text(&file, 4 * 1024 * 1024).ok()?;
    let environment = document.environment()?.name;
    let at = text.find(&format!("[env.{environment}.{family}.{name}]"))?;
    let start = document::position(&text, at);
    Some(Location { uri: document::uri(&file)?, range: Range { start, end: start } })
}
