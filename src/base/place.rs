//! A place in a script, and the drawing of it with its source line and a caret.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// A file, line and column, with the line's own text where it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file as the project names it: `deploy.rhai`, `std/health`, `playbook.toml`.
    pub file: String,
    /// Line, from 1; 0 when the place is the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 when the place is the whole line.
    pub column: usize,
    /// The text of that line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The function that the place lies in, when it lies in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How many characters are meant, for the width of the caret; 0 is drawn as 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub width: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(width: &usize) -> bool {
    *width == 0
}

impl Place {
    /// A place without its source line.
    pub fn new(file: impl Into<String>, line: usize, column: usize) -> Self {
        Self { file: file.into(), line, column, source: None, function: None, width: 0 }
    }

    /// The same place with the line cut out of `text`, the whole file.
    #[must_use]
    pub fn within(mut self, text: &str) -> Self {
        self.source = self.line.checked_sub(1).and_then(|n| text.lines().nth(n)).map(clip);
        self
    }

    /// The same place with its line, which has no line end.
    #[must_use]
    pub fn on(mut self, line: &str) -> Self {
        self.source = Some(clip(line));
        self
    }

    /// The place of byte `offset` in `text`.
    #[must_use]
    pub fn of_offset(file: &str, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self::new(file, line, column).within(text)
    }

    /// The place drawn over several lines, the caret at least `width` characters wide.
    #[must_use]
    pub fn draw(&self, width: usize) -> String {
        let mut out = format!("  --> {self}\n");
        if let Some(source) = &self.source {
            let number = self.line.to_string();
            let pad = " ".repeat(number.len());
            let _ = writeln!(out, "{pad} |\n{number} | {source}");
            if self.column > 0 {
                let indent: String = source
                    .chars()
                    .take(self.column - 1)
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let _ = writeln!(out, "{pad} | {indent}{}", "^".repeat(width.max(self.width).max(1)));
            }
        }
        out
    }
}

/// A generated file may be one line of a megabyte: nobody reads more than this of it.
fn clip(line: &str) -> String {
    line.chars().take(400).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_its_column() {
        let place = Place::of_offset("a.rhai", "one\n\ttwo three\n", 9);
        assert_eq!(place.draw(5), "  --> a.rhai:2:6\n  |\n2 | \ttwo three\n  | \t    ^^^^^\n");
    }
}
