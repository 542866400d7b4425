//! Sends spans to a collector from a thread of its own: what cannot be sent holds no run up.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use crate::base::error::{Error, Result};
use crate::sys::clock;

/// So many spans may wait; further ones are left out.
const MOST: usize = 8192;
/// So many go in one request.
const BATCH: usize = 512;
/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(1);
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a command waits for its last spans.
const LAST: Duration = Duration::from_secs(3);
/// How long to wait until a request is asked again whether it is done.
const LOOK: Duration = Duration::from_millis(5);

/// What the thread is handed.
enum Letter {
    Span(Box<SpanData>),
    /// Everything before this is to be sent, and then said so.
    Flush(SyncSender<()>),
}

/// The way to a collector.
#[derive(Debug)]
pub(super) struct Sender {
    letters: SyncSender<Letter>,
}

impl Sender {
    /// Begins a thread that sends to `endpoint` as `service`.
    pub(super) fn open(endpoint: &str, service: &str) -> Result<Self> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|why| {
                Error::usage(format!("`{endpoint}` takes no traces")).why(why.to_string()).fix(
                    "name the base address of a collector, for example http://127.0.0.1:4318, in OTEL_EXPORTER_OTLP_ENDPOINT or \
                     [telemetry]",
                )
            })?;
        exporter.set_resource(&Resource::builder().with_service_name(service.to_owned()).build());
        let (letters, inbox) = mpsc::sync_channel(MOST);
        let thread = std::thread::Builder::new().name("traces".to_owned());
        thread
            .spawn(move || work(&exporter, &inbox))
            .map_err(|why| Error::io("the thread that sends traces cannot be started", &why))?;
        Ok(Self { letters })
    }

    /// Hands a span over; it is left out where too many wait.
    pub(super) fn send(&self, span: SpanData) {
        let _ = self.letters.try_send(Letter::Span(Box::new(span)));
    }

    /// Waits until everything was sent, but not for long.
    pub(super) fn flush(&self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.letters.try_send(Letter::Flush(done)).is_ok() {
            let _ = is_done.recv_timeout(LAST);
        }
    }
}

fn work(exporter: &SpanExporter, inbox: &Receiver<Letter>) {
    let mut batch = Vec::new();
    loop {
        let letter = inbox.recv_timeout(GATHER);
        let flush = match letter {
            Ok(Letter::Span(span)) => {
                batch.push(*span);
                if batch.len() < BATCH {
                    continue;
                }
                None
            }
            Ok(Letter::Flush(done)) => Some(done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if !batch.is_empty() {
            export(exporter, std::mem::take(&mut batch));
        }
        if let Some(done) = flush {
            let _ = done.send(());
        }
    }
}

/// Sends a batch. The client blocks, so that there is nothing else to do meanwhile; what is refused is lost.
fn export(exporter: &SpanExporter, batch: Vec<SpanData>) {
    let mut work = std::pin::pin!(exporter.export(batch));
    let mut context = Context::from_waker(Waker::noop());
    let begin = clock::instant();
    while begin.elapsed() < PATIENCE {
        if let Poll::Ready(sent) = work.as_mut().poll(&mut context) {
            if let Err(why) = sent {
                tracing::debug!(target: "playbook", "traces were not sent: {why}");
            }
            return;
        }
        clock::rest_until(clock::instant(), LOOK);
    }
}
