//! What may stand at the cursor, with one line on each.

use super::WORDS;
use super::cursor::{At, Place};
use crate::base::text::headline;
use crate::effect::environment::Environment;
use crate::effect::family::{self, Families};
use crate::effect::options::SHARED;
use crate::script::modules;

/// As much of a manual as stands beside a word.
const LONGEST: usize = 72;

/// One of the words that may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What is written.
    pub text: String,
    /// One line on it.
    pub about: String,
    /// Whether it is a method, a resource, an option …; for whoever draws it.
    pub place: Place,
}

/// What is known beside the register.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Every family there is.
    pub families: Families,
    /// The environment whose resources are suggested.
    pub environment: Option<&'a Environment>,
    /// Variables and functions, each with one line on it.
    pub names: &'a [(String, String)],
}

/// All that may stand there and begins with what is written, in order.
#[must_use]
pub fn suggestions(at: &At, known: Known<'_>) -> Vec<Suggestion> {
    let all: Vec<(String, String)> = match &at.place {
        Place::Resource(family) => resources(family, known),
        Place::Method(family) => methods(family, known),
        Place::Option(family, verb) => options(family, verb, known),
        Place::Module => {
            modules::STANDARD.iter().map(|(name, _)| ((*name).to_owned(), String::new())).collect()
        }
        Place::Word => words(known),
        Place::Command | Place::Nothing => Vec::new(),
    };
    let fitting = all.into_iter().filter(|(text, _)| text.starts_with(&at.word));
    fitting.map(|(text, about)| Suggestion { text, about, place: at.place.clone() }).collect()
}

fn resources(family: &str, known: Known<'_>) -> Vec<(String, String)> {
    let all = known.environment.into_iter().flat_map(|environment| environment.resources.values());
    let own = all.filter(|resource| resource.id.family == family);
    own.map(|resource| (resource.id.name.clone(), format!("access: {}", resource.grant))).collect()
}

fn methods(family: &str, known: Known<'_>) -> Vec<(String, String)> {
    let Some(family) = family::find(known.families, family) else { return Vec::new() };
    let one = |entry: &crate::effect::primitive::Entry| {
        let about =
            (entry.schema)().get("description").and_then(|text| text.as_str()).map(first).unwrap_or_default();
        (entry.name.to_owned(), format!("{}: {about}", entry.effect.word()))
    };
    family.entries.iter().map(one).collect()
}

fn options(family: &str, verb: &str, known: Known<'_>) -> Vec<(String, String)> {
    let Some(entry) = family::find(known.families, family).and_then(|family| family.entry(verb)) else {
        return Vec::new();
    };
    let schema = (entry.schema)();
    let about = |name: &str| {
        let field = schema.get("properties").and_then(|all| all.get(name));
        field.and_then(|field| field.get("description")?.as_str()).map(first).unwrap_or_default()
    };
    let own = entry.arguments().into_iter().map(|(name, _)| {
        let text = about(&name);
        (name, text)
    });
    own.chain(SHARED.iter().map(|(name, about)| ((*name).to_owned(), first(about)))).collect()
}

fn words(known: Known<'_>) -> Vec<(String, String)> {
    let families = known.families.iter().filter(|family| {
        known.environment.is_none_or(|environment| {
            environment.resources.keys().any(|id| id.family == family.name) || family.name == "journal"
        })
    });
    let families = families.map(|family| (family.name.to_owned(), first(family.about)));
    let language = WORDS.iter().map(|(word, about)| ((*word).to_owned(), (*about).to_owned()));
    known.names.iter().cloned().chain(families).chain(language).collect()
}

/// The first sentence of a manual.
fn first(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").unwrap_or(text.len());
    headline(text[..end].trim_end_matches('.'), LONGEST)
}
