//! `playbooks/workstream-1`, unchanged, on real servers: PostgreSQL, an S3 server, Redis, Kafka's mock of itself, Prometheus, DNS,
//! TLS, SMTP, the application; AWS is emulated; Grafana, chat, pager and the collector of logs are recorders.

mod blockers;
mod cloud;
mod days;
mod decision;
mod edge;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::crowd::{Crowd, Do};
use crate::rig::seen::Seen;
use crate::rig::servers::grafana::{self, Grafana};
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::kafka::{self, Cluster};
use crate::rig::servers::postgres::{self, Database};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::redis::{self, Server as Redis};
use crate::rig::servers::release::Stream;
use crate::rig::servers::s3s::{self, Bucket};
use crate::rig::servers::tls::{self, certificates};
use crate::rig::servers::warden::Warden;
use crate::rig::servers::{demo, dns, moto, smtp};
use crate::rig::{Rig, free_port};
use cloud::Cloud;

/// The database before the afternoon; a migration is pending.
const FIRST: &str = "CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL);\n\
    CREATE TABLE tokens (id int PRIMARY KEY, supply bigint NOT NULL);\n\
    CREATE TABLE transactions (id serial PRIMARY KEY, account int NOT NULL REFERENCES accounts (id), amount int NOT NULL, memo text NOT NULL, state text NOT NULL);\n\
    CREATE TABLE blocks (height serial PRIMARY KEY);\n\
    INSERT INTO accounts SELECT i, 'owner ' || i FROM generate_series(1, 100) i;\n\
    INSERT INTO tokens VALUES (1, 1000000), (2, 500000);\n\
    INSERT INTO transactions (account, amount, memo, state) SELECT 1 + i % 100, i, 'history', 'processed' FROM generate_series(1, 300) i;\n\
    INSERT INTO blocks SELECT generate_series(1, 30);\nSELECT setval('blocks_height_seq', 30);\n";
const SECOND: &str = "ALTER TABLE transactions ADD COLUMN settled_at timestamptz;\nCREATE INDEX transactions_settled ON transactions (settled_at);\n";

/// Applies what was applied before the afternoon.
const PREPARE: &str =
    "//! Prepare.\n//!\n//! uses = [\"postgres.main:write\"]\npostgres(\"main\").migrate(\"migrations\");\n";

/// What the team's own program says of a release that may go live.
const QUALITY: &str =
    r#"{"critical_vulnerabilities": 0, "unresolved_comments": 0, "tests_passing": 7, "coverage": 96.4}"#;

/// The servers of one test.
pub struct Servers {
    pub api: u16,
    pub prometheus: Prometheus,
    pub grafana: Grafana,
    pub redis: Redis,
    pub kafka: Cluster,
    pub dns: dns::Server,
    pub edge: tls::Server,
    pub smtp: u16,
    pub backups: Bucket,
    pub recorder: Http,
    _rest: (Warden, Stream),
}

/// Production at noon, and its project.
pub struct Workstream {
    pub rig: Rig,
    pub database: Database,
    pub cloud: Cloud,
    pub servers: Servers,
}

impl Workstream {
    /// Everything as it is at noon; `None`, said loudly, where a server cannot be had.
    pub fn start() -> Option<Self> {
        Self::with("good", settings::RULES, &["Production"])
    }

    /// The same with another certificate at the edge, other alert rules, other dashboards.
    pub fn with(certificate: &str, rules: &str, dashboards: &[&str]) -> Option<Self> {
        if !prometheus::is_here() || !kafka::is_here() || !dns::is_here() || !redis::is_here() {
            return None;
        }
        let (program, moto, smtp) = (demo::program(), moto::shared()?, smtp::shared()?);
        let (database, backups) = (postgres::database()?, s3s::bucket()?);
        let (cloud, rig, api) = (Cloud::make(moto), project(), free_port());
        let socket = database.server.socket().join(format!(".s.PGSQL.{}", database.server.port));
        let arguments = format!(
            "api --release v11.4.4 --faults {} --socket {} --database {}",
            rig.path("faults").display(),
            socket.display(),
            database.name
        );
        assert!(program.exists());
        let role = demo::role(&arguments, api);
        let servers = Servers {
            api,
            prometheus: Prometheus::start(&[("ledger", api)], rules),
            grafana: Grafana::with(dashboards),
            redis: Redis::start(),
            kafka: Cluster::start(),
            dns: dns::Server::start(&[&format!("--address=/{}/192.0.2.10", cloud.host)]),
            edge: certificates().serve(certificate),
            smtp: smtp.plain,
            backups,
            recorder: recorder(),
            _rest: (role, Stream::to(api, 60)),
        };
        let rig = rig.file("playbook.toml", &settings::text(&servers, &cloud, &database));
        rig.run(&["exec", "prepare.rhai"]).expect(0);
        let rig = rig.file("migrations/20251022000000_settled.sql", SECOND);
        servers.prometheus.wait_for("rate(http_requests_total%7Bcode=%22200%22%7D[8s])%3E0");
        Some(Self { rig, database, cloud, servers })
    }

    /// The afternoon, with people who do as `ways` say.
    pub fn run(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Seen {
        Crowd::begin(&self.rig, &[&["exec", "deploy.rhai"], more].concat(), ways).end()
    }

    /// Switches a fault of the application on, or all of them off again with an empty text.
    pub fn fault(&self, line: &str) {
        std::fs::write(self.rig.path("faults"), line).unwrap();
    }

    /// What the afternoon changes, as text, one part under each name.
    pub fn state(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([("database", self.database.dump()), ("records", self.cloud.records())])
    }

    /// What the team was told.
    pub fn told(&self) -> String {
        self.servers
            .recorder
            .got()
            .iter()
            .filter(|got| got.path == "/team")
            .map(|got| got.body.clone() + "\n")
            .collect()
    }
}

/// The project before it has settings.
fn project() -> Rig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/workstream-1/deploy.rhai");
    let rig = Rig::new("").file("faults", "").file("deploy.rhai", &std::fs::read_to_string(path).unwrap());
    let rig = rig.file("prepare.rhai", PREPARE).file("migrations/20251001000000_first.sql", FIRST);
    let rig = rig
        .file("documents/disaster-recovery.md", "Restore the snapshot.\n")
        .file("documents/rollback.md", "Run it back.\n");
    let rig = ["app.jar", "app-native", "kubernetes.yaml"]
        .iter()
        .fold(rig, |rig, name| rig.file(&format!("artifacts/{name}"), "x"));
    quality(&rig, QUALITY);
    [
        ("PG_PASSWORD", postgres::PASSWORD),
        ("RIG_ACCESS", s3s::ACCESS_KEY),
        ("RIG_SECRET", s3s::SECRET_KEY),
        ("GRAFANA", grafana::TOKEN),
        ("KEY", "hunter2hunter2hunter2hunter2hunt"),
    ]
    .into_iter()
    .fold(rig, |rig, (name, value)| rig.variable(name, value))
}

/// Lets the team's own program say this.
fn quality(rig: &Rig, said: &str) {
    let path = rig.path("quality");
    std::fs::write(&path, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
    assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
}

/// Chat, pager, and Elasticsearch as its manual says.
fn recorder() -> Http {
    let recorder = Http::start();
    recorder.tell("/team", &[Answer::new(200, "{}")]);
    let queued = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
    recorder.tell("/v2/enqueue", &[Answer::new(202, queued)]);
    logs(&recorder, 42, "30d");
    recorder
}

/// Lets the collector of logs have so many lines, and keep them for so long.
fn logs(recorder: &Http, lines: usize, kept: &str) {
    let found = format!(r#"{{"took":3,"hits":{{"total":{{"value":{lines},"relation":"eq"}},"hits":[]}}}}"#);
    recorder.tell("/application-*/_search", &[Answer::new(200, &found)]);
    let policy = format!(
        r#"{{"application":{{"version":1,"policy":{{"phases":{{"delete":{{"min_age":"{kept}"}}}}}}}}}}"#
    );
    recorder.tell("/_ilm/policy/application", &[Answer::new(200, &policy)]);
}
