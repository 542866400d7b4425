//! Parts the leading `//!` lines into title, further prose and TOML, without moving a character of the TOML.

use std::ops::Range;

use super::KEYS;
use crate::base::suggest;

/// The parts of a header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// The first paragraph on one line.
    pub(super) title: String,
    /// The paragraphs below, parted by blank lines.
    pub(super) about: String,
    /// The playbook's text up to the end of the header, in which all but the TOML is blank: the same offsets.
    pub(super) toml: String,
    /// Where lines below say something that would have been read above.
    pub(super) stray: Vec<Range<usize>>,
}

/// Parts the header of the playbook `text`.
pub(super) fn split(text: &str) -> Lines {
    let mut toml = String::new();
    let mut paragraphs: Vec<String> = Vec::new();
    let (mut in_paragraph, mut in_toml) = (false, false);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_start_matches('\u{feff}').trim();
        let Some(content) = bare.strip_prefix("//!") else {
            if !(bare.is_empty() || bare.starts_with("//") || index == 0 && bare.starts_with("#!")) {
                break;
            }
            in_paragraph = false;
            toml.push_str(&blank(line));
            continue;
        };
        in_toml |= begins_toml(content.trim());
        if in_toml {
            toml.push_str(&line.replacen("//!", "   ", 1));
            continue;
        }
        toml.push_str(&blank(line));
        match (content.trim(), in_paragraph) {
            ("", _) => in_paragraph = false,
            (words, true) => {
                if let Some(last) = paragraphs.last_mut() {
                    last.push(' ');
                    last.push_str(words);
                }
            }
            (words, false) => {
                paragraphs.push(words.to_owned());
                in_paragraph = true;
            }
        }
    }
    let mut paragraphs = paragraphs.into_iter();
    Lines {
        title: paragraphs.next().unwrap_or_default(),
        about: paragraphs.collect::<Vec<_>>().join("\n\n"),
        stray: stray(text, toml.len()),
        toml,
    }
}

/// The lines from `offset` on that look like a line of the header, and are none.
fn stray(text: &str, mut offset: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for line in text.get(offset..).unwrap_or_default().split_inclusive('\n') {
        let content = line.trim_end().strip_prefix("//!").map(str::trim).unwrap_or_default();
        let word = content.trim_start_matches('[').split(|c: char| !c.is_alphanumeric() && c != '_').next();
        if begins_toml(content) && word.is_some_and(|word| KEYS.contains(&word)) {
            found.push(offset..offset + line.trim_end().len());
        }
        offset += line.len();
    }
    found
}

/// Spaces that take as many bytes as the line, with its line end.
fn blank(line: &str) -> String {
    line.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte as char } else { ' ' }).collect()
}

/// Whether a line is TOML and no prose: a `[table]`, `key = …`, or a key of ours with another sign where `=` should be,
/// so that a slip is refused instead of being read as prose.
fn begins_toml(line: &str) -> bool {
    let end = line.find(|c: char| !c.is_alphanumeric() && !"_-.\"".contains(c)).unwrap_or(line.len());
    let (word, rest) = (&line[..end], line[end..].trim_start());
    let is_ours = KEYS.contains(&word) || suggest::nearest(word, KEYS.iter().copied()).is_some();
    match rest.chars().next() {
        Some('=') => !word.is_empty(),
        Some('[') if word.is_empty() => line.ends_with(']') || KEYS.contains(&rest[1..].trim()),
        Some('[' | '{') => is_ours,
        Some(':') => KEYS.contains(&word) && rest[1..].trim_start().starts_with(['[', '{', '"']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_and_toml_are_parted_and_offsets_stay() {
        let text = "#!/usr/bin/env playbook\n//! Ümlaut title,\n//! two lines.\n//!\n//! About it.\n//!\n//! lock = \"é\"\n\n//! uses = []\nstep \"x\" {}\n//! no = 1\n";
        let lines = split(text);
        assert_eq!((lines.title.as_str(), lines.about.as_str()), ("Ümlaut title, two lines.", "About it."));
        assert_eq!(lines.toml.find("lock"), text.find("lock"));
        assert_eq!(lines.toml.find("uses"), text.find("uses"));
        assert!(lines.toml.is_ascii() || lines.toml.contains('é'));
        assert!(!lines.toml.contains("no = 1"));
    }

    #[test]
    fn a_slip_in_toml_is_no_prose() {
        for line in
            ["uses [\"a.b:read\"]", "use = []", "timeout: \"5m\"", "[params]", "[params", "lock=\"x\""]
        {
            assert!(begins_toml(line), "{line}");
        }
        for line in ["Deploys: in order", "uses the database", "[draft] of a deploy", "timeout: how long", ""]
        {
            assert!(!begins_toml(line), "{line}");
        }
    }
}
