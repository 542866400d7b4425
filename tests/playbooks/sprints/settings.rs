//! The rig's `playbook.toml` for the playbooks: the same resources as in production, and a week of a quarter of a minute.

use std::path::Path;

use super::grafana;
use super::postgres;
use super::{Answer, Http};
use crate::rig::Rig;
use crate::rig::servers::tls::certificates;

pub const DASHBOARDS: [&str; 4] = ["Cluster", "Performance", "Error", "Business"];

const PEOPLE: [&str; 8] = [
    "tech-lead",
    "qa-lead",
    "sre-lead",
    "executive",
    "devops",
    "security",
    "database-admin",
    "product-manager",
];

/// What the daily cycle has found.
pub const TESTS: &str = "{ \"unit\": 98.5, \"integration\": 81, \"per_second\": 800, \"baseline\": 776, \"error_rate\": 0.0, \"p95_ms\": 12 }\n";

/// Chat, pager, and the collectors of logs and traces.
pub fn recorder() -> Http {
    let recorder = Http::start();
    recorder.tell("/team", &[Answer::new(200, "{}")]);
    recorder.tell("/ready", &[Answer::new(200, "ready")]);
    let taken = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
    recorder.tell("/v2/enqueue", &[Answer::new(202, taken)]);
    workflow(&recorder, "success");
    recorder
}

/// The variables that it refers to.
pub fn variables(rig: Rig) -> Rig {
    [
        ("PG_PASSWORD", postgres::PASSWORD),
        ("GRAFANA", grafana::TOKEN),
        ("KEY", "hunter2hunter2hunter2hunter2hunt"),
    ]
    .into_iter()
    .fold(rig, |rig, (name, value)| rig.variable(name, value))
}

/// People, time, monitoring, and how people are told.
pub fn head(recorder: &str, smtp: u16, prometheus: u16) -> String {
    let people = PEOPLE.map(|name| format!("[people.{name}]\n")).concat();
    let queries = ["blue", "green"].map(queries).concat();
    format!(
        "{people}[env.local]\nclock = {{ {CLOCK} }}\n[env.local.limits]\ntimeout = \"9d\"\n\
         [env.local.params]\nbaseline = 20.0\nreplicas = 1\nlimited = 300\nfigures = [\"http_requests_total\", \"process_resident_memory_bytes\"]\n\
         [env.local.files.backups]\npath = \"backups\"\naccess = \"write\"\n[env.local.files.artifacts]\npath = \"artifacts\"\naccess = \"write\"\n\
         [env.local.files.source]\npath = \"source\"\n[env.local.program.scan]\npath = \"./scan\"\nread = [[\"--release\", \"*\"]]\n\
         [env.local.http.logs]\nurl = \"{recorder}\"\n[env.local.http.traces]\nurl = \"{recorder}\"\n\
         [env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"{recorder}/team\"\naccess = \"write\"\n\
         [env.local.pager.oncall]\nkey = \"env:KEY\"\nurl = \"{recorder}\"\naccess = \"write\"\n\
         [env.local.mail.people]\nhost = \"127.0.0.1\"\nport = {smtp}\nencryption = \"none\"\nfrom = \"deploys@example.com\"\nto = [\"team@example.com\"]\naccess = \"write\"\n\
         [env.local.prometheus.main]\nurl = \"http://127.0.0.1:{prometheus}\"\n[env.local.prometheus.main.queries]\n{queries}{FIGURES}"
    )
}

/// Lets a quarter of an hour take seconds, in which a busy machine gets round to a fault that comes while it is watched.
pub fn watches_for_long(rig: &Rig) {
    let path = rig.path("playbook.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    assert!(settings.contains(CLOCK), "{settings}");
    std::fs::write(path, settings.replace(CLOCK, "\"15m\" = \"8s\", \"96h\" = \"17s\"")).unwrap();
}

const CLOCK: &str = "\"1m\" = \"40ms\", \"5m\" = \"200ms\", \"15m\" = \"800ms\", \"4h\" = \"1500ms\", \"16h\" = \"2s\", \"24h\" = \"4s\", \"96h\" = \"17s\"";

const FIGURES: &str = "targets_down = \"count(up == 0) or vector(0)\"\nuptime = \"100 * min(max_over_time(up[4s]))\"\n\
    memory_mb = \"max(process_resident_memory_bytes) / 1e6\"\ncpu = \"100 * max(rate(process_cpu_seconds_total[4s]))\"\n";

/// A service that is asked at a port.
pub fn http(name: &str, port: u16) -> String {
    format!("[env.local.http.{name}]\nurl = \"http://127.0.0.1:{port}\"\n")
}

/// Two processes of the application, and how each is asked.
pub fn services(names: [&str; 2], faults: &Path, of: &str, ports: [u16; 2]) -> String {
    let one = |(name, port): (&str, u16)| {
        let given = format!("--port {port} --faults {} {of}", faults.display());
        let given: Vec<String> = given.split(' ').map(|word| format!("\"{word}\"")).collect();
        format!(
            "[env.local.service.{name}]\nprogram = \"releases/{{release}}/bin/gateway\"\nargs = [{}]\nsettle = \"200ms\"\naccess = \"write\"\n{}",
            given.join(", "),
            http(name, port)
        )
    };
    names.into_iter().zip(ports).map(one).collect()
}

/// The repository on GitHub, whose workflow ends well until it is told otherwise.
pub fn github(recorder: &str) -> String {
    format!(
        "[env.local.github.app]\nrepository = \"shop/api\"\ntoken = \"env:KEY\"\nurl = \"{recorder}\"\naccess = \"write\"\n"
    )
}

/// From now on the workflow ends so.
pub fn workflow(recorder: &Http, conclusion: &str) {
    let workflow = "/repos/shop/api/actions/workflows/sprint-20-rest-grpc-gateway.yml";
    recorder.tell(workflow, &[Answer::new(200, r#"{"id":1,"name":"Build","state":"active"}"#)]);
    let began = r#"{"workflow_run_id":7,"html_url":"https://github.com/shop/api/actions/runs/7"}"#;
    recorder.tell(&format!("{workflow}/dispatches"), &[Answer::new(200, began)]);
    recorder.tell(&format!("{workflow}/runs"), &[Answer::new(200, r#"{"workflow_runs":[]}"#)]);
    let run = format!(
        "{{\"id\":7,\"status\":\"completed\",\"conclusion\":\"{conclusion}\",\"run_attempt\":1,\"head_branch\":\"V12\",\"html_url\":\"u\"}}"
    );
    recorder.tell("/repos/shop/api/actions/runs/7", &[Answer::new(200, &run)]);
    let jobs = format!(
        "{{\"jobs\":[{{\"name\":\"build\",\"status\":\"completed\",\"conclusion\":\"{conclusion}\",\"steps\":[]}}]}}"
    );
    recorder.tell("/repos/shop/api/actions/runs/7/jobs", &[Answer::new(200, &jobs)]);
}

/// Alert rules; none of them ever fires.
pub fn rules() -> String {
    let names = ["ErrorRateHigh", "LatencyHigh", "DiskSpaceRunningOut", "MemoryUsageHigh"];
    let rules = names.map(|name| format!("  - {{alert: {name}, expr: 'vector(0) > 1'}}\n"));
    format!("groups:\n- name: sprints\n  rules:\n{}", rules.concat())
}

/// What the application is compiled from.
pub const CODE: &str = "serve() { echo gateway; }\n";

/// Its tests: a kind, and a command that has to succeed.
pub const CASES: &str = "unit true\nunit true\nunit true\nintegration true\nintegration true\n";

const MVNW: &str = r#"#!/bin/sh
set -e
count() { grep -c "$1" target/results || true; }
case "$1 $2" in
"clean package") sh -n src/gateway.sh; mkdir -p target; cp src/gateway.sh target/gateway.jar ;;
"test -B")
    : >target/results
    while read -r kind command; do $command && echo "$kind passed" || echo "$kind failed"; done <src/cases >>target/results
    share() { echo $((100 * $(count "$1 passed") / ($(count "$1 passed") + $(count "$1 failed")))); }
    printf '{"unit": %s, "integration": %s, "coverage": 96, "jar_mb": 1, "smoke": "PASS", "passed": %s, "failed": %s}' \
        "$(share unit)" "$(share integration)" "$(count passed)" "$(count failed)" ;;
"verify -B")
    failed=0
    for path in / / / / / / /q/health /q/metrics; do curl -fs -o /dev/null "$STAGING$path" || failed=$((failed + 1)); done
    printf '{"failed": %s}' "$failed" ;;
esac
"#;

const DOCKER: &str = r#"#!/bin/sh
set -e
case "$1" in
build) cp target/gateway.jar target/image ;;
image) wc -c <target/image ;;
push)
    name=${2#ghcr.io/}; tag=${name##*:}; name=${name%:*}
    digest=sha256:$(sha256sum <target/image | cut -d' ' -f1)
    place=$(curl -fsi -X POST "$REGISTRY/v2/$name/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -fs -X PUT -H 'content-type: application/octet-stream' --data-binary @target/image "$place&digest=$digest"
    kind=application/vnd.docker.distribution.manifest.v2+json
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%s,"digest":"%s"},"layers":[]}'         "$kind" "$(wc -c <target/image)" "$digest" >target/manifest
    curl -fs -X PUT -H "content-type: $kind" --data-binary @target/manifest "$REGISTRY/v2/$name/manifests/$tag" ;;
esac
"#;

/// The repository with what builds it.
pub fn build(rig: Rig) -> Rig {
    let rig = rig.file("source/src/gateway.sh", CODE).file("source/src/cases", CASES);
    let rig = rig.file("source/.github/workflows/sprint-20-rest-grpc-gateway.yml", "on: workflow_dispatch\n");
    let rig = rig.file("source/scripts/ci-cd/verify-sprint19-credentials.sh", "echo all credentials work\n");
    rig.file("source/mvnw", MVNW).file("source/docker", DOCKER)
}

/// What builds it, in the playbook's reach.
pub fn programs(registry: &str, staging: u16) -> String {
    format!(
        "[env.local.program.mvnw]\npath = \"source/mvnw\"\nfolder = \"source\"\naccess = \"write\"\nenv = {{ STAGING = \"http://127.0.0.1:{staging}\" }}\n\
         write = [[\"clean\", \"package\", \"-B\", \"-DskipTests\"], [\"test\", \"-B\"], [\"verify\", \"-B\"]]\n\
         [env.local.program.docker]\npath = \"source/docker\"\nfolder = \"source\"\naccess = \"write\"\nenv = {{ REGISTRY = \"{registry}\" }}\n\
         write = [[\"build\", \"-t\", \"*\", \".\"], [\"image\", \"inspect\", \"--format\", \"{{{{.Size}}}}\", \"*\"], [\"push\", \"*\"]]\n\
         [env.local.program.verify]\npath = \"sh\"\nfolder = \"source\"\nread = [[\"./scripts/ci-cd/verify-sprint19-credentials.sh\"]]\n"
    )
}

/// What the way to the go-live reaches, and the failover.
pub fn hardening(edge: u16) -> String {
    let authority = certificates().authority();
    format!(
        "[env.local.tls.edge]\naddress = \"127.0.0.1:{edge}\"\nca = \"{}\"\n\
         [env.local.program.mvnw]\npath = \"source/mvnw\"\naccess = \"write\"\nwrite = [[\"test\", \"-Dtest=LoadTest#testHighThroughput\"]]\n\
         [env.local.program.promote]\npath = \"./promote\"\naccess = \"write\"\nwrite = [[]]\n",
        authority.display()
    )
}

fn queries(colour: &str) -> String {
    let text = "error_rate_COLOUR = \"100 * sum(rate(http_requests_total{colour='COLOUR',code='500'}[4s])) / sum(rate(http_requests_total{colour='COLOUR'}[4s]))\"\n\
        latency_p95_COLOUR = \"1000 * histogram_quantile(0.95, sum by (le) (rate(http_request_seconds_bucket{colour='COLOUR'}[4s])))\"\n\
        latency_p99_COLOUR = \"1000 * histogram_quantile(0.99, sum by (le) (rate(http_request_seconds_bucket{colour='COLOUR'}[4s])))\"\n\
        throughput_COLOUR = \"sum(rate(http_requests_total{colour='COLOUR'}[4s]))\"\n\
        counted_COLOUR = \"sum(rate(http_requests_total{colour='COLOUR'}[4s])) > 0\"\n";
    text.replace("COLOUR", colour)
}
