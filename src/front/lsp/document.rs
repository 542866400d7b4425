//! A file that the editor has open: its text as it is there, its project, and places between the two ways to count.

use std::path::{Path, PathBuf};

use lsp_types::{Position, Range};

use crate::effect::environment::Environment;
use crate::effect::family;
use crate::front::assist::scan::{Scan, Sort};
use crate::primitives::FAMILIES;
use crate::run::project::{self, Project};

/// An open file.
pub(super) struct Document {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its text in the editor.
    pub(super) text: String,
    /// The project that it lies in, where that can be read.
    pub(super) project: Option<Project>,
    /// The environment that is meant.
    pub(super) environment: Option<String>,
}

/// What a variable is made of.
pub(super) struct Declared {
    /// Its name.
    pub(super) name: String,
    /// Where the name stands, in bytes.
    pub(super) at: usize,
    /// The family, when it is a handle.
    pub(super) family: Option<String>,
    /// `let`, `const` or `fn`.
    pub(super) word: String,
}

impl Document {
    /// The file behind `uri`.
    pub(super) fn new(uri: &str, text: &str, project: Option<&Path>, environment: Option<&str>) -> Self {
        let path = path(uri);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let project = match project {
            Some(folder) => Project::open(Some(folder), FAMILIES),
            None => Project::open_above(folder, FAMILIES),
        };
        Self {
            path,
            text: text.to_owned(),
            project: project.ok(),
            environment: environment.map(str::to_owned),
        }
    }

    /// Whether it is `playbook.toml`.
    pub(super) fn is_settings(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == project::FILE)
    }

    /// The environment that it is checked in: the one that was named, the default, or the first.
    pub(super) fn environment(&self) -> Option<Environment> {
        let project = self.project.as_ref()?;
        let found = project.environment(self.environment.as_deref());
        found.ok().or_else(|| project.environments.values().next().cloned())
    }

    /// The byte at a position of the editor, which counts UTF-16 units.
    pub(super) fn offset(&self, position: Position) -> usize {
        let begin = line_begin(&self.text, position.line);
        let line = self.text[begin..].split('\n').next().unwrap_or_default();
        let mut units = 0;
        for (index, letter) in line.char_indices() {
            if units >= position.character {
                return begin + index;
            }
            units += u32::try_from(letter.len_utf16()).unwrap_or(1);
        }
        begin + line.len()
    }

    /// The editor's range of some bytes.
    pub(super) fn range(&self, from: usize, to: usize) -> Range {
        Range { start: position(&self.text, from), end: position(&self.text, to) }
    }

    /// What is declared in it, in order.
    pub(super) fn declared(&self) -> Vec<Declared> {
        let scan = Scan::of(&self.text);
        let words: Vec<(Sort, &str, usize)> = scan
            .parts
            .iter()
            .map(|(sort, range)| (*sort, &self.text[range.clone()], range.start))
            .filter(|(sort, part, _)| *sort != Sort::Comment && !part.trim().is_empty())
            .collect();
        let mut found = Vec::new();
        for (index, (_, word, _)) in words.iter().enumerate() {
            let Some((Sort::Word, name, at)) = words.get(index + 1) else { continue };
            if !matches!(*word, "let" | "const" | "fn") {
                continue;
            }
            let is_made = words.get(index + 2).is_some_and(|(_, part, _)| *part == "=");
            let maker = words.get(index + 3).filter(|_| is_made).map(|(_, part, _)| *part);
            let family =
                maker.and_then(|maker| family::find(FAMILIES, maker)).map(|family| family.name.to_owned());
            found.push(Declared { name: (*name).to_owned(), at: *at, family, word: (*word).to_owned() });
        }
        found
    }

    /// The family of a variable: that of its last declaration before `offset`, or of any.
    pub(super) fn family_of(&self, name: &str, offset: usize) -> Option<String> {
        let all = self.declared();
        let named = || all.iter().filter(|one| one.name == name);
        let before = named().rfind(|one| one.at < offset);
        before.or_else(|| named().next()).and_then(|one| one.family.clone())
    }
}

/// The path of a `file:` address.
pub(super) fn path(uri: &str) -> PathBuf {
    let text = uri.strip_prefix("file://").unwrap_or(uri);
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escaped
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// The address of a path.
pub(super) fn uri(path: &Path) -> Option<lsp_types::Uri> {
    let text: String = path
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("file://{text}").parse().ok()
}

/// The editor's position of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count();
    let units = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
    Position { line: u32::try_from(line).unwrap_or(0), character: u32::try_from(units).unwrap_or(0) }
}

/// The byte at which a line begins, counted from 0.
pub(super) fn line_begin(text: &str, line: u32) -> usize {
    let mut lines = std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1));
    lines.nth(line as usize).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_the_editor_does() {
        let document = Document::new("file:///nowhere/t.rhai", "let ä = 1;\nlet 𝄞x = 2;\n", None, None);
        assert_eq!(document.offset(Position { line: 1, character: 6 }), 12 + 4 + 4);
        assert_eq!(position(&document.text, 12 + 4 + 4), Position { line: 1, character: 6 });
        assert_eq!(path("file:///a%20b/c.rhai"), PathBuf::from("/a b/c.rhai"));
        assert_eq!(uri(Path::new("/a b/c")).unwrap().as_str(), "file:///a%20b/c");
    }
}
