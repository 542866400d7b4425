//! The rig's `playbook.toml` for the playbook: the same resources as in production, and a day of seven seconds.

use super::{Ports, TOKEN};
use crate::rig::Rig;
use crate::rig::servers::grafana;
use crate::rig::servers::pm2::Pm2;
use crate::rig::servers::postgres::{self, Database};
use crate::rig::servers::redis::Server as Redis;
use crate::rig::servers::s3s::{self, Bucket};

/// Alert rules of each priority; none of them ever fires.
pub const RULES: &str = "groups:\n- name: app\n  rules:\n\
    \x20 - {alert: Down, expr: 'vector(0) > 1', labels: {priority: P1}}\n\
    \x20 - {alert: Slow, expr: 'vector(0) > 1', labels: {priority: P2}}\n\
    \x20 - {alert: Odd, expr: 'vector(0) > 1', labels: {priority: P3}}\n";

/// Brings the old release's database and site into being.
pub const PREPARE: &str = r#"//! Prepare.
//!
//! uses = ["postgres.main:write", "s3.site:destroy"]
postgres("main").migrate("live/backend/prisma/migrations");
s3("site").sync_from("live/dist", #{ delete: true });
"#;

const PEOPLE: &[&str] = &[
    "product-owner",
    "devsecops-lead",
    "security-team",
    "deployment-lead",
    "decision-maker",
    "devsecops",
    "backend-engineer",
    "database-admin",
    "quality",
    "support",
    "verifier",
];

/// What stands in it.
pub struct Parts<'a> {
    pub pm2: &'a Pm2,
    pub moto: u16,
    pub distribution: String,
    pub smtp: u16,
    pub redis: &'a Redis,
    pub recorder: &'a str,
    pub ports: &'a Ports,
    pub prometheus: u16,
    pub alertmanager: u16,
    pub grafana: u16,
    pub database: &'a Database,
    pub buckets: [&'a Bucket; 3],
}

/// The variables that it refers to.
pub fn variables(rig: Rig) -> Rig {
    [
        ("PG_PASSWORD", postgres::PASSWORD),
        ("RIG_ACCESS", s3s::ACCESS_KEY),
        ("RIG_SECRET", s3s::SECRET_KEY),
        ("TOKEN", TOKEN),
        ("GRAFANA", grafana::TOKEN),
        ("KEY", "hunter2hunter2hunter2hunter2hunt"),
    ]
    .into_iter()
    .fold(rig, |rig, (name, value)| rig.variable(name, value))
}

/// The whole file.
pub fn text(parts: &Parts<'_>) -> String {
    let people: String = PEOPLE.iter().map(|name| format!("[people.{name}]\n")).collect();
    let database = parts.database.settings("destroy");
    let drill = database.replace("postgres.main", "postgres.drill");
    let [backups, site, logs] = ["backups", "site", "logs"].map(|name| format!("s3.{name}"));
    let buckets = parts.buckets.iter().zip([(backups, "write"), (site, "destroy"), (logs, "write")]);
    let buckets: String =
        buckets.map(|(bucket, (name, access))| bucket.settings(access).replace("s3.box", &name)).collect();
    let redis = parts.redis.settings("read").replace("redis.main", "redis.cache");
    let pm2 = parts.pm2.settings("folder = \"live/backend\"").replace("500ms", "300ms");
    let at = |name: &str, port: u16, more: &str| {
        format!("[env.local.{name}]\nurl = \"http://127.0.0.1:{port}\"\n{more}\n")
    };
    let services = [
        at("http.api", parts.ports.api, "token = \"env:TOKEN\""),
        at("http.staging", parts.ports.rehearsal, ""),
        at("http.site", parts.ports.site, ""),
        at("alertmanager.main", parts.alertmanager, ""),
        at("grafana.main", parts.grafana, "token = \"env:GRAFANA\""),
        at("prometheus.staging", parts.prometheus, "") + STAGING,
        at("prometheus.main", parts.prometheus, "") + QUERIES,
    ]
    .concat();
    let aws =
        crate::real::aws::settings(parts.moto, "[env.local.secrets_manager.main]\naccount = \"aws.main\"");
    format!(
        "{people}[env.local]\nclock = {{ \"1m\" = \"150ms\", \"15m\" = \"2s\", \"1h\" = \"5s\", \"24h\" = \"7s\" }}\n\
         [env.local.limits]\ntimeout = \"72h\"\n{database}{drill}{buckets}{redis}{pm2}{services}{aws}\
         [env.local.cloudfront.cdn]\naccount = \"aws.main\"\ndistribution = \"{}\"\naccess = \"write\"\n\
         [env.local.flags.main]\ndatabase = \"postgres.main\"\nname = \"flag_name\"\naccess = \"write\"\n\
         [env.local.files.documents]\npath = \"source/docs\"\naccess = \"write\"\n{}{}",
        parts.distribution,
        programs(parts),
        notices(parts)
    )
}

fn programs(parts: &Parts<'_>) -> String {
    let api = |port: u16| format!("http://127.0.0.1:{port}");
    format!(
        "[env.local.git.source]\nfolder = \"source\"\naccess = \"write\"\n[env.local.git.live]\nfolder = \"live\"\n\
         [env.local.program.git]\nwrite = [[\"-C\", \"live\", \"fetch\", \"--quiet\", \"--tags\", \"--force\"], [\"-C\", \"live\", \"checkout\", \"--quiet\", \"*\"]]\naccess = \"write\"\n\
         [env.local.program.npm]\nwrite = [[\"--prefix\", \"*\", \"ci\"], [\"--prefix\", \"*\", \"run\", \"build\"], [\"--prefix\", \"*\", \"test\"]]\npass = [\"PATH\", \"HOME\"]\naccess = \"write\"\n\
         env = {{ npm_config_offline = \"true\", npm_config_update_notifier = \"false\", npm_config_audit = \"false\", npm_config_fund = \"false\" }}\n\
         [env.local.program.smoke]\npath = \"node\"\nfolder = \"source/backend\"\nread = [[\"scripts/smoke-test-staging.mjs\", \"--env=staging\"]]\nwrite = [[\"scripts/smoke-test-staging.mjs\", \"--env=production\"]]\n\
         env = {{ SMOKE_TEST_TOKEN = \"env:TOKEN\", PROD_API_URL = \"{}\", STAGING_API_URL = \"{}\" }}\nok = [0, 1]\naccess = \"write\"\n",
        api(parts.ports.api),
        api(parts.ports.rehearsal)
    )
}

fn notices(parts: &Parts<'_>) -> String {
    let url = parts.recorder;
    format!(
        "[env.local.pager.oncall]\nkey = \"env:KEY\"\nurl = \"{url}\"\naccess = \"write\"\n\
         [env.local.statuspage.public]\npage = \"pfavanguard\"\ntoken = \"env:KEY\"\nurl = \"{url}/v1\"\naccess = \"write\"\n\
         [env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"{url}/team\"\naccess = \"write\"\n\
         [env.local.mail.people]\nhost = \"127.0.0.1\"\nport = {}\nencryption = \"none\"\nfrom = \"deploys@pfavanguard.com\"\nto = [\"customers@pfavanguard.com\"]\naccess = \"write\"\n",
        parts.smtp
    )
}

const STAGING: &str = "[env.local.prometheus.staging.queries]\n\
    stable_hours = \"100 * (time() - max(process_start_time_seconds{colour='staging'}))\"\n\
    error_rate = \"100 * sum(http_requests_total{colour='staging',code='500'}) / sum(http_requests_total{colour='staging'})\"\n\
    queue_size = \"max(queue_size{colour='rehearsal'})\"\n\
    sync_success_rate = \"100 * sum(syncs_total{colour='rehearsal',result='done'}) / sum(syncs_total{colour='rehearsal'})\"\n\
    memory_growth = \"max(deriv(process_resident_memory_bytes{colour='rehearsal'}[8s])) * 0.3 / 1e6\"\n";

const QUERIES: &str = "[env.local.prometheus.main.queries]\n\
    error_rate = \"100 * sum(rate(http_requests_total{colour='backend',code='500'}[8s])) / sum(rate(http_requests_total{colour='backend'}[8s]))\"\n\
    error_rate_hour = \"100 * sum(rate(http_requests_total{colour='backend',code='500'}[8s])) / sum(rate(http_requests_total{colour='backend'}[8s]))\"\n\
    error_rate_day = \"100 * sum(rate(http_requests_total{colour='backend',code='500'}[8s])) / sum(rate(http_requests_total{colour='backend'}[8s]))\"\n\
    critical_errors = \"max(critical_errors_total{colour='backend'})\"\n\
    response_p95 = \"1000 * histogram_quantile(0.95, sum by (le) (rate(http_request_seconds_bucket{colour='backend'}[8s])))\"\n\
    websockets = \"max(websocket_connections{colour='backend'})\"\n\
    syncs_completed = \"max(syncs_total{colour='worker',result='done'})\"\n\
    syncs_failed = \"max(syncs_total{colour='worker',result='failed'})\"\n\
    sync_success_rate = \"100 * sum(syncs_total{colour='worker',result='done'}) / sum(syncs_total{colour='worker'})\"\n\
    sync_latency = \"sum(sync_seconds_sum{colour='worker'}) / sum(sync_seconds_count{colour='worker'}) / 60\"\n\
    sync_latency_p99 = \"sum(sync_seconds_sum{colour='worker'}) / sum(sync_seconds_count{colour='worker'}) / 60\"\n\
    queue_size = \"max(queue_size{colour='worker'})\"\n\
    queue_max_day = \"max(max_over_time(queue_size{colour='worker'}[5s]))\"\n\
    queue_average_day = \"max(avg_over_time(queue_size{colour='worker'}[5s]))\"\n\
    conflicts = \"max(conflicts{colour='worker'})\"\n\
    conflicts_resolved = \"max(conflicts_resolved{colour='worker'})\"\n\
    backend_cpu = \"100 * max(rate(process_cpu_seconds_total{colour='backend'}[8s]))\"\n\
    worker_cpu = \"100 * max(rate(process_cpu_seconds_total{colour='worker'}[8s]))\"\n\
    backend_memory = \"100 * max(process_resident_memory_bytes{colour='backend'}) / 1e9\"\n\
    worker_memory = \"100 * max(process_resident_memory_bytes{colour='worker'}) / 1e9\"\n\
    database_cpu = \"max(database_cpu_percent)\"\n\
    memory_growth = \"max(deriv(process_resident_memory_bytes{colour=~'backend|worker'}[8s])) * 0.3 / 1e6\"\n\
    cpu_trend = \"100 * max(deriv(process_cpu_seconds_total{colour='backend'}[6s])) - 100 * max(deriv(process_cpu_seconds_total{colour='backend'}[9s]))\"\n\
    backend_uptime_day = \"100 * min(max_over_time(up{colour='backend'}[4s]))\"\n\
    worker_uptime_day = \"100 * min(max_over_time(up{colour='worker'}[4s]))\"\n\
    frontend_uptime_day = \"100 * min(max_over_time(up{colour='site'}[4s]))\"\n";
