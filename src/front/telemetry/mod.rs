//! Traces: a run, its steps and its effects as spans, sent to a collector over OTLP, and named to the services that are called.

mod sender;
mod spans;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::error::Result;
use crate::base::event::{Event, Listener};
use crate::run::project::telemetry::Telemetry;
use crate::sys::environment;
use sender::Sender;
use spans::Spans;

/// Hears runs, and sends their spans as they end.
#[derive(Debug)]
pub struct Traces {
    spans: Mutex<Spans>,
    sender: Sender,
}

/// Begins to send traces, when the environment or the settings name a collector.
pub fn begin(settings: &Telemetry) -> Result<Option<Arc<Traces>>> {
    let is_off = environment::variable("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true"));
    let Some(endpoint) = endpoint(settings).filter(|_| !is_off) else { return Ok(None) };
    let service = environment::variable("OTEL_SERVICE_NAME").or_else(|| settings.service.clone());
    let sender = Sender::open(&endpoint, service.as_deref().unwrap_or("playbook"))?;
    let within = environment::variable("TRACEPARENT");
    Ok(Some(Arc::new(Traces { spans: Mutex::new(Spans::within(within.as_deref())), sender })))
}

/// Where spans go: what OpenTelemetry's own variables say, else `playbook.toml`.
fn endpoint(settings: &Telemetry) -> Option<String> {
    let set = |name: &str| environment::variable(name).filter(|value| !value.is_empty());
    let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
    set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        .or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT").or_else(|| settings.endpoint.clone()).map(below))
}

impl Traces {
    /// Waits a moment until what ended has been sent.
    pub fn close(&self) {
        self.sender.flush();
    }

    fn spans(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Traces {
    fn hear(&self, event: &Event) {
        let ended = self.spans().hear(event);
        ended.into_iter().for_each(|span| self.sender.send(span));
    }

    fn trace(&self, call: &str) -> Option<String> {
        self.spans().parent(call)
    }
}
