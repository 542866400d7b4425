//! The API: records from the database, a queue of what is to be written elsewhere, and its own health.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::{Answer, quoted};
use crate::arguments::Arguments;
use crate::figures::Figures;
use crate::server::{self, Request};

/// What each release reads of its database: what a release needs that no migration made, breaks it for real.
const RELEASES: &[(&str, &str)] = &[
    ("v3", "SELECT id, amount FROM pfa_records LIMIT 20"),
    (
        "v4",
        "SELECT id, amount, synced_at FROM pfa_records, (SELECT count(*) FROM pfa_sync_conflict) c LIMIT 20",
    ),
    ("stable", "SELECT id, hits FROM cache_entries LIMIT 20"),
    ("sprint", "SELECT id, hits, evicted_at FROM cache_entries LIMIT 20"),
    ("v11", "SELECT id, amount FROM transactions LIMIT 20"),
    ("v12", "SELECT id, amount, finality FROM transactions LIMIT 20"),
];

/// The API of one process.
pub(crate) struct Api {
    pub(crate) arguments: Arguments,
    pub(crate) reads: &'static str,
    pub(crate) figures: Figures,
}

/// Serves until it is ended.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let reads = RELEASES.iter().find(|(begin, _)| arguments.release.starts_with(begin));
    let reads = reads.ok_or_else(|| format!("there is no release {}", arguments.release))?.1;
    if arguments.faults.on("crash").is_some() {
        return Err("cannot read its configuration: PEMS_API_URL is not set".to_owned());
    }
    println!("api {} listens on 127.0.0.1:{}", arguments.release, arguments.port);
    let port = arguments.port;
    let api = Arc::new(Api { arguments, reads, figures: Figures::default() });
    server::serve(port, move |request| api.answer(request))
}

impl Api {
    fn answer(&self, request: &Request) -> Option<Answer> {
        let faults = &self.arguments.faults;
        if matches!(request.path.as_str(), "/metrics" | "/q/metrics") {
            let is_silent = self.arguments.faults.on("no_metrics").is_some();
            return Some(Answer::text(if is_silent { 503 } else { 200 }, self.metrics()));
        }
        if faults.on("down").is_some() {
            return None;
        }
        let begin = Instant::now();
        let is_probe = request.path.contains("/health");
        let slow = if is_probe { None } else { faults.on("slow_users") };
        std::thread::sleep(Duration::from_millis(slow.or_else(|| faults.on("slow")).unwrap_or(0)));
        let lucky = self.figures.served() % 100 * 37 % 100 >= faults.on("fail").unwrap_or(0);
        let answer = if lucky || is_probe {
            self.proper(request)
        } else {
            eprintln!("ERROR {} {} went wrong on purpose", request.method, request.path);
            Answer::json(500, "{\"error\": \"on purpose\"}")
        };
        // What asks how it is, is no user of it.
        if !request.path.starts_with("/q/") {
            self.figures.count(answer.status, begin.elapsed());
        }
        Some(answer)
    }

    fn proper(&self, request: &Request) -> Answer {
        let answered = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/health" | "/api/v11/health") => return self.health(),
            ("GET", path @ ("/q/health" | "/q/health/ready")) => {
                return self.quarkus(path.ends_with("ready"));
            }
            ("GET", "/health/write-sync") => return self.worker(),
            ("GET", "/" | "/healthz") => Ok(Answer::json(200, "{}")),
            _ if !self.knows(request) => Ok(Answer::json(401, "{\"error\": \"who are you?\"}")),
            ("GET", "/api/session") => Ok(Answer::json(200, "{\"user\": \"admin\"}")),
            ("GET", "/api/pfa") => self.records(),
            ("GET", "/api/sync/status") => {
                self.counted("pending", "SELECT count(*) FROM pfa_write_queue WHERE status = 'pending'")
            }
            ("GET", "/api/queue/metrics") => {
                self.counted("size", "SELECT count(*) FROM pfa_write_queue WHERE status <> 'done'")
            }
            ("POST", "/api/sync") => self.sync(),
            (method, path) => self.ledger(request).unwrap_or_else(|| {
                Ok(Answer::json(
                    404,
                    format!("{{\"error\": {}}}", quoted(&format!("no {method} {path} here"))),
                ))
            }),
        };
        answered.unwrap_or_else(|why| {
            eprintln!("ERROR database: {why}");
            Answer::json(500, format!("{{\"error\": {}}}", quoted(&why)))
        })
    }

    /// Whether the request comes with the token.
    fn knows(&self, request: &Request) -> bool {
        let token = &self.arguments.token;
        let is_fine = token.is_empty() || request.authorization == format!("Bearer {token}");
        if !is_fine {
            eprintln!("WARN authentication failure at {}", request.path);
        }
        is_fine && self.arguments.faults.on("login").is_none()
    }

    fn health(&self) -> Answer {
        let version = quoted(&self.arguments.release);
        match self.arguments.database.ask(self.reads) {
            Ok(_) => Answer::json(
                200,
                format!("{{\"status\": \"ok\", \"database\": \"ok\", \"version\": {version}}}"),
            ),
            Err(why) => Answer::json(
                503,
                format!(
                    "{{\"status\": \"failing\", \"database\": {}, \"version\": {version}}}",
                    quoted(&why)
                ),
            ),
        }
    }

    /// Whether a worker has shown a sign of life within five seconds, and the queue can be read.
    fn worker(&self) -> Answer {
        let sql = "SELECT count(*) FROM sync_worker WHERE beat > now() - interval '5 seconds'";
        match self.arguments.database.number(sql) {
            Ok(count) if count > 0.0 => {
                Answer::json(200, "{\"worker\": \"running\", \"queue\": \"initialized\"}")
            }
            Ok(_) => Answer::json(503, "{\"worker\": \"silent\", \"queue\": \"initialized\"}"),
            Err(why) => {
                Answer::json(503, format!("{{\"worker\": \"unknown\", \"queue\": {}}}", quoted(&why)))
            }
        }
    }

    fn records(&self) -> Result<Answer, String> {
        let rows = self.arguments.database.ask(self.reads)?;
        let ids: Vec<String> = rows.iter().filter_map(|row| row.first()?.clone()).collect();
        Ok(Answer::json(200, format!("{{\"records\": [{}]}}", ids.join(", "))))
    }

    /// One number of the database under its name.
    pub(crate) fn counted(&self, name: &str, sql: &str) -> Result<Answer, String> {
        Ok(Answer::json(200, format!("{{\"{name}\": {}}}", self.arguments.database.number(sql)?)))
    }

    fn sync(&self) -> Result<Answer, String> {
        let sql = "INSERT INTO pfa_write_queue (status) VALUES ('pending') RETURNING id";
        Ok(Answer::json(202, format!("{{\"id\": {}}}", self.arguments.database.number(sql)?)))
    }

    fn metrics(&self) -> String {
        let faults = &self.arguments.faults;
        let (critical, hits) = (faults.on("critical").unwrap_or(0), faults.on("hits").unwrap_or(92));
        if faults.on("corrupt_cache").is_some() {
            let _ = self.arguments.database.ask("UPDATE cache_entries SET hits = -1 WHERE id = 3");
        }
        format!(
            "{}critical_errors_total {critical}\nwebsocket_connections 12\ncache_hit_percent {hits}\n{}",
            self.figures.told(),
            self.ledger_metrics()
        )
    }
}
