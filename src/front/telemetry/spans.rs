//! Events folded into spans: a run holds its steps, a step its effects and gates.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use sha2::{Digest as _, Sha256};

use crate::base::error::Error;
use crate::base::event::Event;
use crate::base::gate::GateEnd;
use crate::base::outcome::Outcome;
use crate::sys::clock;

/// The spans of the run that goes on.
#[derive(Debug)]
pub(super) struct Spans {
    /// The trace and span in which this process was started.
    within: Option<(TraceId, SpanId)>,
    run: Option<Open>,
    id: String,
    open: HashMap<String, Open>,
    /// How many spans were begun: so that no two have the same number.
    begun: u64,
}

/// A span that has not ended.
#[derive(Clone, Debug)]
struct Open {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    is_remote: bool,
    kind: SpanKind,
    name: String,
    began: SystemTime,
    attributes: Vec<KeyValue>,
}

impl Spans {
    /// Spans within the one that `parent` (a W3C `traceparent`) names.
    pub(super) fn within(parent: Option<&str>) -> Self {
        let within = parent.and_then(read);
        Self { within, run: None, id: String::new(), open: HashMap::new(), begun: 0 }
    }

    /// Takes one event; gives the spans that it ends.
    pub(super) fn hear(&mut self, event: &Event) -> Vec<SpanData> {
        match event {
            Event::RunBegan { planning: false, .. } => self.begin_run(event),
            Event::StepBegan { position, name, .. } => {
                self.begin(position, name, SpanKind::Internal, Vec::new())
            }
            Event::EffectBegan { position, call, effect, plan, .. } => {
                let attributes = vec![
                    KeyValue::new("playbook.resource", call.resource.to_string()),
                    KeyValue::new("playbook.effect", effect.to_string()),
                    KeyValue::new("playbook.plan", plan.clone()),
                ];
                self.begin(position, &call.name(), SpanKind::Client, attributes);
            }
            Event::GateOpened { position, asked, .. } => {
                self.begin(position, &format!("gate {}", asked.name), SpanKind::Internal, Vec::new());
            }
            Event::StepEnded { position, outcome, error, .. }
            | Event::EffectEnded { position, outcome, error, .. } => {
                return self.end(position, *outcome, error.as_ref()).into_iter().collect();
            }
            Event::GateClosed { position, end, .. } => {
                let outcome = if *end == GateEnd::Approved { Outcome::Done } else { Outcome::Failed };
                return self.end(position, outcome, None).into_iter().collect();
            }
            Event::Suspended { .. } => return self.end_run(Outcome::Done, None),
            Event::RunEnded { outcome, error, .. } => return self.end_run(*outcome, error.as_ref()),
            _ => {}
        }
        Vec::new()
    }

    /// The W3C `traceparent` of a call, `RUN/POSITION`, for a service that is called by it.
    pub(super) fn parent(&self, call: &str) -> Option<String> {
        let position = call.split_once('/').map_or("", |(_, position)| position);
        let span = self.open.get(position).or(self.run.as_ref())?;
        Some(format!("00-{}-{}-01", span.trace, span.id))
    }

    fn begin_run(&mut self, event: &Event) {
        let Event::RunBegan { run, playbook, title, environment, person, .. } = event else { return };
        self.open.clear();
        self.id.clone_from(run);
        // A run that goes on later, in another process, is the same trace.
        let digest: [u8; 32] = Sha256::digest(run.as_bytes()).into();
        let own = TraceId::from_bytes(std::array::from_fn(|index| digest[index]));
        let (trace, parent, is_remote) = match self.within {
            Some((trace, parent)) => (trace, parent, true),
            None => (own, SpanId::INVALID, false),
        };
        let attributes = vec![
            KeyValue::new("playbook.run", run.clone()),
            KeyValue::new("playbook.file", playbook.clone()),
            KeyValue::new("playbook.title", title.clone()),
            KeyValue::new("playbook.environment", environment.clone()),
            KeyValue::new("playbook.person", person.clone()),
        ];
        let id = self.number("run");
        let (name, began) = (format!("playbook {playbook}"), SystemTime::from(clock::now()));
        self.run =
            Some(Open { trace, id, parent, is_remote, kind: SpanKind::Internal, name, began, attributes });
    }

    fn begin(&mut self, position: &str, name: &str, kind: SpanKind, mut attributes: Vec<KeyValue>) {
        let Some(run) = &self.run else { return };
        let (trace, parent) = (run.trace, self.above(position).unwrap_or(run.id));
        attributes.push(KeyValue::new("playbook.run", self.id.clone()));
        attributes.push(KeyValue::new("playbook.position", position.to_owned()));
        let id = self.number(position);
        let (name, began) = (name.to_owned(), SystemTime::from(clock::now()));
        let span = Open { trace, id, parent, is_remote: false, kind, name, began, attributes };
        self.open.insert(position.to_owned(), span);
    }

    fn end(&mut self, position: &str, outcome: Outcome, error: Option<&Error>) -> Option<SpanData> {
        self.open.remove(position).map(|span| ended(span, outcome, error))
    }

    /// What is still open ends with the run.
    fn end_run(&mut self, outcome: Outcome, error: Option<&Error>) -> Vec<SpanData> {
        let mut all: Vec<SpanData> = self.open.drain().map(|(_, span)| ended(span, outcome, None)).collect();
        all.extend(self.run.take().map(|span| ended(span, outcome, error)));
        all
    }

    /// The span in which `position` lies.
    fn above(&self, position: &str) -> Option<SpanId> {
        let mut rest = position;
        while let Some((outer, _)) = rest.rsplit_once('/') {
            if let Some(span) = self.open.get(outer) {
                return Some(span.id);
            }
            rest = outer;
        }
        None
    }

    /// A number for a span that no other of this trace has, in another process neither.
    fn number(&mut self, position: &str) -> SpanId {
        self.begun += 1;
        let text = format!("{} {position} {} {}", self.id, self.begun, clock::now());
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        SpanId::from_bytes(std::array::from_fn(|index| digest[index]))
    }
}

fn ended(span: Open, outcome: Outcome, error: Option<&Error>) -> SpanData {
    let mut attributes = span.attributes;
    attributes.push(KeyValue::new("playbook.outcome", outcome.words()));
    let status = match (outcome, error) {
        (Outcome::Done, _) => Status::Ok,
        (_, Some(error)) => Status::error(error.what.clone()),
        (other, None) => Status::error(other.words()),
    };
    SpanData {
        span_context: SpanContext::new(
            span.trace,
            span.id,
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: span.parent,
        parent_span_is_remote: span.is_remote,
        span_kind: span.kind,
        name: Cow::Owned(span.name),
        start_time: span.began,
        end_time: SystemTime::from(clock::now()),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: InstrumentationScope::builder("playbook")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}

/// The trace and span of a W3C `traceparent`.
fn read(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.trim().split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    (trace != TraceId::INVALID && span != SpanId::INVALID).then_some((trace, span))
}
