//! What Prometheus scrapes: the runs of the journal in figures, without anything that a run was given.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::fault::Fault;
use super::{Desk, aside};
use crate::base::error::Result;
use crate::base::outcome::Outcome;
use crate::effect::journal::{Brief, Filter, State as Standing};
use crate::front::timeline::since;
use crate::run::reversed;
use crate::sys::environment;

/// The bounds of the histogram of lengths, in seconds.
const BOUNDS: [f64; 12] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 14400.0];

/// Whether the journal can be read.
pub(super) async fn health(State(desk): State<Arc<Desk>>) -> Result<&'static str, Fault> {
    aside(&desk, |desk| desk.journal.version()).await?;
    Ok("ok\n")
}

/// Everything that is measured.
pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> Result<Response, Fault> {
    let text = aside(&desk, write).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What is known of a playbook in an environment.
#[derive(Default)]
struct Known<'a> {
    outcomes: BTreeMap<&'static str, u64>,
    buckets: [u64; BOUNDS.len()],
    seconds: f64,
    ended: u64,
    last: Option<(&'a Brief, Duration, Outcome)>,
}

fn write(desk: &Desk) -> Result<String> {
    let briefs = desk.journal.briefs()?;
    let mut all: BTreeMap<String, Known<'_>> = BTreeMap::new();
    for brief in &briefs {
        let labels =
            format!("playbook=\"{}\",environment=\"{}\"", label(&brief.playbook), label(&brief.environment));
        all.entry(labels).or_default().add(brief);
    }
    let mut out = String::new();
    let version = env!("CARGO_PKG_VERSION");
    figure(
        &mut out,
        ("playbook_build_info", "gauge", "The version that serves."),
        [(format!("version=\"{version}\""), 1.0)],
    );
    let outcomes = all.iter().flat_map(|(labels, known)| {
        known
            .outcomes
            .iter()
            .map(move |(word, count)| (format!("{labels},outcome=\"{word}\""), *count as f64))
    });
    figure(&mut out, ("playbook_runs_total", "counter", "Runs that ended, by how."), outcomes);
    histogram(&mut out, &all);
    let last = || all.iter().filter_map(|(labels, known)| Some((labels.clone(), known.last?)));
    let ended = last()
        .filter_map(|(labels, (brief, ..))| Some((labels, brief.ended?.as_millisecond() as f64 / 1000.0)));
    figure(&mut out, ("playbook_last_run_timestamp_seconds", "gauge", "When the last run ended."), ended);
    let took = last().map(|(labels, (_, took, _))| (labels, took.as_secs_f64()));
    figure(&mut out, ("playbook_last_run_duration_seconds", "gauge", "How long the last run took."), took);
    let good = last().map(|(labels, (.., outcome))| (labels, f64::from(u8::from(outcome == Outcome::Done))));
    figure(&mut out, ("playbook_last_run_success", "gauge", "Whether the last run ended well."), good);
    now(&mut out, desk)?;
    Ok(out)
}

/// How things stand right now.
fn now(out: &mut String, desk: &Desk) -> Result<()> {
    let mut open: BTreeMap<&str, u64> = [("running", 0), ("waiting", 0), ("interrupted", 0)].into();
    for record in desk.journal.runs(&Filter { open: true, ..Filter::default() })? {
        let word = match record.state {
            Standing::Running => "running",
            Standing::Waiting => "waiting",
            Standing::Interrupted => "interrupted",
            Standing::Ended => continue,
        };
        // Nobody has to look after one of which nothing stands any more.
        if reversed::of(&desk.journal, &record)?.is_some_and(|(_, whole)| whole) {
            continue;
        }
        *open.entry(word).or_default() += 1;
    }
    let open = open.into_iter().map(|(word, count)| (format!("state=\"{word}\""), count as f64));
    figure(out, ("playbook_runs_open", "gauge", "Runs that have not ended, by how they stand."), open);
    let alone = |value: f64| [(String::new(), value)];
    let gates = desk.journal.gates_open()?;
    figure(out, ("playbook_gates_open", "gauge", "Gates at which people are asked."), alone(gates as f64));
    let locks = desk.journal.leases()?.len();
    figure(out, ("playbook_locks_held", "gauge", "Locks that runs hold."), alone(locks as f64));
    let watchers = desk.hub.watchers();
    figure(out, ("playbook_page_watchers", "gauge", "Streams to browsers."), alone(watchers as f64));
    if let Some(bytes) = environment::resident() {
        let about = "Memory of the server that is in use.";
        figure(out, ("process_resident_memory_bytes", "gauge", about), alone(bytes as f64));
    }
    Ok(())
}

impl<'a> Known<'a> {
    fn add(&mut self, brief: &'a Brief) {
        let (Some(ended), Some(outcome)) = (brief.ended, brief.outcome) else { return };
        let took = since(brief.started, ended);
        let seconds = took.as_secs_f64();
        *self.outcomes.entry(word(outcome)).or_default() += 1;
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.seconds += seconds;
        self.ended += 1;
        self.last = Some((brief, took, outcome));
    }
}

fn histogram(out: &mut String, all: &BTreeMap<String, Known<'_>>) {
    let name = "playbook_run_duration_seconds";
    let _ = writeln!(out, "# HELP {name} How long runs took.\n# TYPE {name} histogram");
    for (labels, known) in all.iter().filter(|(_, known)| known.ended > 0) {
        for (count, bound) in known.buckets.iter().zip(BOUNDS) {
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let (ended, seconds) = (known.ended, known.seconds);
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {ended}");
        let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {ended}");
    }
}

fn figure(
    out: &mut String,
    (name, kind, about): (&str, &str, &str),
    values: impl IntoIterator<Item = (String, f64)>,
) {
    let _ = writeln!(out, "# HELP {name} {about}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = match labels.as_str() {
            "" => writeln!(out, "{name} {value}"),
            labels => writeln!(out, "{name}{{{labels}}} {value}"),
        };
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::InDoubt => "in_doubt",
        Outcome::Cancelled => "cancelled",
        Outcome::TakenBack => "taken_back",
        Outcome::NotTakenBack => "not_taken_back",
    }
}

/// A label's value as Prometheus reads it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
