//! What a run of the binary showed: exit code and both outputs in one text, with what changes from run to run taken out.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

/// What a run showed.
pub struct Seen {
    /// The exit code; 128 + n for signal n.
    pub code: i32,
    /// Standard output as it was.
    pub stdout: String,
    /// Standard error as it was.
    pub stderr: String,
    folder: String,
}

impl Seen {
    /// Takes over what was seen of a process in `folder`.
    pub fn new(status: ExitStatus, stdout: String, stderr: String, folder: &Path) -> Self {
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Self { code, stdout, stderr, folder: folder.display().to_string() }
    }

    /// Both outputs.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails the test, showing everything, unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert!(self.code == code, "expected exit code {code}:\n{self}");
        self
    }

    /// Fails the test, showing everything, unless the exit code is one of `codes`.
    #[cfg(any(feature = "kubernetes", feature = "postgres"))]
    #[track_caller]
    pub fn expect_any(self, codes: &[i32]) -> Self {
        assert!(codes.contains(&self.code), "expected one of the exit codes {codes:?}:\n{self}");
        self
    }

    /// Fails the test, showing everything, unless one of the outputs contains `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "nothing says `{text}`:\n{self}");
        self
    }

    /// Fails the test, showing everything, if one of the outputs contains `text`.
    #[track_caller]
    pub fn hides(self, text: &str) -> Self {
        assert!(!self.all().contains(text), "something says `{text}`:\n{self}");
        self
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clean = |text: &str| normalise(&text.replace(&self.folder, "[project]"));
        write!(
            f,
            "exit code: {}\n--- stdout\n{}--- stderr\n{}",
            self.code,
            clean(&self.stdout),
            clean(&self.stderr)
        )
    }
}

/// Replaces ids, times, durations, digests and ports.
pub fn normalise(text: &str) -> String {
    let rules = [
        (r"\b[0-9]{8}-[0-9]{6}-[0-9a-f]{4,8}\b", "[run]"),
        (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z?\b", "[time]"),
        (r"\b[0-9a-f]{64}\b", "[sha256]"),
        (r"\b[0-9]+m [0-9]{2}s\b", "[took]"),
        (r"\b[0-9]+(\.[0-9]+)?(ms|s)\b", "[took]"),
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:[port]"),
        // Where times stand below each other, how far they are moved is a matter of their digits.
        (r" {3,}\[took\]", "  [took]"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex_lite::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}
