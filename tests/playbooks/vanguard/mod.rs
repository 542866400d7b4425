//! `playbooks/pfa-vanguard`, unchanged, on real servers: pm2, PostgreSQL, an S3 server, Prometheus, Alertmanager, Redis, SMTP,
//! npm, git and node; AWS is emulated, Grafana, chat, pager and status page are recorders.

mod application;
mod conditional;
mod good;
mod immediate;
mod newcomer;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use serde_json::json;

use super::crowd::{Crowd, Do};
use super::repository;
use crate::real::cloudfront;
use crate::rig::seen::Seen;
use crate::rig::servers::alertmanager::{self, Alertmanager};
use crate::rig::servers::grafana::Grafana;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::moto::{self, Moto};
use crate::rig::servers::pm2::{self, Pm2};
use crate::rig::servers::postgres::{self, Database};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::redis::{self, Server as Redis};
use crate::rig::servers::release::Stream;
use crate::rig::servers::s3s::{self, Bucket};
use crate::rig::servers::warden::Warden;
use crate::rig::servers::{demo, release, smtp};
use crate::rig::{Rig, free_port, wait_until};

const OLD: &str = "v3.9.0";
const NEW: &str = "v4.0.0-phase4-bidirectional-sync";
const TOKEN: &str = "smoke-t0ken-of-the-rig";

/// What is called what: the header's defaults are those of PFA Vanguard.
pub struct Names {
    pub backend: &'static str,
    pub worker: &'static str,
    pub flag: &'static str,
    pub dashboards: [&'static str; 4],
    pub secrets: [&'static str; 4],
}

const VANGUARD: Names = Names {
    backend: "pfa-vanguard-backend",
    worker: "pems-write-sync-worker",
    flag: "auto_sync",
    dashboards: ["System Health", "Sync Performance", "Conflict Management", "Cost Optimization"],
    secrets: ["pfa/pems-api", "pfa/database", "pfa/redis", "pfa/gemini"],
};

/// The whole site with the old release live, and its project.
pub struct Vanguard {
    rig: Rig,
    database: Database,
    backups: Bucket,
    site: Bucket,
    logs: Bucket,
    pm2: Pm2,
    alertmanager: Alertmanager,
    recorder: Http,
    api: u16,
    _streams: [Stream; 2],
    servers: (Prometheus, Grafana, [Warden; 4], Database),
}

/// The ports of the application's parts.
pub struct Ports {
    api: u16,
    worker: u16,
    site: u16,
    exporter: u16,
    rehearsal: u16,
    rehearsal_worker: u16,
}

impl Ports {
    fn free() -> Self {
        let [api, worker, site, exporter, rehearsal, rehearsal_worker] = [0; 6].map(|_| free_port());
        Self { api, worker, site, exporter, rehearsal, rehearsal_worker }
    }

    /// What Prometheus looks at, under which name.
    fn targets(&self) -> [(&'static str, u16); 6] {
        [
            ("backend", self.api),
            ("worker", self.worker),
            ("site", self.site),
            ("database", self.exporter),
            ("staging", self.rehearsal),
            ("rehearsal", self.rehearsal_worker),
        ]
    }
}

/// The secrets that the playbook looks for; another test may have made them.
fn secrets(moto: &Moto, names: &Names) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap();
    let known = moto.json("secretsmanager", "secretsmanager.ListSecrets", &json!({})).to_string();
    for name in names.secrets.iter().filter(|name| !known.contains(**name)) {
        let body = json!({ "Name": name, "SecretString": "hunter2-of-vanguard" });
        moto.json("secretsmanager", "secretsmanager.CreateSecret", &body);
    }
}

/// What runs beside pm2: the site, the database's exporter, and staging, where the new release runs already.
fn roles(
    told: &application::Told<'_>,
    ports: &Ports,
    site: &Bucket,
    (database, staging): (&Database, &Database),
    names: &Names,
) -> [Warden; 4] {
    let flag = format!("INSERT INTO feature_flags VALUES ('{}', true)", names.flag);
    staging.sql(&format!("{}{}{flag}", application::FIRST, application::SECOND));
    let of = |database: &Database| format!("--socket {} --database {}", told.socket, database.name);
    [
        demo::role(&format!("site --folder {}", site.path("").display()), ports.site),
        demo::role(&format!("database --faults {} {}", told.faults, of(database)), ports.exporter),
        demo::role(&format!("api --release {NEW} --token {TOKEN} {}", of(staging)), ports.rehearsal),
        demo::role(&format!("worker --release {NEW} {}", of(staging)), ports.rehearsal_worker),
    ]
}

/// The playbook as it stands in the repository.
fn playbook() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/pfa-vanguard/deploy.rhai");
    std::fs::read_to_string(path).unwrap()
}

fn cache() -> Option<&'static Redis> {
    static SHARED: OnceLock<Option<Redis>> = OnceLock::new();
    SHARED.get_or_init(|| redis::is_here().then(Redis::start)).as_ref()
}

impl Vanguard {
    /// Everything as it is a day before the deployment; `None`, said loudly, where a server cannot be had.
    pub fn start() -> Option<Self> {
        Self::start_as(&VANGUARD, &playbook())
    }

    /// The same for an application of other names, whose playbook has another header.
    pub fn start_as(names: &Names, playbook: &str) -> Option<Self> {
        if !prometheus::is_here() || !alertmanager::is_here() {
            return None;
        }
        let (program, cache, moto, smtp) = (demo::program(), cache()?, moto::shared()?, smtp::shared()?);
        let pm2 = Pm2::new(pm2::program()?, None);
        let (database, staging) = (postgres::database()?, postgres::database()?);
        let [backups, site, logs] = [s3s::bucket()?, s3s::bucket()?, s3s::bucket()?];
        secrets(moto, names);
        let ports = Ports::free();
        let rig = settings::variables(Rig::new("").file("deploy.rhai", playbook).file("faults", ""));
        let told = application::Told::new(names, program, &database, &rig.path("faults"), &ports);
        let releases =
            [(OLD, application::files(OLD, &told, false)), (NEW, application::files(NEW, &told, true))];
        repository::make(rig.folder(), &releases);
        let roles = roles(&told, &ports, &site, (&database, &staging), names);
        let prometheus = Prometheus::start(&ports.targets(), settings::RULES);
        let (alertmanager, grafana) = (Alertmanager::start(), Grafana::with(&names.dashboards));
        let recorder = recorder();
        let parts = settings::Parts {
            pm2: &pm2,
            moto: moto.port,
            distribution: cloudfront::distribution(moto),
            smtp: smtp.plain,
            redis: cache,
            recorder: &recorder.url(),
            ports: &ports,
            prometheus: prometheus.port,
            alertmanager: alertmanager.port,
            grafana: grafana.port,
            database: &database,
            buckets: [&backups, &site, &logs],
        };
        let rig = rig.file("playbook.toml", &settings::text(&parts)).file("prepare.rhai", settings::PREPARE);
        let (api, rehearsal) = (ports.api, ports.rehearsal);
        let site = Self {
            rig,
            database,
            backups,
            site,
            logs,
            pm2,
            alertmanager,
            recorder,
            api,
            _streams: [Stream::to(api, 60), Stream::to(rehearsal, 20)],
            servers: (prometheus, grafana, roles, staging),
        };
        site.bring_up(names);
        Some(site)
    }

    /// Lets the old release run, with its database, its site and its users.
    fn bring_up(&self, names: &Names) {
        for folder in ["live/backend", "live"] {
            let built =
                Command::new("sh").arg("build.sh").current_dir(self.rig.path(folder)).status().unwrap();
            assert!(built.success());
        }
        self.rig.run(&["exec", "prepare.rhai"]).expect(0);
        self.database.sql(&format!("INSERT INTO feature_flags VALUES ('{}', true)", names.flag));
        let start = ["start", "ecosystem.config.js", "--only", names.backend];
        self.pm2.run(&start, &self.rig.path("live/backend"));
        wait_until("the old release", 30, || {
            release::get(self.api, "/health").is_ok_and(|answer| answer.contains(OLD))
        });
        for colour in ["backend", "staging"] {
            let query =
                format!("rate(http_requests_total%7Bcolour=%22{colour}%22,code=%22200%22%7D[8s])%3E0");
            self.servers.0.wait_for(&query);
        }
        // A slope takes two looks.
        self.servers
            .0
            .wait_for("count(deriv(process_resident_memory_bytes%7Bcolour=%22rehearsal%22%7D[8s]))%3E0");
    }

    /// The arguments of a deployment of the new release.
    pub fn deploy<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec![
            "exec",
            "deploy.rhai",
            "--set",
            "version=v4.0.0-phase4-bidirectional-sync",
            "--set",
            "primary=ada",
            "--set",
            "secondary=bob",
        ];
        arguments.extend(["--set", "retrospective=Monday 10:00"]);
        arguments.extend(more);
        arguments
    }

    /// Deploys the new release with people who do as `ways` say.
    pub fn run(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Seen {
        Crowd::begin(&self.rig, &Self::deploy(more), ways).end()
    }

    /// Switches a fault on, or all of them off again with an empty text.
    pub fn fault(&self, line: &str) {
        std::fs::write(self.rig.path("faults"), line).unwrap();
    }

    /// What a deployment changes, as text, one part under each name.
    pub fn state(&self) -> BTreeMap<&'static str, String> {
        let health = release::get(self.api, "/health").unwrap_or_default();
        BTreeMap::from([
            ("database", self.database.dump()),
            ("processes", self.processes()),
            ("site", objects(&self.site)),
            ("live", repository::git(&self.rig.path("live"), &["rev-parse", "HEAD"])),
            (
                "tags",
                repository::git(&self.rig.path("source"), &["ls-remote", "--tags", "origin"])
                    + &repository::git(&self.rig.path("source"), &["tag"]),
            ),
            (
                "documents",
                ["docs/ADR-008.md", "docs/DEVELOPMENT_LOG.md"]
                    .map(|name| std::fs::read_to_string(self.rig.path("source").join(name)).unwrap())
                    .concat(),
            ),
            ("health", health.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()),
        ])
    }

    /// Name and status of each process that pm2 knows.
    fn processes(&self) -> String {
        let text = self.pm2.run(&["--silent", "jlist"], Path::new("/"));
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let mut shown: Vec<String> =
            list.iter().map(|one| format!("{} {}", one["name"], one["pm2_env"]["status"])).collect();
        shown.sort();
        shown.join("\n")
    }
}

/// The objects of a bucket with their content; the store's own are left out.
fn objects(bucket: &Bucket) -> String {
    let ours = bucket.keys().into_iter().filter(|key| !key.starts_with('.'));
    ours.map(|key| format!("{key}: {}\n", std::fs::read_to_string(bucket.path(&key)).unwrap_or_default()))
        .collect()
}

/// Chat, pager and status page, as their manuals say.
fn recorder() -> Http {
    let recorder = Http::start();
    recorder.tell("/team", &[Answer::new(200, "{}")]);
    recorder.tell(
        "/v2/enqueue",
        &[Answer::new(202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#)],
    );
    recorder.tell("GET /v1/pages/pfavanguard", &[Answer::new(200, r#"{"id":"pfavanguard","name":"PFA"}"#)]);
    let components = r#"[{"id":"c1","name":"PFA Vanguard","status":"operational"}]"#;
    recorder.tell("GET /v1/pages/pfavanguard/components", &[Answer::new(200, components)]);
    recorder.tell("PATCH /v1/pages/pfavanguard/components/c1", &[Answer::new(200, "{}")]);
    recorder
}

/// Fails the test unless two states are the same, and shows the part that is not.
#[track_caller]
pub fn same(before: &BTreeMap<&str, String>, after: &BTreeMap<&str, String>, seen: &Seen) {
    for (name, then) in before {
        assert!(
            then == &after[name],
            "{name} is not as it was.\nbefore:\n{then}\nafter:\n{}\n{seen}",
            after[name]
        );
    }
}
