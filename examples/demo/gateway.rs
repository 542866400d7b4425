//! The gateway of a cluster: it answers for the pods that are alive, and counts what they do together.
//!
//! Each pod keeps a file `NAME` in a folder that it shares with the gateway, with the words `RELEASE ROLE`, written anew all the
//! time. A request is answered by the next business pod in turn, and so goes wrong as often as its release does.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::answer::{Answer, quoted};
use crate::arguments::Arguments;
use crate::faults::Faults;
use crate::figures;
use crate::server::{self, Request};

/// A pod that has said nothing for so long is not alive.
const SILENCE: Duration = Duration::from_millis(1500);

/// How often the figures grow.
const TICK: Duration = Duration::from_millis(100);

/// Transactions of a second, all pods together.
const RATE: f64 = 3_150_000.0;

/// Requests that the histogram and the counters of results see in a tick.
const SEEN: u64 = 1000;

/// The bounds of the histogram, in milliseconds.
const BOUNDS: [u64; 5] = [1, 10, 50, 100, 250];

#[derive(Default)]
struct Totals {
    transactions: f64,
    answered: u64,
    failed: u64,
    buckets: [u64; BOUNDS.len()],
}

struct Gateway {
    arguments: Arguments,
    turn: AtomicUsize,
    totals: Mutex<Totals>,
}

/// Serves until it is ended.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let port = arguments.port;
    let gateway = Arc::new(Gateway { arguments, turn: AtomicUsize::default(), totals: Mutex::default() });
    let counting = Arc::clone(&gateway);
    std::thread::spawn(move || {
        let mut last = Instant::now();
        loop {
            std::thread::sleep(TICK);
            let passed = last.elapsed();
            last += passed;
            counting.count(passed);
        }
    });
    server::serve(port, move |request| gateway.answer(request))
}

/// The releases of the pods of a role that are alive.
fn alive(folder: &Path, role: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let release = |entry: std::fs::DirEntry| {
        let written = entry.metadata().ok()?.modified().ok()?;
        let text = std::fs::read_to_string(entry.path()).ok()?;
        let (release, of) = text.trim().split_once(' ')?;
        (of == role && written.elapsed().ok()? < SILENCE).then(|| release.to_owned())
    };
    let mut found: Vec<String> = entries.flatten().filter_map(release).collect();
    found.sort();
    found
}

impl Gateway {
    fn pods(&self, role: &str) -> Vec<String> {
        alive(&self.arguments.folder, role)
    }

    fn fault(&self, release: &str, fault: &str) -> Option<u64> {
        Faults { file: self.arguments.faults.file.clone(), release: release.to_owned() }.on(fault)
    }

    /// What the pods have done in the time that has passed since.
    fn count(&self, passed: Duration) {
        let pods = self.pods("business");
        let Ok(mut totals) = self.totals.lock() else { return };
        for release in &pods {
            let share = 1.0 / pods.len() as f64;
            let rate = self.fault(release, "tps").map_or(RATE, |thousands| thousands as f64 * 1000.0);
            totals.transactions += rate * share * passed.as_secs_f64();
            let seen = (SEEN as f64 * share * passed.as_secs_f64() / TICK.as_secs_f64()) as u64;
            totals.answered += seen;
            totals.failed += seen * self.fault(release, "fail").unwrap_or(0) / 100;
            let took = 5 + self.fault(release, "slow").unwrap_or(0);
            for (bound, count) in BOUNDS.iter().zip(totals.buckets.iter_mut()) {
                *count += if took <= *bound { seen } else { 0 };
            }
        }
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        if request.path == "/q/metrics" || request.path == "/metrics" {
            return Some(Answer::text(200, self.metrics()));
        }
        let pods = self.pods("business");
        let Some(release) = pods.get(self.turn.fetch_add(1, Relaxed) % pods.len().max(1)) else {
            return Some(Answer::json(503, "{\"status\": \"DOWN\"}"));
        };
        if self.fault(release, "down").is_some() {
            return None;
        }
        let is_sick = self.fault(release, "sick").is_some();
        Some(match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/q/health") if is_sick => Answer::json(503, "{\"status\": \"DOWN\"}"),
            ("GET", "/q/health" | "/api/v11/health") => {
                Answer::json(200, format!("{{\"status\": \"UP\", \"version\": {}}}", quoted(release)))
            }
            ("POST", "/api/v11/transactions") if self.fault(release, "refuse").is_some() => {
                Answer::json(500, "{\"error\": \"the transaction pool is closed\"}")
            }
            ("POST", "/api/v11/transactions") => Answer::json(202, "{\"state\": \"accepted\"}"),
            _ => Answer::json(404, "{}"),
        })
    }

    fn metrics(&self) -> String {
        let (business, validators) = (self.pods("business"), self.pods("validator"));
        let worst = |fault, otherwise: u64| {
            let found = business.iter().chain(&validators).filter_map(|release| self.fault(release, fault));
            found.max().unwrap_or(otherwise)
        };
        let (heap, stuck) = (worst("heap", 55), worst("stuck", 1));
        let Ok(totals) = self.totals.lock() else { return String::new() };
        let mut text = format!(
            "aurigraph_transactions_processed_total{{role=\"business\"}} {}\n\
             aurigraph_requests_total{{result=\"ok\"}} {}\naurigraph_requests_total{{result=\"error\"}} {}\n\
             aurigraph_blocks_total {}\naurigraph_network_bytes_total {}\naurigraph_gc_pause_milliseconds 4\n\
             aurigraph_heap_used_percent {heap}\naurigraph_consensus_round_seconds {stuck}\n",
            totals.transactions,
            totals.answered - totals.failed,
            totals.failed,
            totals.answered / SEEN,
            totals.answered * 512,
        );
        for (bound, count) in BOUNDS.iter().zip(totals.buckets) {
            let _ = writeln!(text, "aurigraph_latency_milliseconds_bucket{{le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(text, "aurigraph_latency_milliseconds_bucket{{le=\"+Inf\"}} {}", totals.answered);
        text + &figures::process()
    }
}
