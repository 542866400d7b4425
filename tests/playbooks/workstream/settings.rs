//! The rig's `playbook.toml` for the playbook: the same resources as in production, and an afternoon of some seconds.

use super::Servers;
use super::cloud::Cloud;
use crate::rig::servers::postgres::Database;
use crate::rig::servers::tls::certificates;

const PEOPLE: [&str; 6] = ["backend", "quality", "devops", "chief-architect", "executive", "business-owner"];

/// Alert rules of the three severities; the critical one fires when the throughput is far off.
pub const RULES: &str = "groups:\n- name: ledger\n  rules:\n\
    \x20 - {alert: ThroughputDeviates, expr: 'abs(transactions_per_second / 3e6 - 1) > 0.15', labels: {severity: critical}}\n\
    \x20 - {alert: Corrupt, expr: 'critical_errors_total > 10', labels: {severity: critical}}\n\
    \x20 - {alert: Errors, expr: 'rate(http_requests_total{code=\"500\"}[8s]) > 0.01 * 1e9', labels: {severity: warning}}\n\
    \x20 - {alert: Memory, expr: 'process_resident_memory_bytes > 0.8 * 64e9', labels: {severity: info}}\n";

/// The whole file.
pub fn text(servers: &Servers, cloud: &Cloud, database: &Database) -> String {
    [
        head(cloud),
        database.settings("destroy"),
        database.settings("write").replace("postgres.main", "postgres.drill"),
        servers.backups.settings("destroy").replace("s3.box", "s3.backups"),
        servers.redis.settings("read").replace("redis.main", "redis.cache"),
        servers.grafana.settings("read"),
        crate::real::aws::settings(cloud.moto.port, &account(cloud)),
        measured(servers),
        others(servers),
    ]
    .concat()
}

fn head(cloud: &Cloud) -> String {
    let people = PEOPLE.map(|name| format!("[people.{name}]\n")).concat();
    format!(
        "{people}[env.local]\nclock = {{ \"10s\" = \"100ms\", \"1m\" = \"1300ms\", \"1h\" = \"1400ms\", \"5h\" = \"1600ms\" }}\n\
         [env.local.limits]\ntimeout = \"8h\"\n\
         [env.local.params]\nrelease = \"v11.4.4\"\npatience = \"30s\"\naccount = \"123456789012\"\ntopic = \"orders\"\n\
         host = \"{}\"\ntargets = \"{}\"\nhealth_check = \"{}\"\n",
        cloud.host, cloud.targets, cloud.health_check
    )
}

fn account(cloud: &Cloud) -> String {
    let of = |name: &str, more: &str| format!("[env.local.{name}]\naccount = \"aws.main\"\n{more}\n");
    [
        of("ec2.app", &format!("instances = [\"{}\"]", cloud.machine)),
        of("ecs.api", &format!("cluster = \"{}\"\nservice = \"api\"", cloud.cluster)),
        of("alb.public", &format!("load_balancer = \"{}\"", cloud.balancer)),
        of("cloudfront.cdn", &format!("distribution = \"{}\"", cloud.distribution)),
        of("route53.zone", &format!("zone = \"{}\"\naccess = \"write\"", cloud.zone)),
    ]
    .concat()
}

fn measured(servers: &Servers) -> String {
    format!("[env.local.prometheus.main]\nurl = \"http://127.0.0.1:{}\"\n{QUERIES}", servers.prometheus.port)
}

const QUERIES: &str = "[env.local.prometheus.main.queries]\n\
    pool_size = \"max(pool_max_size)\"\n\
    pool_timeout = \"max(pool_acquisition_timeout_seconds)\"\n\
    tps = \"max(transactions_per_second)\"\n\
    latency_p99 = \"1000 * histogram_quantile(0.99, sum by (le) (rate(http_request_seconds_bucket[3s])))\"\n\
    error_rate = \"100 * sum(rate(http_requests_total{code='500'}[3s])) / sum(rate(http_requests_total[3s]))\"\n\
    memory = \"max(process_resident_memory_bytes) / 1e6\"\n\
    samples = \"sum(count_over_time(up[1m]))\"\n";

fn others(servers: &Servers) -> String {
    let url = servers.recorder.url();
    let first = servers.kafka.brokers.split(',').next().unwrap();
    let brokers = servers.kafka.brokers.replace(',', "\", \"");
    let at = |name: &str, port: u16, more: &str| {
        format!("[env.local.{name}]\nurl = \"http://127.0.0.1:{port}\"\n{more}")
    };
    [
        at("http.api", servers.api, "access = \"write\"\n"),
        at("http.monitoring", servers.prometheus.port, ""),
        format!("[env.local.http.logs]\nurl = \"{url}\"\n"),
        format!("[env.local.kafka.events]\nbrokers = [\"{brokers}\"]\n[env.local.tcp.kafka]\naddress = \"{first}\"\n"),
        format!("[env.local.tls.edge]\naddress = \"127.0.0.1:{}\"\nca = \"{}\"\n", servers.edge.port, certificates().authority().display()),
        format!("[env.local.dns.public]\nresolvers = [\"127.0.0.1:{}\"]\n", servers.dns.port),
        "[env.local.files.documents]\npath = \"documents\"\n[env.local.files.artifacts]\npath = \"artifacts\"\n".to_owned(),
        "[env.local.program.quality]\npath = \"./quality\"\nread = [[\"--release\", \"*\"]]\n".to_owned(),
        format!("[env.local.pager.oncall]\nkey = \"env:KEY\"\nurl = \"{url}\"\naccess = \"write\"\n"),
        format!("[env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"{url}/team\"\naccess = \"write\"\n"),
        format!(
            "[env.local.mail.people]\nhost = \"127.0.0.1\"\nport = {}\nencryption = \"none\"\nfrom = \"deploys@example.com\"\nto = [\"executives@example.com\"]\naccess = \"write\"\n",
            servers.smtp
        ),
    ]
    .concat()
}
