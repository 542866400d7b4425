//! The rig's `playbook.toml` for the playbook: the same resources as in production, and a day of six seconds.

use std::path::Path;

use super::{PROGRAMS, SERVICES};
use crate::rig::servers::tls::certificates;

const PEOPLE: [&str; 5] = ["product-owner", "technical-lead", "security-team", "operations-team", "business"];

/// People, time and limits.
pub fn head() -> String {
    let people = PEOPLE.map(|name| format!("[people.{name}]\n")).concat();
    let clock = "clock = { \"1m\" = \"150ms\", \"1h\" = \"5s\", \"24h\" = \"6s\", \"48h\" = \"7s\" }";
    format!("{people}[env.local]\n{clock}\n[env.local.limits]\ntimeout = \"96h\"\n")
}

/// The three services, and how each is asked.
pub fn services(faults: &Path, of: &str, ports: [u16; 3]) -> String {
    let one = |((name, program), port): ((&str, &str), u16)| {
        let given = format!("--port {port} --faults {} {of}", faults.display());
        let given: Vec<String> = given.split(' ').map(|word| format!("\"{word}\"")).collect();
        format!(
            "[env.local.service.{name}]\nprogram = \"releases/{{release}}/bin/{program}\"\nargs = [{}]\nsettle = \"200ms\"\naccess = \"write\"\n\
             [env.local.http.{name}]\nurl = \"http://127.0.0.1:{port}\"\n",
            given.join(", ")
        )
    };
    SERVICES.into_iter().zip(PROGRAMS).zip(ports).map(one).collect()
}

/// Everything else, but for the load balancer, which is started last.
pub fn others(prometheus: u16, recorder: &str, edge: u16) -> String {
    let pass = "pass = [\"PATH\", \"HOME\", \"CARGO_HOME\", \"RUSTUP_HOME\"]";
    let ca = certificates().authority();
    format!(
        "[env.local.git.source]\nfolder = \"source\"\n\
         [env.local.program.git]\nread = [[\"-C\", \"source\", \"diff\", \"*\", \"--name-only\"]]\nwrite = [[\"-C\", \"source\", \"checkout\", \"--quiet\", \"*\"]]\naccess = \"write\"\n\
         [env.local.program.cargo]\nfolder = \"source\"\n{pass}\naccess = \"write\"\nwrite = [[\"build\", \"--release\", \"--locked\", \"--offline\", \"--quiet\"], [\"test\", \"--release\", \"--locked\", \"--offline\", \"--quiet\"], \
         [\"install\", \"--path\", \".\", \"--root\", \"../releases/*\", \"--locked\", \"--offline\", \"--no-track\", \"--force\", \"--quiet\"]]\n\
         [env.local.program.scan]\npath = \"./scan\"\nread = [[\"--branch\", \"*\"]]\n\
         [env.local.files.backups]\npath = \"backups\"\naccess = \"write\"\n[env.local.files.configuration]\npath = \"configuration\"\n\
         [env.local.tls.edge]\naddress = \"127.0.0.1:{edge}\"\nca = \"{}\"\n[env.local.http.logs]\nurl = \"{recorder}\"\n\
         [env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"{recorder}/team\"\naccess = \"write\"\n\
         [env.local.prometheus.staging]\nurl = \"http://127.0.0.1:{prometheus}\"\n[env.local.prometheus.staging.queries]\ncache_hit_rate = \"max(cache_hit_percent)\"\n\
         [env.local.prometheus.main]\nurl = \"http://127.0.0.1:{prometheus}\"\n[env.local.prometheus.main.queries]\n{QUERIES}",
        ca.display()
    )
}

const QUERIES: &str = "cache_hit_rate = \"max(cache_hit_percent{colour='cache'})\"\n\
    response_p95 = \"1000 * histogram_quantile(0.95, sum by (le) (rate(http_request_seconds_bucket{colour='api'}[4s])))\"\n\
    retrieval_average = \"1000 * sum(rate(http_request_seconds_sum{colour='api'}[8s])) / sum(rate(http_request_seconds_count{colour='api'}[8s]))\"\n\
    error_rate = \"100 * sum(rate(http_requests_total{colour='api',code='500'}[8s])) / sum(rate(http_requests_total{colour='api'}[8s]))\"\n\
    retrieval_success_rate = \"100 - 100 * sum(rate(http_requests_total{colour='api',code='500'}[8s])) / sum(rate(http_requests_total{colour='api'}[8s]))\"\n\
    critical_errors = \"max(critical_errors_total)\"\n\
    memory_growth = \"max(deriv(process_resident_memory_bytes[8s])) * 0.3 / 1e6\"\n\
    uptime = \"100 * min(max_over_time(up[4s]))\"\n";
