//! `--output json`: each event as one line of JSON on standard output, for machines.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::json;

use crate::base::error::Error;
use crate::base::event::{Event, Listener};

/// Writes what it hears as lines of JSON.
pub struct Json {
    to: Mutex<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Json")
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::new()
    }
}

impl Json {
    /// Lines on standard output.
    #[must_use]
    pub fn new() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    /// Lines into `to`.
    #[must_use]
    pub fn to(to: Box<dyn Write + Send>) -> Self {
        Self { to: Mutex::new(to) }
    }

    /// Writes the error that a command ends with: `{"event":"error","exit":1,"error":{…}}`.
    pub fn error(&self, error: &Error) {
        self.line(&json!({ "event": "error", "exit": error.exit().code(), "error": error }));
    }

    /// Writes where a plan was saved: `{"event":"plan_saved","file":…,"hash":…}`.
    pub fn plan(&self, file: &Path, hash: &str) {
        self.line(&json!({ "event": "plan_saved", "file": file.display().to_string(), "hash": hash }));
    }

    fn line(&self, value: &impl Serialize) {
        let (Ok(mut line), Ok(mut to)) = (serde_json::to_vec(value), self.to.lock()) else { return };
        line.push(b'\n');
        // Whoever reads may have gone away (`| head`); the run goes on.
        let _ = to.write_all(&line).and_then(|()| to.flush());
    }
}

impl Listener for Json {
    fn hear(&self, event: &Event) {
        self.line(event);
    }

    fn recall(&self, event: &Event) {
        let mut value = json!(event);
        value["recorded"] = json!(true);
        self.line(&value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_event_is_a_line_and_the_error_is_the_last() {
        let page = Page::default();
        let json = Json::to(Box::new(page.clone()));
        json.hear(&Event::Logged { position: "0".to_owned(), text: "two\nlines".to_owned() });
        json.error(&Error::denied("no"));
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "{\"event\":\"logged\",\"position\":\"0\",\"text\":\"two\\nlines\"}\n\
             {\"event\":\"error\",\"exit\":3,\"error\":{\"kind\":\"denied\",\"what\":\"no\"}}\n"
        );
    }
}
