//! `--output json`: each event as one line of JSON on standard output, for machines.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::error::Error;
use crate::base::event::{Event, Listener};
use crate::base::exit::Exit;
use crate::base::outcome::Outcome;
use crate::effect::journal;
use crate::run::exec::Ended;

/// Writes what it hears as lines of JSON.
pub struct Json {
    to: Mutex<Box<dyn Write + Send>>,
    told: Mutex<Told>,
    /// The end of the run waits for [`Json::close`], which knows the exit code of the command.
    holds: bool,
}

/// What a machine needs at the end of a run to go on.
#[derive(Debug, Default)]
struct Told {
    run: String,
    /// The position of each thing that was taken back, `true`, or could not be.
    back: BTreeMap<String, bool>,
    not_sent: u64,
    /// The run's last word, while that is held.
    end: Option<Value>,
}

impl Told {
    fn hear(&mut self, event: &Event) {
        self.not_sent += u64::from(event.is_not_sent());
        match event {
            Event::RunBegan { run, .. } => self.run.clone_from(run),
            Event::Unwound { position, outcome, .. } => {
                let is_back = matches!(outcome, Outcome::Done | Outcome::TakenBack);
                self.back.insert(position.clone(), is_back);
            }
            _ => {}
        }
    }

    /// The event with the run's id, how it stands, what was taken back, and the exit code of the command.
    fn complete(&self, mut event: Value, exit: Exit, state: &str) -> Value {
        let back = self.back.values().filter(|is_back| **is_back).count();
        if !self.run.is_empty() {
            event["run"] = json!(self.run);
        }
        event["exit"] = json!(exit.code());
        event["state"] = json!(state);
        event["taken_back"] = json!(back);
        event["not_taken_back"] = json!(self.back.len() - back);
        event["not_sent"] = json!(self.not_sent);
        event
    }
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
        Self { to: Mutex::new(to), told: Mutex::default(), holds: false }
    }

    /// Lines on standard output of one run, whose end is written by [`Json::close`].
    #[must_use]
    pub fn of_run() -> Self {
        Self { holds: true, ..Self::new() }
    }

    /// Writes the end of the run, with the exit code of the command; of a run that said none, why.
    pub fn close(&self, ended: &Ended) {
        let mut told = self.told();
        let (exit, state) = (ended.exit(), if ended.left { "left" } else { "ended" });
        match (told.end.take(), &ended.error) {
            (Some(end), _) => self.line(&told.complete(end, exit, state)),
            // It said that it waits.
            (None, Some(_)) if ended.left => {}
            (None, Some(error)) => {
                self.line(&told.complete(json!({ "event": "error", "error": error }), exit, "interrupted"));
            }
            (None, None) => {}
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event as it is written; `None` when it is held.
    fn written(&self, event: &Event) -> Option<Value> {
        let mut told = self.told();
        told.hear(event);
        match event {
            Event::RunEnded { .. } if self.holds => {
                told.end = Some(json!(event));
                None
            }
            Event::RunEnded { outcome, error, .. } => {
                Some(told.complete(json!(event), journal::exit(*outcome, error.as_ref()), "ended"))
            }
            Event::Suspended { .. } => Some(told.complete(json!(event), Exit::Waiting, "waiting")),
            _ => Some(json!(event)),
        }
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
        if let Some(value) = self.written(event) {
            self.line(&value);
        }
    }

    fn recall(&self, event: &Event) {
        if let Some(mut value) = self.written(event) {
            value["recorded"] = json!(true);
            self.line(&value);
        }
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
