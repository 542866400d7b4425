//! An answer of an API: its status, its headers, its JSON, and the words in which products say what was wrong.

use serde_json::Value;

use crate::base::text::headline;
use crate::sys::http::Answer;

/// The longest words of the other side that are repeated, in characters.
const WORDS: usize = 600;

/// An answer with its body read.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The status as people know it: `404 Not Found`.
    pub line: String,
    /// The body as JSON; null where it is none.
    pub json: Value,
    /// The body as text.
    pub text: String,
    headers: Vec<(String, String)>,
}

impl Reply {
    /// Reads an answer.
    #[must_use]
    pub fn new(answer: Answer) -> Self {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status: answer.status, line: answer.status_line, json, text, headers: answer.headers }
    }

    /// Whether it is one of success.
    #[must_use]
    pub const fn is_fine(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// A header; its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// A text in its JSON, by the names that lead to it.
    #[must_use]
    pub fn at(&self, path: &str) -> &str {
        self.json.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the product says was wrong, in its own words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut said = Vec::new();
        for name in ["message", "error", "error_description", "errors", "detail"] {
            collect(self.json.get(name).unwrap_or(&Value::Null), &mut said);
        }
        let words = if said.is_empty() { self.text.clone() } else { said.join("; ") };
        headline(&words, WORDS)
    }
}

/// Texts, lists of texts, and objects that name a code, a field and a message.
fn collect(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() && !said.contains(text) => said.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, said)),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            let parts: Vec<&str> =
                ["resource", "field", "code", "message"].iter().filter_map(|name| text(name)).collect();
            if !parts.is_empty() {
                said.push(parts.join(" "));
            }
        }
        _ => {}
    }
}
