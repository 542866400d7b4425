//! The project of the pipeline: the playbook and its manifests, the repository of the two releases, builder and scanner, the
//! volumes of the validators, and the folder that the pods share with the gateway.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{NEW, OLD};
use crate::playbooks::repository::git;
use crate::rig::Rig;
use crate::rig::servers::demo;
use crate::rig::servers::kubernetes::{Cluster, Namespace};
use crate::rig::servers::warden::Warden;

const DOCKER: &str = include_str!("docker");
const MVNW: &str = include_str!("mvnw");
const NODE: &str = include_str!("node");

/// Finds what `faults` says that it finds.
const TRIVY: &str = "#!/bin/sh\nif grep -qs '^vulnerable' \"$(dirname \"$0\")/faults\"; then echo 'libssl3 CVE-2025-0001 CRITICAL'; exit 1; fi\n";

const REPORT: &str = "#!/bin/sh\necho \"{$(cat target/unit), $(cat target/integration)}\"\n";

/// Sends a transaction, and wants it to be accepted.
const E2E: &str = r#"#!/bin/sh
case $1 in --env=staging) url=$STAGING_URL ;; *) url=$PRODUCTION_URL ;; esac
status=$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/api/v11/transactions")
echo "a transaction: $status"
test "$status" = 202
"#;

/// Brings the old release into being.
const PREPARE: &str = r#"//! Prepare.
//!
//! uses = ["registry.main:write", "kubernetes.staging:write", "kubernetes.production:write"]
//!
//! [params]
//! registry = "string"
//! image = "string"
//! validators = "int"
//! business = "int"
for kind in ["", "slim-", "validator-"] {
    for tag in ["staging", "v11.0.0", "latest"] { registry("main").promote(params.image, `${kind}build-old`, kind + tag); }
}
fn bring_up(cluster, validators, business) {
    let values = #{ image: `${params.registry}/${params.image}`, release: "v11.0.0", validators: validators, business: business };
    cluster.apply("k8s", #{ values: values });
}
bring_up(kubernetes("production"), params.validators, params.business);
bring_up(kubernetes("staging"), 1, 1);
for name in ["statefulset/aurigraph-validators", "deployment/aurigraph-business", "daemonset/aurigraph-slim"] {
    for cluster in [kubernetes("production"), kubernetes("staging")] { cluster.rollout_status(name); }
}
"#;

fn playbook(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/workstream-7").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The alerts as they stand in the playbook's folder, for a Prometheus whose minutes are seconds.
pub fn rules() -> String {
    playbook("monitoring/alerts.yml").replace("5m", "2s").replace("2m", "1s").replace("[2s]", "[4s]")
}

/// The project with the old release checked out.
pub fn make(port: u16) -> Rig {
    let rig = Rig::new("")
        .file("deploy.rhai", &playbook("deploy.rhai"))
        .file("prepare.rhai", PREPARE)
        .file("faults", "");
    let rig = ["services", "validators", "business", "slim", "autoscaling"].iter().fold(rig, |rig, name| {
        let name = format!("k8s/{name}.yaml");
        let text = small(&playbook(&name), &rig.path("state"), port);
        rig.file(&name, &text)
    });
    let rig = rig
        .variable("GRAFANA", crate::rig::servers::grafana::TOKEN)
        .variable("PAGER_KEY", "key-of-the-pager");
    for (name, text) in [("docker", DOCKER), ("trivy", TRIVY)] {
        script(&rig.path(name), text);
    }
    base(&rig);
    repository(&rig.path("source"));
    rig
}

/// A manifest for the rig's one small node: little is asked of it, volumes lie in its own folders, the probe asks the gateway,
/// which a pod cannot be reached without.
fn small(manifest: &str, state: &Path, port: u16) -> String {
    let mut text = String::new();
    let mut is_limit = false;
    for line in manifest.lines() {
        let value = line.trim();
        is_limit = if value == "limits:" { true } else { is_limit && value != "requests:" };
        let indent = &line[..line.len() - line.trim_start().len()];
        match value.split(':').next().unwrap() {
            "cpu" => text += &format!("{indent}cpu: {}\n", if is_limit { "\"1\"" } else { "10m" }),
            "memory" if value != "memory:" => {
                text += &format!("{indent}memory: {}\n", if is_limit { "64Mi" } else { "4Mi" })
            }
            "initialDelaySeconds" if value.ends_with(": 5") => {
                text += &format!("{indent}initialDelaySeconds: 0\n")
            }
            "periodSeconds" if value.ends_with(": 5") => text += &format!("{indent}periodSeconds: 1\n"),
            "minReadySeconds" => text += &format!("{indent}minReadySeconds: 1\n"),
            "port" => text += &format!("{indent}port: {port}\n"),
            "apiVersion" => {
                text += &line.replace("autoscaling/v2", "autoscaling/v2beta2\n").replace("v1", "v1\n")
            }
            "containers" => {
                let volume = format!("{{name: state, hostPath: {{path: {}}}}}", state.display());
                text += &format!(
                    "{indent}terminationGracePeriodSeconds: 1\n{indent}automountServiceAccountToken: false\n{indent}enableServiceLinks: false\n{indent}volumes: [{volume}]\n{line}\n"
                );
            }
            "env" => {
                text += &format!(
                    "{line}\n{indent}  - {{name: NAMESPACE, valueFrom: {{fieldRef: {{fieldPath: metadata.namespace}}}}}}\n"
                );
                if !manifest.contains("volumeMounts:") {
                    text = text.replace(line, &format!("{indent}volumeMounts:\n{}\n{line}", mount(indent)));
                }
            }
            "volumeMounts" => text += &format!("{line}\n{}\n", mount(indent)),
            _ => text += &format!("{line}\n"),
        }
    }
    text
}

fn mount(indent: &str) -> String {
    format!("{indent}  - {{name: state, mountPath: /state, subPathExpr: $(NAMESPACE)}}")
}

/// The layer that all images begin with: busybox.
fn base(rig: &Rig) {
    let make = "mkdir -p base/bin base/app base/state base/data && cp \"$(command -v busybox)\" base/bin/busybox && \
                for name in $(base/bin/busybox --list); do [ $name = busybox ] || ln -s busybox base/bin/$name; done && \
                tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C base -cf base.tar . && gzip -n -1 -c base.tar >base.gz";
    run(Command::new("sh").args(["-c", make]).current_dir(rig.folder()));
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A commit of each release; the old one is checked out.
fn repository(source: &Path) {
    for (name, text) in
        [("mvnw", MVNW), ("scripts/test-report", REPORT), ("run-e2e-tests.sh", E2E), ("src/node", NODE)]
    {
        script(&source.join(name), text);
    }
    let stages = ["stage-1-compile", "stage-2-test", "stage-3-build", "stage-4-deploy"];
    let jobs = stages.map(|stage| format!("  {stage}:\n    timeout-minutes: 10\n")).concat();
    let words = "# matrix: actions/cache --cache-from actions/upload-artifact slack trivy snyk\n";
    let workflow = format!("name: Build & Deploy Pipeline\njobs:\n{jobs}{}", words.repeat(200));
    std::fs::create_dir_all(source.join(".github/workflows")).unwrap();
    std::fs::write(source.join(".github/workflows/build-deploy.yml"), workflow).unwrap();
    for kind in ["business", "slim", "validator"] {
        let text = "FROM maven AS builder\nFROM busybox\nLABEL org.opencontainers.image.revision=\"${GIT_COMMIT}\"\nUSER 65532\n";
        std::fs::write(source.join(format!("Dockerfile.{kind}")), text).unwrap();
    }
    std::fs::create_dir_all(source.join("docs")).unwrap();
    for guide in ["deployment-guide", "monitoring-guide", "troubleshooting-guide", "on-call-runbook"] {
        std::fs::write(source.join(format!("docs/{guide}.md")), format!("# {guide}\n")).unwrap();
    }
    std::fs::write(source.join(".gitignore"), "target\n").unwrap();
    git(source, &["init", "-q"]);
    for release in [OLD, NEW] {
        std::fs::write(source.join("release"), release).unwrap();
        git(source, &["add", "."]);
        git(source, &["commit", "-q", "-m", release]);
        git(source, &["tag", release]);
    }
    git(source, &["checkout", "-q", OLD]);
}

/// Builds the three images of the old release, and pushes them.
pub fn build_old(rig: &Rig, image: &str) {
    let source = rig.path("source");
    run(Command::new("sh").args(["-c", "mkdir -p target && cp src/node target/node"]).current_dir(&source));
    for kind in ["business", "slim", "validator"] {
        let tag = if kind == "business" { "build-old".to_owned() } else { format!("{kind}-build-old") };
        let name = format!("{image}:{tag}");
        let file = format!("Dockerfile.{kind}");
        let version = format!("VERSION={OLD}");
        let build = [
            "build",
            "-q",
            "-f",
            &file,
            "--build-arg",
            &version,
            "--build-arg",
            "GIT_COMMIT=old",
            "-t",
            &name,
            ".",
        ];
        run(Command::new(rig.path("docker")).args(build).current_dir(&source));
        run(Command::new(rig.path("docker")).args(["push", "-q", &name]).current_dir(&source));
    }
}

/// Checks the new release out.
pub fn check_new_out(rig: &Rig) {
    git(&rig.path("source"), &["checkout", "-q", NEW]);
}

/// Lets the nodes of the cluster take images from a registry of this machine.
pub fn let_pull(cluster: &Cluster, port: u16) {
    let folder = cluster.kubeconfig.parent().unwrap().join(format!("certs.d/127.0.0.1:{port}"));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let text = format!("server = \"{url}\"\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
    std::fs::write(folder.join("hosts.toml"), text).unwrap();
}

/// The folder that the pods of a namespace share with their gateway.
fn state(rig: &Rig, namespace: &Namespace) -> PathBuf {
    rig.path("state").join(&namespace.name)
}

/// Lets something be wrong with what runs in a namespace.
pub fn fault(rig: &Rig, namespace: &Namespace, line: &str) {
    std::fs::write(state(rig, namespace).join("faults"), line).unwrap();
}

/// A namespace's gateway, the folder that it shares with the pods, and volumes for the validators.
pub fn gateway(rig: &Rig, namespace: &Namespace, validators: u32, port: u16) -> Warden {
    let folder = state(rig, namespace);
    let open = |folder: &Path| {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    };
    open(&folder);
    fault(rig, namespace, "");
    for number in 0..validators {
        let name = format!("{}-{number}", namespace.name);
        let path = rig.path("volumes").join(&name);
        open(&path);
        namespace.cluster.send("POST", "/api/v1/persistentvolumes", &volume(namespace, &name, number, &path));
    }
    let shown = folder.display();
    demo::role(&format!("gateway --folder {shown} --faults {shown}/faults"), port)
}

fn volume(namespace: &Namespace, name: &str, number: u32, path: &Path) -> Value {
    let claim = format!("data-aurigraph-validators-{number}");
    json!({
        "metadata": { "name": name },
        "spec": {
            "capacity": { "storage": "100Gi" }, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": { "namespace": namespace.name, "name": claim }, "hostPath": { "path": path },
        },
    })
}
