//! What stands at the cursor: the name of a resource, a method of a handle, an option of a call, or a word.

use super::scan::{Scan, Sort};
use crate::effect::family::{self, Families};

/// What is being written, and where it begins, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Where the word begins that is being written.
    pub from: usize,
    /// The word as far as it is written.
    pub word: String,
    /// What it is.
    pub place: Place,
}

/// What a word may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The name of a resource of this family.
    Resource(String),
    /// A method of a handle of this family.
    Method(String),
    /// An option of this family's verb.
    Option(String, String),
    /// The name of a module.
    Module,
    /// A command of the prompt.
    Command,
    /// A variable, function or word of the language.
    Word,
    /// Nothing that is known.
    Nothing,
}

/// What stands at the end of `before`, where `family_of` knows the family of a variable.
#[must_use]
pub fn at(before: &str, families: Families, family_of: &dyn Fn(&str) -> Option<String>) -> At {
    let scan = Scan::of(before);
    if let Some(start) = scan.text {
        let place = in_text(&before[..start], families);
        return At { from: start + 1, word: before[start + 1..].to_owned(), place };
    }
    let from = match scan.parts.last() {
        Some((Sort::Word, range)) => range.start,
        Some((Sort::Comment, _)) => {
            return At { from: before.len(), word: String::new(), place: Place::Nothing };
        }
        _ => before.len(),
    };
    let (rest, word) = (before[..from].trim_end(), before[from..].to_owned());
    if before.starts_with(':') && !before.contains(' ') {
        return At { from: 0, word: before.to_owned(), place: Place::Command };
    }
    let place = if let Some(handle) = rest.strip_suffix('.') {
        receiver(handle, families, family_of).map_or(Place::Nothing, Place::Method)
    } else {
        option(rest, &scan, families, family_of).unwrap_or(Place::Word)
    };
    At { from, word, place }
}

fn in_text(before: &str, families: Families) -> Place {
    let before = before.trim_end();
    if before.ends_with("import") {
        return Place::Module;
    }
    let Some(call) = before.strip_suffix('(') else { return Place::Nothing };
    let name = last_word(call);
    family::find(families, name).map_or(Place::Nothing, |family| Place::Resource(family.name.to_owned()))
}

/// The key of a map that is an argument of a call.
fn option(
    rest: &str,
    scan: &Scan,
    families: Families,
    family_of: &dyn Fn(&str) -> Option<String>,
) -> Option<Place> {
    let inner = scan.open.last().filter(|bracket| bracket.kind == '#')?;
    if !rest.ends_with(['{', ',']) {
        return None;
    }
    let outer =
        scan.open.iter().rev().nth(1).filter(|bracket| bracket.kind == '(' && bracket.at < inner.at)?;
    let (family, verb) = call(rest.get(..outer.at)?, families, family_of)?;
    Some(Place::Option(family, verb))
}

/// The family and verb of a call whose bracket follows `before`.
#[must_use]
pub fn call(
    before: &str,
    families: Families,
    family_of: &dyn Fn(&str) -> Option<String>,
) -> Option<(String, String)> {
    let verb = last_word(before);
    let handle = before.strip_suffix(verb)?.trim_end().strip_suffix('.')?;
    let family = receiver(handle, families, family_of)?;
    Some((family, verb.to_owned()))
}

/// The family of the handle that `text` ends with: a variable, or `postgres("main")`.
#[must_use]
pub fn receiver(
    text: &str,
    families: Families,
    family_of: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let text = text.trim_end();
    if let Some(inner) = text.strip_suffix(')') {
        let open = Scan::of(inner).open.last().filter(|bracket| bracket.kind == '(')?.at;
        return family::find(families, last_word(&text[..open])).map(|family| family.name.to_owned());
    }
    let name = last_word(text);
    let is_property = text[..text.len() - name.len()].trim_end().ends_with('.');
    if name.is_empty() || is_property { None } else { family_of(name) }
}

/// The word that `text` ends with; empty when it ends with none.
#[must_use]
pub fn last_word(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, letter)| letter.is_alphanumeric() || *letter == '_')
        .last()
        .map_or(text.len(), |(index, _)| index);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::FAMILIES;

    #[test]
    fn each_place_is_known() {
        let known = |name: &str| (name == "api").then(|| "http".to_owned());
        let place = |text: &str| at(text, FAMILIES, &known).place;
        assert_eq!(place("let x = http(\"ma"), Place::Resource("http".to_owned()));
        assert_eq!(place("api.ge"), Place::Method("http".to_owned()));
        assert_eq!(place("http(\"main\").g"), Place::Method("http".to_owned()));
        assert_eq!(place("api.get(\"/x\", #{ ti"), Place::Option("http".to_owned(), "get".to_owned()));
        assert_eq!(
            place("api.get(\"/x\", #{ timeout: \"1s\", re"),
            Place::Option("http".to_owned(), "get".to_owned())
        );
        assert_eq!(place("import \"std/h"), Place::Module);
        assert_eq!(place(":sa"), Place::Command);
        assert_eq!(place("let x = a"), Place::Word);
        assert_eq!(place("unknown.x"), Place::Nothing);
        assert_eq!(at("api.ge", FAMILIES, &known).from, 4);
    }
}
