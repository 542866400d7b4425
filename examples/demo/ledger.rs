//! What a ledger's API does: it takes transactions, puts them into blocks, and tells how it is in the manner of Quarkus.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::answer::Answer;
use crate::api::Api;
use crate::server::Request;

/// What the application of a ledger is set to: connections of its pool, and for how many seconds a caller waits for one.
const POOL: (u64, u64) = (50, 30);

/// How many transactions it processes in a second, when it is well.
const PER_SECOND: u64 = 3_030_000;

impl Api {
    /// The answer to a request of a ledger's user; `None` where there is no such path.
    pub(crate) fn ledger(&self, request: &Request) -> Option<Result<Answer, String>> {
        Some(match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/api/v11/transactions") => self.take(&request.body),
            ("GET", "/api/v11/blocks/latest") => {
                self.counted("height", "SELECT coalesce(max(height), 0) FROM blocks")
            }
            ("GET", "/q/logging-manager") => {
                let level = if self.arguments.faults.on("debug").is_some() { "DEBUG" } else { "INFO" };
                Ok(Answer::json(200, format!("{{\"name\": \"root\", \"effectiveLevel\": \"{level}\"}}")))
            }
            _ => return None,
        })
    }

    /// Takes a transaction; with the fault `stuck` it stays in the queue, and no block comes of it.
    fn take(&self, body: &str) -> Result<Answer, String> {
        if self.figures.served() % 100 * 37 % 100 < self.arguments.faults.on("reject").unwrap_or(0) {
            return Ok(Answer::json(500, "{\"error\": \"rejected on purpose\"}"));
        }
        let memo = body.split("\"memo\":").nth(1).and_then(|rest| rest.split('"').nth(1)).unwrap_or("none");
        let memo: String = memo.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect();
        let is_stuck = self.arguments.faults.on("stuck").is_some();
        let state = if is_stuck { "queued" } else { "processed" };
        let block = if is_stuck { "" } else { "INSERT INTO blocks DEFAULT VALUES;" };
        let sql = format!(
            "{block} INSERT INTO transactions (account, amount, memo, state) VALUES (1, 1, '{memo}', '{state}') RETURNING id"
        );
        Ok(Answer::json(201, format!("{{\"id\": {}}}", self.arguments.database.number(&sql)?)))
    }

    /// How it is, check by check; the faults of the database are those of `/q/health/ready`.
    pub(crate) fn quarkus(&self, is_ready: bool) -> Answer {
        static ASKING: AtomicU64 = AtomicU64::new(0);
        let on =
            |fault: &str, usual: u64| self.arguments.faults.on(fault).filter(|_| is_ready).unwrap_or(usual);
        let has_room = ASKING.fetch_add(1, Relaxed) < on("connections", u64::MAX);
        std::thread::sleep(std::time::Duration::from_millis(on("slow_database", 0)));
        let well = has_room && self.arguments.database.ask(self.reads).is_ok();
        ASKING.fetch_sub(1, Relaxed);
        let (status, word) = if well { (200, "UP") } else { (503, "DOWN") };
        let checks = format!(
            "{{\"name\": \"Database connections health check\", \"status\": \"{word}\"}}, {{\"name\": \"Application\", \"status\": \"UP\"}}"
        );
        Answer::json(status, format!("{{\"status\": \"{word}\", \"checks\": [{checks}]}}"))
    }

    /// What it tells Prometheus of a ledger.
    pub(crate) fn ledger_metrics(&self) -> String {
        static HELD: Mutex<Vec<u8>> = Mutex::new(Vec::new());
        let on = |fault: &str, usual: u64| self.arguments.faults.on(fault).unwrap_or(usual);
        if let Ok(mut held) = HELD.lock() {
            *held = vec![1; usize::try_from(on("memory", 0) * 1024 * 1024).unwrap_or(0)];
        }
        format!(
            "pool_max_size {}\npool_acquisition_timeout_seconds {}\ntransactions_per_second {}\n",
            on("pool", POOL.0),
            on("pool_timeout", POOL.1),
            on("tps", PER_SECOND)
        )
    }
}
