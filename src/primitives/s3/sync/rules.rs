//! Which files take part, and what goes with each: patterns of names, the longest that fits decides.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::bucket::Attributes;
use super::super::object::{self, sha256};
use crate::base::error::{Error, Result};

/// One text for every file, or one for each pattern.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum PerFile {
    /// For every file.
    All(String),
    /// By pattern.
    Some(BTreeMap<String, String>),
}

/// Patterns, ready to be matched.
#[derive(Debug)]
pub(super) struct Rules {
    exclude: Vec<Pattern>,
    cache_control: Vec<(Pattern, String)>,
    content_types: Vec<(Pattern, String)>,
}

/// A pattern of names: one without `/` fits the last part of a path, another the whole.
#[derive(Debug)]
struct Pattern {
    matcher: GlobMatcher,
    is_whole: bool,
    length: usize,
}

impl Pattern {
    fn new(text: &str) -> Result<Self> {
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|why| {
            Error::usage(format!("`{text}` is no pattern of files"))
                .why(why.to_string())
                .fix("write it like `*.html`, `assets/*.js` or `drafts/**`")
        })?;
        Ok(Self { matcher: glob.compile_matcher(), is_whole: text.contains('/'), length: text.len() })
    }

    fn fits(&self, path: &str) -> bool {
        let last = path.rsplit('/').next().unwrap_or(path);
        self.matcher.is_match(if self.is_whole { path } else { last })
    }
}

impl Rules {
    /// Reads the patterns.
    pub(super) fn new(
        exclude: &[String],
        cache_control: Option<&PerFile>,
        content_types: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let cache_control = match cache_control {
            None => Vec::new(),
            Some(PerFile::All(text)) => vec![(Pattern::new("*")?, text.clone())],
            Some(PerFile::Some(map)) => longest_first(map)?,
        };
        let content_types = longest_first(content_types)?;
        let exclude = exclude.iter().map(|text| Pattern::new(text)).collect::<Result<_>>()?;
        let rules = Self { exclude, cache_control, content_types };
        for (_, text) in rules.cache_control.iter().chain(&rules.content_types) {
            object::attributes("", None, Some(text.clone()), Default::default(), "")?;
        }
        Ok(rules)
    }

    /// Whether the file of that path, relative to the folder, takes part.
    pub(super) fn takes(&self, path: &str) -> bool {
        // The product's own folder lies in the project, and is nobody's to publish.
        !path.starts_with(".playbook/") && !self.exclude.iter().any(|pattern| pattern.fits(path))
    }

    /// What goes with the file of that path and content.
    pub(super) fn attributes(&self, path: &str, content: Option<&[u8]>) -> Result<Attributes> {
        let of = |rules: &[(Pattern, String)]| {
            rules.iter().find(|(pattern, _)| pattern.fits(path)).map(|(_, text)| text.clone())
        };
        let sha256 = content.map(sha256).unwrap_or_default();
        let (content_type, cache_control) = (of(&self.content_types), of(&self.cache_control));
        object::attributes(path, content_type, cache_control, Default::default(), &sha256)
    }
}

fn longest_first(map: &BTreeMap<String, String>) -> Result<Vec<(Pattern, String)>> {
    let read = |(pattern, text): (&String, &String)| Ok((Pattern::new(pattern)?, text.clone()));
    let mut rules: Vec<(Pattern, String)> = map.iter().map(read).collect::<Result<_>>()?;
    rules.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.length));
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_that_fits_decides() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let cache =
            PerFile::Some(map(&[("*", "max-age=60"), ("*.html", "no-cache"), ("assets/**", "max-age=9")]));
        let types = map(&[("*.feed", "application/rss+xml")]);
        let rules = Rules::new(&["*.map".into(), "drafts/**".into()], Some(&cache), &types).unwrap();
        let of = |path: &str| rules.attributes(path, None).unwrap();
        assert_eq!(of("a/b.html").cache_control.unwrap(), "no-cache");
        assert_eq!(of("assets/b.html").cache_control.unwrap(), "max-age=9");
        assert_eq!(of("x.txt").cache_control.unwrap(), "max-age=60");
        assert_eq!(of("deep/x.feed").content_type.unwrap(), "application/rss+xml");
        assert!(rules.takes("a.js") && !rules.takes("deep/a.js.map") && !rules.takes("drafts/x/y"));
        assert!(!rules.takes(".playbook/journal.db"));
        assert!(Rules::new(&["a[".into()], None, &BTreeMap::new()).is_err());
    }
}
