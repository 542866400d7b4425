//! Structured logs: every event of a run with the ids of run, step and call, and what the client libraries say, through
//! `tracing` to standard error.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;

use super::arguments::{Common, Output};
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Listener};
use crate::base::redact::Redactor;

/// What is logged when only the form was asked for.
const FILTER: &str = "info";

/// Begins to log when `--log` or `--log-format` asks for it; the listener passes the run's events on.
pub fn begin(common: &Common) -> Result<Option<Arc<dyn Listener>>> {
    let wanted = common.log.as_deref().or_else(|| common.log_format.map(|_| FILTER));
    let Some(wanted) = wanted else { return Ok(None) };
    let filter = EnvFilter::try_new(wanted).map_err(|why| {
        Error::usage(format!("`{wanted}` is no log filter"))
            .why(why.to_string())
            .fix("write for example --log info or --log playbook=debug,tokio_postgres=info")
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Masked);
    // A second subscriber in one process, as when embedded, is the embedder's own: its settings stay.
    let _ = match common.log_format.unwrap_or(common.output) {
        Output::Json => subscriber.json().flatten_event(true).try_init(),
        Output::Text => subscriber.with_ansi(false).try_init(),
    };
    Ok(Some(Arc::new(Log::default())))
}

/// Standard error without secrets: a client library may log what it sent or was answered. Each entry comes in one piece.
struct Masked;

impl Write for Masked {
    fn write(&mut self, entry: &[u8]) -> std::io::Result<usize> {
        let text = Redactor::of_process().text(&String::from_utf8_lossy(entry));
        std::io::stderr().write_all(text.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Passes events on to `tracing`: what changes something as `info`, what is shown only for a moment as `debug`.
#[derive(Default)]
struct Log(Mutex<Place>);

/// Where in which run the log is.
#[derive(Default)]
struct Place {
    run: String,
    /// The steps that go on, by their positions.
    steps: BTreeMap<String, String>,
}

impl Listener for Log {
    fn hear(&self, event: &Event) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::RunBegan { run, .. } = event {
            (place.run, place.steps) = (run.clone(), BTreeMap::new());
        }
        let body = serde_json::to_value(event).unwrap_or_default();
        let position = body["position"].as_str().unwrap_or_default();
        if let Event::StepBegan { position, name, .. } = event {
            place.steps.insert(position.clone(), name.clone());
        }
        let (step, name) = place.step(position);
        let is_call = matches!(event, Event::EffectBegan { .. } | Event::EffectEnded { .. });
        let call = if is_call { position } else { "" };
        let (word, run) = (event.word(), place.run.as_str());
        if event.is_kept() {
            tracing::info!(target: "playbook", run, step, step_name = name, call, event = word, body = %body);
        } else {
            tracing::debug!(target: "playbook", run, step, step_name = name, call, event = word, body = %body);
        }
        if let Event::StepEnded { position, .. } = event {
            place.steps.remove(position);
        }
    }
}

impl Place {
    /// The position and name of the innermost step in which `position` lies.
    fn step<'a>(&'a self, position: &'a str) -> (&'a str, &'a str) {
        let mut rest = position;
        loop {
            if let Some(name) = self.steps.get(rest) {
                return (rest, name);
            }
            match rest.rsplit_once('/') {
                Some((outer, _)) => rest = outer,
                None => return ("", ""),
            }
        }
    }
}
