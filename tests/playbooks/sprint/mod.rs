//! `playbooks/sprint-001`, unchanged, on real servers: cargo, PostgreSQL twice, three services, HAProxy, Prometheus,
//! Alertmanager, a TLS server; Grafana, chat and the collector of logs are recorders.

mod days;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::crowd::{Crowd, Do};
use super::repository;
use crate::rig::seen::Seen;
use crate::rig::servers::alertmanager::{self, Alertmanager};
use crate::rig::servers::demo;
use crate::rig::servers::grafana::{self, Grafana};
use crate::rig::servers::haproxy::{self, Haproxy};
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::postgres::{self, Database};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::release::{self, Stream};
use crate::rig::servers::tls::{self, certificates};
use crate::rig::servers::warden::Warden;
use crate::rig::{Rig, free_port, wait_until};

const OLD: &str = "stable-000";
const NEW: &str = "sprint-001";
const FIRST: &str = "CREATE TABLE cache_entries (id int PRIMARY KEY, hits int NOT NULL);\nINSERT INTO cache_entries SELECT i, i FROM generate_series(1, 100) i;\n";
const SECOND: &str = "ALTER TABLE cache_entries ADD COLUMN evicted_at timestamptz;\nCREATE TABLE cache_evictions (entry int NOT NULL REFERENCES cache_entries (id));\n";
const ALERTS: [&str; 6] = [
    "CacheHitRateLow",
    "CacheHitRateCritical",
    "ResponseTimeHigh",
    "ResponseTimeCritical",
    "ErrorRateHigh",
    "ErrorRateCritical",
];
const SERVICES: [&str; 3] = ["cache", "api", "mcp"];
const PROGRAMS: [&str; 3] = ["cache-service", "api-server", "mcp-server"];

/// Starts the old release, as it was before.
const PREPARE: &str = r#"//! Prepare.
//!
//! uses = ["postgres.main:write", "postgres.staging:write", "service.cache:write", "service.api:write", "service.mcp:write"]
postgres("main").migrate("source/migrations");
postgres("staging").migrate("source/migrations");
service("cache").start("stable-000");
service("api").start("stable-000");
service("mcp").start("stable-000");
"#;

/// Ends what it started.
const END: &str = "//! End.\n//!\n//! uses = [\"service.cache:write\", \"service.api:write\", \"service.mcp:write\"]\n\
    service(\"cache\").stop();\nservice(\"api\").stop();\nservice(\"mcp\").stop();\n";

/// The whole site with the old release live.
struct Sprint {
    rig: Rig,
    database: Database,
    haproxy: Haproxy,
    alertmanager: Alertmanager,
    ports: [u16; 3],
    recorder: Http,
    _others: (Database, Prometheus, Grafana, tls::Server, Stream, Warden),
}

impl Sprint {
    fn start() -> Option<Self> {
        if !prometheus::is_here() || !alertmanager::is_here() || !haproxy::is_here() {
            return None;
        }
        let program = demo::program();
        let (database, staging) = (postgres::database()?, postgres::database()?);
        let (ports, old_api) = ([0; 3].map(|_| free_port()), free_port());
        let rig = project(program);
        let socket = database.server.socket().join(format!(".s.PGSQL.{}", database.server.port));
        let of = format!("--socket {} --database {}", socket.display(), database.name);
        let targets: Vec<(&str, u16)> = SERVICES.into_iter().zip(ports).collect();
        let (prometheus, alertmanager) = (Prometheus::start(&targets, &rules()), Alertmanager::start());
        let grafana =
            Grafana::with(&["Cache Performance", "API Performance", "System Health", "Business Metrics"]);
        let (recorder, edge) = (Http::start(), certificates().serve("good"));
        recorder.tell("/team", &[Answer::new(200, "{}")]);
        recorder.tell("/ready", &[Answer::new(200, "ready")]);
        let blue = demo::role(&format!("api --release {OLD} {of}"), old_api);
        let settings = [
            settings::head(),
            database.settings("destroy"),
            staging.settings("write").replace("postgres.main", "postgres.staging"),
            settings::services(&rig.path("faults"), &of, ports),
            alertmanager.settings("read"),
            grafana.settings("read"),
            settings::others(prometheus.port, &recorder.url(), edge.port),
        ]
        .concat();
        let rig = rig.file("playbook.toml", &settings);
        rig.run(&["exec", "prepare.rhai"]).expect(0);
        wait_until("the old release", 30, || {
            ports.iter().all(|port| release::get(*port, "/health").is_ok_and(|answer| answer.contains(OLD)))
        });
        let haproxy = Haproxy::start(old_api, ports[1]);
        let rig = rig.file("playbook.toml", &(settings + &haproxy.settings("write")));
        let stream = Stream::to(ports[1], 60);
        prometheus.wait_for("rate(http_requests_total%7Bcolour=%22api%22,code=%22200%22%7D[8s])%3E0");
        let others = (staging, prometheus, grafana, edge, stream, blue);
        Some(Self { rig, database, haproxy, alertmanager, ports, recorder, _others: others })
    }

    fn run(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Seen {
        Crowd::begin(&self.rig, &[&["exec", "deploy.rhai"], more].concat(), ways).end()
    }

    fn fault(&self, line: &str) {
        std::fs::write(self.rig.path("faults"), line).unwrap();
    }

    /// What a deployment changes, as text, one part under each name.
    fn state(&self) -> BTreeMap<&'static str, String> {
        let versions = self.ports.map(|port| {
            release::get(port, "/health")
                .unwrap_or_default()
                .split("\r\n\r\n")
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        });
        BTreeMap::from([
            ("database", self.database.dump()),
            ("services", versions.concat()),
            ("weights", self.haproxy.told()),
            ("branch", repository::git(&self.rig.path("source"), &["rev-parse", "--abbrev-ref", "HEAD"])),
        ])
    }
}

impl Drop for Sprint {
    fn drop(&mut self) {
        let _ = self.rig.command(&["exec", "end.rhai"]).output();
    }
}

/// A small program for each service: the release that it was built from stands in its code.
fn files(program: &Path, is_new: bool) -> Vec<(String, String)> {
    let bins: String =
        PROGRAMS.map(|name| format!("[[bin]]\nname = \"{name}\"\npath = \"main.rs\"\n")).concat();
    let release = if is_new { NEW } else { OLD };
    let main = format!(
        "use std::os::unix::process::CommandExt as _;\n\nfn main() {{\n    let why = std::process::Command::new({:?}).args([\"api\", \"--release\", \"{release}\"]).args(std::env::args().skip(1)).exec();\n    eprintln!(\"{{why}}\");\n}}\n\n\
         #[test]\nfn it_knows_its_release() {{\n    assert!(\"{release}\".contains('-'));\n}}\n",
        program.display().to_string()
    );
    let mut files = vec![
        (".gitignore", "target\n".to_owned()),
        (
            "Cargo.toml",
            format!(
                "[package]\nname = \"storage\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{bins}[workspace]\n"
            ),
        ),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"storage\"\nversion = \"0.1.0\"\n".to_owned()),
        ("main.rs", main),
        ("migrations/20250701000000_first.sql", FIRST.to_owned()),
    ];
    if is_new {
        files.push(("migrations/20250728000000_cache_schema.sql", SECOND.to_owned()));
    }
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

/// The new release lies on a branch, and what is checked out is the stable one.
fn branches(rig: &Rig) {
    let source = rig.path("source");
    repository::git(&source, &["branch", "sprint-001-implementation"]);
    repository::git(&source, &["reset", "-q", "--hard", "HEAD^"]);
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
}

/// The project before it has settings: the playbook, the repository, the old release.
fn project(program: &Path) -> Rig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/sprint-001/deploy.rhai");
    let rig = Rig::new("").file("faults", "").file("deploy.rhai", &std::fs::read_to_string(path).unwrap());
    let rig = rig.file("prepare.rhai", PREPARE).file("end.rhai", END);
    let rig = rig.file("configuration/production.env", "DATABASE_URL=x\nCACHE_SIZE=5\n");
    repository::make(rig.folder(), &[("stable", files(program, false)), ("sprint", files(program, true))]);
    branches(&rig);
    for name in PROGRAMS {
        let text = format!("#!/bin/sh\nexec {} api --release {OLD} \"$@\"\n", program.display());
        script(&rig.path(&format!("releases/{OLD}/bin/{name}")), &text);
    }
    script(&rig.path("scan"), "#!/bin/sh\necho '{\"critical\": 0, \"blocking\": 0}'\n");
    let rig = rig.variable("PG_PASSWORD", postgres::PASSWORD).variable("GRAFANA", grafana::TOKEN);
    let home = std::env::var("HOME").unwrap();
    [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")].iter().fold(rig, |rig, (name, usual)| {
        rig.variable(name, &std::env::var(name).unwrap_or_else(|_| format!("{home}/{usual}")))
    })
}

fn rules() -> String {
    let rules = ALERTS.map(|name| format!("  - {{alert: {name}, expr: 'vector(0) > 1'}}\n"));
    format!("groups:\n- name: sprint\n  rules:\n{}", rules.concat())
}
