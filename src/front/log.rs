//! Structured logs: every event of a run, and what the client libraries say, through `tracing` to standard error.

use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use super::arguments::{Common, Output};
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Listener};

/// Begins to log when `--log` asks for it; the listener passes the run's events on.
pub fn begin(common: &Common) -> Result<Option<Arc<dyn Listener>>> {
    let Some(wanted) = &common.log else { return Ok(None) };
    let filter = EnvFilter::try_new(wanted).map_err(|why| {
        Error::usage(format!("`{wanted}` is no log filter"))
            .why(why.to_string())
            .fix("write for example --log info or --log playbook=debug,tokio_postgres=info")
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process, as when embedded, is the embedder's own: its settings stay.
    let _ = match common.output {
        Output::Json => subscriber.json().try_init(),
        Output::Text => subscriber.with_ansi(false).try_init(),
    };
    Ok(Some(Arc::new(Log)))
}

/// Passes events on to `tracing`: what changes something as `info`, what is shown only for a moment as `debug`.
struct Log;

impl Listener for Log {
    fn hear(&self, event: &Event) {
        let word = event.word();
        if event.is_kept() {
            tracing::info!(target: "playbook", event = word, body = %body(event));
        } else {
            tracing::debug!(target: "playbook", event = word, body = %body(event));
        }
    }
}

fn body(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}
