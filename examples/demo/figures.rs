//! What a process counts, as Prometheus reads it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// The bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 6] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0];

/// How many ticks of the processor's time a second has, on every Linux that there is.
const TICKS: f64 = 100.0;

/// The requests so far, and the process itself.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    served: AtomicU64,
    failed: AtomicU64,
    buckets: Mutex<([u64; BOUNDS.len()], f64)>,
}

impl Figures {
    /// How many requests were served.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// Counts a request.
    pub(crate) fn count(&self, status: u16, took: Duration) {
        self.served.fetch_add(1, Relaxed);
        self.failed.fetch_add(u64::from(status >= 500), Relaxed);
        let took = took.as_secs_f64();
        if let Ok(mut buckets) = self.buckets.lock() {
            buckets.1 += took;
            for (bound, count) in BOUNDS.iter().zip(buckets.0.iter_mut()) {
                *count += u64::from(took <= *bound);
            }
        }
    }

    /// All of it as text.
    pub(crate) fn told(&self) -> String {
        let (served, failed) = (self.served.load(Relaxed), self.failed.load(Relaxed));
        let mut text = format!(
            "http_requests_total{{code=\"200\"}} {}\nhttp_requests_total{{code=\"500\"}} {failed}\n",
            served.saturating_sub(failed)
        );
        if let Ok(buckets) = self.buckets.lock() {
            for (bound, count) in BOUNDS.iter().zip(buckets.0) {
                let _ = writeln!(text, "http_request_seconds_bucket{{le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(text, "http_request_seconds_bucket{{le=\"+Inf\"}} {served}");
            let _ =
                writeln!(text, "http_request_seconds_sum {}\nhttp_request_seconds_count {served}", buckets.1);
        }
        text + &process()
    }
}

/// The process itself: since when it runs, its memory, its processor time.
pub(crate) fn process() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| words.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    format!(
        "process_resident_memory_bytes {}\nprocess_cpu_seconds_total {}\nprocess_start_time_seconds {}\n",
        1024 * kilobytes.unwrap_or(0_u64),
        (ticks(11) + ticks(12)) / TICKS,
        began()
    )
}

fn began() -> f64 {
    static BEGAN: std::sync::OnceLock<f64> = std::sync::OnceLock::new();
    *BEGAN.get_or_init(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    })
}
