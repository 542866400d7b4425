//! `playbooks/workstream-7`, unchanged, on real servers: a Kubernetes cluster whose pods take their images from a container
//! registry, Prometheus with the playbook's own alerts, SMTP; builder and scanner are scripts that push real images; Grafana,
//! GitHub, chat, pager and the store of the logs are recorders.

mod days;
mod project;
mod reaper;
mod settings;
mod triggers;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::crowd::{Crowd, Do};
use crate::rig::seen::Seen;
use crate::rig::servers::grafana::Grafana;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::kubernetes::{self as cluster, Namespace};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::registry::{self, Registry};
use crate::rig::servers::warden::Warden;
use crate::rig::servers::{demo, release, smtp};
use crate::rig::{Rig, free_port, wait_until};

const OLD: &str = "v11.0.0";
const NEW: &str = "v11.1.0";
const DASHBOARDS: [&str; 5] = [
    "System Health Overview",
    "Transaction Performance",
    "Infrastructure Metrics",
    "Blockchain Specifics",
    "Alerts & Issues",
];

/// How many validators and business nodes production has.
#[derive(Clone, Copy)]
struct Size {
    validators: u32,
    business: u32,
}

/// The fewest that a rollout can be seen with.
const SMALL: Size = Size { validators: 1, business: 2 };

/// As the document has it.
const WHOLE: Size = Size { validators: 4, business: 6 };

/// Both clusters with the old release live, and the project.
struct Site {
    rig: Rig,
    size: Size,
    image: String,
    registry: &'static Registry,
    staging: Namespace,
    production: Namespace,
    ports: [u16; 2],
    recorder: Http,
    _others: (Prometheus, Grafana, [Warden; 2], reaper::Reaper),
}

impl Site {
    fn start(size: Size) -> Option<Self> {
        if !prometheus::is_here() {
            return None;
        }
        demo::program();
        let (registry, smtp) = (registry::shared()?, smtp::shared()?);
        let (staging, production) = (cluster::namespace()?, cluster::namespace()?);
        if !staging.cluster.is_own {
            eprintln!("skipped: the nodes of a foreign cluster cannot take images from the rig's registry");
            return None;
        }
        let image = production.name.clone();
        let ports = [free_port(), free_port()];
        let rig = project::make(ports[1]);
        project::let_pull(staging.cluster, registry.port);
        let gateways = [(&staging, ports[0]), (&production, ports[1])]
            .map(|(namespace, port)| project::gateway(&rig, namespace, size.validators, port));
        let prometheus = Prometheus::start(&[("production", ports[1])], &project::rules());
        let grafana = Grafana::with(&DASHBOARDS);
        let recorder = recorder();
        let parts = settings::Parts {
            staging: &staging,
            production: &production,
            registry,
            grafana: &grafana,
            prometheus: prometheus.port,
            smtp: smtp.plain,
            recorder: &recorder.url(),
            ports,
        };
        let rig = rig.file("playbook.toml", &settings::text(&parts));
        let others = (prometheus, grafana, gateways, reaper::Reaper::start([&staging, &production]));
        let site = Self { rig, size, image, registry, staging, production, ports, recorder, _others: others };
        site.bring_up();
        Some(site)
    }

    /// Lets the old release run.
    fn bring_up(&self) {
        project::build_old(&self.rig, &format!("127.0.0.1:{}/{}", self.registry.port, self.image));
        let given = self.given();
        let mut prepare = vec!["exec", "prepare.rhai"];
        prepare.extend(given.iter().map(String::as_str));
        self.rig.run(&prepare).expect(0);
        wait_until("the old release", 30, || {
            self.ports
                .iter()
                .all(|port| release::get(*port, "/q/health").is_ok_and(|answer| answer.contains(OLD)))
        });
        project::check_new_out(&self.rig);
        self._others.0.wait_for("rate(aurigraph_transactions_processed_total[5s])%3E0");
    }

    /// What the playbook is told of the rig.
    fn given(&self) -> Vec<String> {
        let Size { validators, business } = self.size;
        [
            format!("registry=127.0.0.1:{}", self.registry.port),
            format!("image={}", self.image),
            format!("validators={validators}"),
            format!("business={business}"),
        ]
        .into_iter()
        .flat_map(|given| ["--set".to_owned(), given])
        .collect()
    }

    /// The arguments of a run, of a plan.
    fn arguments<'a>(&self, verb: &'a str, given: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec![verb, "deploy.rhai", "--set", "job=app", "--set", "patience=3s"];
        arguments.extend(given.iter().map(String::as_str));
        arguments.extend(more);
        arguments
    }

    fn begin(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Crowd<'_> {
        let given = self.given();
        Crowd::begin(&self.rig, &self.arguments("exec", &given, more), ways)
    }

    fn run(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Seen {
        self.begin(more, ways).end()
    }

    /// Lets something be wrong with what runs in production.
    fn fault(&self, line: &str) {
        project::fault(&self.rig, &self.production, line);
    }

    /// What a deployment changes, as text, one part under each name.
    fn state(&self) -> BTreeMap<&'static str, String> {
        let health = |port| {
            let answer = release::get(port, "/q/health").unwrap_or_default();
            answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()
        };
        BTreeMap::from([
            ("staging", objects(&self.staging)),
            ("production", objects(&self.production)),
            ("images", self.images()),
            ("answers of staging", health(self.ports[0])),
            ("answers of production", health(self.ports[1])),
        ])
    }

    /// The state once what ends later than its rollout has ended, as the pods of a release that was taken back; what is wrong
    /// stays wrong.
    fn settled(&self, before: &BTreeMap<&'static str, String>) -> BTreeMap<&'static str, String> {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let now = self.state();
            if now == *before || std::time::Instant::now() > deadline {
                return now;
            }
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }

    /// The tags that are moved, each with its digest; those of builds, commits and days stay.
    fn images(&self) -> String {
        let text = release::get(self.registry.port, &format!("/v2/{}/tags/list", self.image)).unwrap();
        let list: Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let tags = list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap());
        let mut lines: Vec<String> = tags
            .filter(|tag| !tag.contains("build-") && !tag.contains("sha-") && !tag.contains("staging-"))
            .map(|tag| format!("{tag} {}", self.registry.digest(&self.image, tag)))
            .collect();
        lines.sort();
        lines.join("\n")
    }
}

/// Everything that the playbook applies in a namespace: what is wanted, and how many of it there are.
fn objects(namespace: &Namespace) -> String {
    let mut text = String::new();
    for (kind, name) in [
        ("apps/v1/statefulsets", "aurigraph-validators"),
        ("apps/v1/deployments", "aurigraph-business"),
        ("apps/v1/daemonsets", "aurigraph-slim"),
        ("autoscaling/v1/horizontalpodautoscalers", "aurigraph-business-hpa"),
    ] {
        let object = namespace.get(kind, name);
        let ready = object["status"]
            .as_object()
            .and_then(|status| status.get("readyReplicas").or_else(|| status.get("numberReady")).cloned());
        text += &format!("{kind}/{name}: {} {}\n", object["spec"], json!(ready));
    }
    for kind in ["services", "persistentvolumeclaims"] {
        let mut names: Vec<String> = namespace
            .list(kind)
            .iter()
            .map(|one| format!("{} {}", one["metadata"]["name"], one["spec"]))
            .collect();
        names.sort();
        text += &format!("{kind}: {}\n", names.join(", "));
    }
    text + &format!("pods: {:?}\n", namespace.versions())
}

/// GitHub, the store of the logs, chat and pager, as their manuals say.
fn recorder() -> Http {
    let recorder = Http::start();
    let secrets = [
        "DOCKER_REGISTRY_USER",
        "DOCKER_REGISTRY_PASS",
        "KUBE_CONFIG",
        "AWS_ACCESS_KEY_ID",
        "JIRA_API_TOKEN",
        "SLACK_WEBHOOK",
        "DATABASE_URL_STAGING",
        "DATABASE_URL_PRODUCTION",
    ]
    .map(|name| json!({ "name": name, "created_at": "2025-10-22T10:00:00Z" }));
    let runs = json!({ "workflow_runs": vec![json!({ "conclusion": "success" }); 100] });
    let policy = json!({ "aurigraph": { "policy": { "phases": { "delete": { "min_age": "30d" } } } } });
    for (path, answer) in [
        ("/actions/secrets", json!({ "total_count": secrets.len(), "secrets": secrets })),
        ("/actions/workflows/build-deploy.yml/runs", runs),
        ("/_cluster/health", json!({ "status": "green" })),
        ("/_ilm/policy/aurigraph", policy),
        ("/aurigraph/_count", json!({ "count": 3 })),
        ("/team", json!({})),
    ] {
        recorder.tell(path, &[Answer::new(200, &answer.to_string())]);
    }
    let paged = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
    recorder.tell("/v2/enqueue", &[Answer::new(202, paged)]);
    recorder
}
