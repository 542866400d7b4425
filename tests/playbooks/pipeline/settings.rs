//! The rig's `playbook.toml` for the playbook: the same resources as in production, and two weeks of some seconds.

use super::{Namespace, Registry};
use crate::rig::servers::grafana::Grafana;

const PEOPLE: [&str; 5] = ["dda", "caa", "sca", "qaa", "production"];

/// What stands in it.
pub struct Parts<'a> {
    pub staging: &'a Namespace,
    pub production: &'a Namespace,
    pub registry: &'a Registry,
    pub grafana: &'a Grafana,
    pub prometheus: u16,
    pub smtp: u16,
    pub recorder: &'a str,
    pub ports: [u16; 2],
}

/// All of it.
pub fn text(parts: &Parts<'_>) -> String {
    let [staging, production] =
        [(parts.staging, "staging"), (parts.production, "production")].map(|(namespace, name)| {
            namespace.settings("write").replace("kubernetes.main", &format!("kubernetes.{name}"))
        });
    [head(), staging, production, build(parts), seen(parts), parts.grafana.settings("read"), told(parts)]
        .concat()
}

fn head() -> String {
    let people = PEOPLE.map(|name| format!("[people.{name}]\n")).concat();
    let clock = "clock = { \"1m\" = \"400ms\", \"5m\" = \"2s\", \"15m\" = \"6s\", \"78h\" = \"7s\", \"246h\" = \"8s\", \"318h\" = \"9s\" }";
    format!("{people}[env.local]\n{clock}\n[env.local.limits]\ntimeout = \"500h\"\n")
}

fn build(parts: &Parts<'_>) -> String {
    let [staging, production] = parts.ports.map(|port| format!("http://127.0.0.1:{port}"));
    let pass = "pass = [\"PATH\"]\naccess = \"write\"\n";
    format!(
        "[env.local.git.source]\nfolder = \"source\"\n[env.local.files.source]\npath = \"source\"\n[env.local.files.documents]\npath = \"source/docs\"\n\
         [env.local.program.mvnw]\npath = \"source/mvnw\"\nfolder = \"source\"\n{pass}\
         write = [[\"clean\", \"compile\", \"-q\"], [\"test\", \"-q\"], [\"test\", \"-Dtest=*IT\", \"-q\"], [\"package\", \"-DskipTests\", \"-q\"]]\n\
         [env.local.program.reports]\npath = \"source/scripts/test-report\"\nfolder = \"source\"\nwrite = [[\"--all\"]]\n{pass}\
         [env.local.program.docker]\npath = \"./docker\"\nfolder = \"source\"\n{pass}\
         write = [[\"build\", \"-q\", \"-f\", \"*\", \"--build-arg\", \"*\", \"--build-arg\", \"*\", \"-t\", \"*\", \".\"], [\"push\", \"-q\", \"*\"], \
         [\"image\", \"inspect\", \"*\"], [\"run\", \"--rm\", \"*\", \"--version\"]]\n\
         [env.local.program.trivy]\npath = \"./trivy\"\nwrite = [[\"image\", \"-q\", \"--exit-code\", \"1\", \"--severity\", \"HIGH,CRITICAL\", \"*\"]]\n{pass}\
         [env.local.program.e2e]\npath = \"source/run-e2e-tests.sh\"\nwrite = [[\"--env=staging\"], [\"--env=production\", \"--smoke\"]]\n{pass}\
         env = {{ STAGING_URL = \"{staging}\", PRODUCTION_URL = \"{production}\" }}\n\
         [env.local.registry.main]\nurl = \"{}\"\naccess = \"write\"\n\
         [env.local.http.staging]\nurl = \"{staging}\"\n[env.local.http.production]\nurl = \"{production}\"\n",
        parts.registry.url()
    )
}

fn seen(parts: &Parts<'_>) -> String {
    let latency = |name: &str, share: &str| {
        format!(
            "{name} = \"histogram_quantile({share}, sum by (le) (rate(aurigraph_latency_milliseconds_bucket[5s])))\"\n"
        )
    };
    let share = |name: &str, result: &str| {
        format!(
            "{name} = \"100 * sum(rate(aurigraph_requests_total{{result='{result}'}}[5s])) / sum(rate(aurigraph_requests_total[5s]))\"\n"
        )
    };
    format!(
        "[env.local.prometheus.main]\nurl = \"http://127.0.0.1:{}\"\n[env.local.prometheus.main.queries]\n\
         tps = \"sum(rate(aurigraph_transactions_processed_total[5s]))\"\n{}{}{}{}{}\
         block_rate = \"sum(rate(aurigraph_blocks_total[5s]))\"\nmemory = \"max(process_resident_memory_bytes)\"\n\
         heap = \"max(aurigraph_heap_used_percent)\"\ngc_pause = \"max(aurigraph_gc_pause_milliseconds)\"\n\
         cpu = \"100 * max(rate(process_cpu_seconds_total[5s]))\"\nnetwork = \"sum(rate(aurigraph_network_bytes_total[5s]))\"\n\
         consensus_round = \"max(aurigraph_consensus_round_seconds)\"\n",
        parts.prometheus,
        latency("latency_p50", "0.5"),
        latency("latency_p95", "0.95"),
        latency("latency_p99", "0.99"),
        share("error_rate", "error"),
        share("success_rate", "ok"),
    )
}

fn told(parts: &Parts<'_>) -> String {
    let (recorder, smtp) = (parts.recorder, parts.smtp);
    format!(
        "[env.local.http.github]\nurl = \"{recorder}\"\n[env.local.http.logs]\nurl = \"{recorder}\"\n\
         [env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"{recorder}/team\"\naccess = \"write\"\n\
         [env.local.pager.oncall]\nkey = \"env:PAGER_KEY\"\nurl = \"{recorder}\"\naccess = \"write\"\n\
         [env.local.mail.leads]\nhost = \"127.0.0.1\"\nport = {smtp}\nencryption = \"none\"\nfrom = \"deploys@example.com\"\nto = [\"leads@example.com\"]\naccess = \"write\"\n"
    )
}
