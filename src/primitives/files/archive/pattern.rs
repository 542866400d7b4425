//! Which objects are meant: a pattern of keys.

use globset::{GlobBuilder, GlobMatcher};

use crate::base::error::{Error, Result};

/// A pattern of keys: one without `/` fits the last part of a key, another the whole.
#[derive(Debug)]
pub(super) struct Pattern {
    matcher: GlobMatcher,
    is_whole: bool,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn new(text: &str) -> Result<Self> {
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|why| {
            Error::usage(format!("`{text}` is no pattern of keys"))
                .why(why.to_string())
                .fix("write it like `*.log`, `app/*.log` or `app/**`")
        })?;
        Ok(Self { matcher: glob.compile_matcher(), is_whole: text.contains('/') })
    }

    /// Whether a key is meant.
    pub(super) fn fits(&self, key: &str) -> bool {
        let last = key.rsplit('/').next().unwrap_or(key);
        self.matcher.is_match(if self.is_whole { key } else { last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_slash_the_last_part_decides() {
        let fits = |pattern: &str, key: &str| Pattern::new(pattern).unwrap().fits(key);
        assert!(fits("*.log", "a.log") && fits("*.log", "deep/a.log") && !fits("*.log", "a.log/x"));
        assert!(fits("app/*.log", "app/a.log") && !fits("app/*.log", "app/b/a.log"));
        assert!(fits("app/**", "app/b/a.log") && !fits("app/*.log", "x/app/a.log"));
        assert!(Pattern::new("a[").is_err());
    }
}
