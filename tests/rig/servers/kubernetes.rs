//! A real Kubernetes cluster of one node with real pods, shared by all tests, each in a namespace of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::super::wait_until;
use super::warden;

const SERVERS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];
const REMEDY: &str = "set PLAYBOOK_TEST_KUBE to a folder with rig-kube.xz, or to `build` to build it (a quarter of an hour), or \
                      PLAYBOOK_TEST_KUBECONFIG to a cluster that has the images of tests/rig/kube/cluster.sh";

/// A cluster. Its processes and pods end with the test process.
pub struct Cluster {
    /// Its keeper; `None` for a cluster of somebody else.
    _keeper: Option<Child>,
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// Whether it is the rig's own, with the contexts `admin` and `viewer`.
    pub is_own: bool,
    /// What the names of the tests' namespaces begin with.
    prefix: String,
    runtime: Runtime,
    client: Client,
}

/// A namespace of its own for one test.
pub struct Namespace {
    /// The cluster it is of.
    pub cluster: &'static Cluster,
    /// Its name.
    pub name: String,
}

/// The cluster that all tests share; `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref()
}

/// A fresh namespace.
pub fn namespace() -> Option<Namespace> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let cluster = shared()?;
    let name = format!("{}-{}", cluster.prefix, COUNT.fetch_add(1, Ordering::Relaxed));
    cluster.send("POST", "/api/v1/namespaces", &json!({ "metadata": { "name": name } }));
    Some(Namespace { cluster, name })
}

impl Cluster {
    fn start() -> Option<Self> {
        if let Some(path) = std::env::var_os("PLAYBOOK_TEST_KUBECONFIG") {
            let prefix = format!("test-{}", std::process::id());
            return Some(Self::reach(None, PathBuf::from(path), prefix));
        }
        let Some(binaries) = binaries() else { return warden::skip("Kubernetes", REMEDY) };
        if !is_root() || !tools() {
            return warden::skip("place for pods", "run as root on a machine with apt-get");
        }
        // A port may be taken by somebody else in between.
        (0..3)
            .find_map(|_| Self::launch(&binaries))
            .or_else(|| warden::skip("cluster", "look at what is said of it above"))
    }

    fn launch(binaries: &Path) -> Option<Self> {
        let folder = TempDir::with_prefix("rig-kube-").unwrap().keep();
        let ports = ports(7);
        let mut command = Command::new("setsid");
        command.arg("bash").arg(scripts().join("cluster.sh")).arg(&folder).arg(binaries).args(ports);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() != "ready" {
            let _ = keeper.wait();
            eprintln!("no cluster: {}", line.trim());
            return None;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_lowercase().replace('.', "-");
        Some(Self::reach(Some(keeper), folder.join("kubeconfig"), format!("test-{name}")))
    }

    fn reach(keeper: Option<Child>, kubeconfig: PathBuf, prefix: String) -> Self {
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(&kubeconfig).unwrap();
            let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
            Client::try_from(config).unwrap()
        });
        Self { is_own: keeper.is_some(), _keeper: keeper, kubeconfig, prefix, runtime, client }
    }

    /// Asks the API server as an administrator; what it refuses fails the test.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_send(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    /// Asks the API server as an administrator.
    pub fn try_send(&self, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
        self.runtime.block_on(self.client.request(request.body(body).unwrap()))
    }

    /// The `playbook.toml` of a project whose `kubernetes.main` is a namespace of this cluster, in a context.
    pub fn settings(&self, context: &str, namespace: &str, access: &str) -> String {
        let context = if self.is_own { format!("context = \"{context}\"\n") } else { String::new() };
        format!(
            "[env.local.kubernetes.main]\nkubeconfig = \"{}\"\n{context}namespace = \"{namespace}\"\naccess = \"{access}\"\n",
            self.kubeconfig.display()
        )
    }
}

impl Namespace {
    /// The `playbook.toml` of a project whose `kubernetes.main` is this namespace.
    pub fn settings(&self, access: &str) -> String {
        self.cluster.settings("admin", &self.name, access)
    }

    /// The path of objects of a kind: `configmaps`, `apps/v1/deployments`.
    pub fn path(&self, kind: &str) -> String {
        match kind.rsplit_once('/') {
            Some((version, plural)) => format!("/apis/{version}/namespaces/{}/{plural}", self.name),
            None => format!("/api/v1/namespaces/{}/{kind}", self.name),
        }
    }

    /// One object, as `configmaps`, `settings`; null when there is none.
    pub fn get(&self, kind: &str, name: &str) -> Value {
        self.cluster.try_send("GET", &format!("{}/{name}", self.path(kind)), &Value::Null).unwrap_or_default()
    }

    /// The objects of a kind.
    pub fn list(&self, kind: &str) -> Vec<Value> {
        self.cluster.send("GET", &self.path(kind), &Value::Null)["items"].as_array().unwrap().clone()
    }

    /// Makes an object.
    #[track_caller]
    pub fn make(&self, kind: &str, object: &Value) {
        self.cluster.send("POST", &self.path(kind), object);
    }

    /// Changes some fields of an object.
    #[track_caller]
    pub fn patch(&self, kind: &str, name: &str, fields: &Value) {
        self.cluster.send("PATCH", &format!("{}/{name}", self.path(kind)), fields);
    }

    /// Makes a Deployment `name` of `replicas` pods of `docker.io/rig/app:v1`, and waits until they run.
    #[track_caller]
    pub fn deploy(&self, name: &str, replicas: u32) {
        self.make("apps/v1/deployments", &workload("Deployment", name, replicas, "v1"));
        wait_until("the pods run", 60, || {
            self.get("apps/v1/deployments", name)["status"]["availableReplicas"] == replicas
        });
    }

    /// The image of a Deployment.
    pub fn image(&self, name: &str) -> String {
        let deployment = self.get("apps/v1/deployments", name);
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// The versions of the images of the pods that are there and not about to go, sorted.
    pub fn versions(&self) -> Vec<String> {
        let version = |pod: &Value| {
            let image = pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
            image.rsplit(':').next().unwrap().to_owned()
        };
        let pods = self.list("pods");
        let mut found: Vec<String> =
            pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).map(version).collect();
        found.sort();
        found
    }
}

impl Drop for Namespace {
    /// Takes the pods away, so that later tests have the machine.
    fn drop(&mut self) {
        if self.cluster.is_own {
            for kind in ["apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets", "batch/v1/jobs"]
            {
                let path = format!("{}?propagationPolicy=Background", self.path(kind));
                let _ = self.cluster.try_send("DELETE", &path, &Value::Null);
            }
        } else {
            let _ =
                self.cluster.try_send("DELETE", &format!("/api/v1/namespaces/{}", self.name), &Value::Null);
        }
    }
}

/// A workload of pods of `docker.io/rig/app`, which end at once when they are told to.
pub fn workload(kind: &str, name: &str, replicas: u32, version: &str) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": pod(version) },
        },
    });
    match kind {
        "DaemonSet" => drop(object["spec"].as_object_mut().unwrap().remove("replicas")),
        "StatefulSet" => object["spec"]["serviceName"] = name.into(),
        _ => {}
    }
    object
}

/// What a pod of `docker.io/rig/app` is made of.
pub fn pod(version: &str) -> Value {
    json!({
        "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": false, "enableServiceLinks": false,
        "containers": [{ "name": "app", "image": format!("docker.io/rig/app:{version}"), "imagePullPolicy": "Never" }],
    })
}

/// Free ports below those that the system gives to connections, which are taken again at any moment.
fn ports(count: u16) -> Vec<String> {
    let first = 12_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 16;
    let mut open = (first..32_000).chain(12_000..first);
    let mut held = Vec::new();
    while held.len() < usize::from(count) {
        held.extend(TcpListener::bind(("127.0.0.1", open.next().unwrap())));
    }
    held.iter().map(|port| port.local_addr().unwrap().port().to_string()).collect()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig/kube")
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The folder with the servers: unpacked or built once, and kept.
fn binaries() -> Option<PathBuf> {
    let folder = warden::tools().join("kube-1.20.2");
    if folder.join("kubelet").exists() {
        return Some(folder);
    }
    let from = std::env::var_os("PLAYBOOK_TEST_KUBE").map(PathBuf::from)?;
    std::fs::create_dir_all(&folder).unwrap();
    if from == Path::new("build") {
        eprintln!("building Kubernetes for the tests; this takes a quarter of an hour, once …");
        let work = warden::tools().join("kube-build");
        let mut build = Command::new("bash");
        build.arg(scripts().join("build.sh")).arg(&work).arg(&folder);
        return warden::install(&mut build).then_some(folder);
    }
    let packed = from.join("rig-kube.xz");
    if !packed.exists() {
        return None;
    }
    let servers = SERVERS.join(" ");
    let unpack = format!(
        "xz -dc \"$1\" >\"$2/new\" && chmod +x \"$2/new\" && mv \"$2/new\" \"$2/rig-kube\" && cd \"$2\" && for n in {servers}; do ln -sfn rig-kube $n; done"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &unpack, "unpack"]).arg(&packed).arg(&folder);
    warden::install(&mut command).then_some(folder)
}

/// Whether what the cluster stands on is here; installed where that is possible.
fn tools() -> bool {
    let programs = [
        "etcd",
        "containerd",
        "ctr",
        "runc",
        "busybox",
        "ip",
        "iptables",
        "conntrack",
        "socat",
        "openssl",
        "curl",
    ];
    let are_here = || {
        programs.iter().all(|program| {
            warden::on_path(program).is_some() || Path::new("/usr/sbin").join(program).exists()
        })
    };
    if are_here() {
        return true;
    }
    if warden::on_path("apt-get").is_none() {
        return false;
    }
    eprintln!("installing what a cluster stands on …");
    let apt = |arguments: &[&str]| {
        warden::install(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let packages = [
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "etcd-server",
        "containerd",
        "runc",
        "busybox-static",
        "iproute2",
        "iptables",
        "conntrack",
        "socat",
        "ebtables",
        "ethtool",
        "openssl",
        "curl",
        "xz-utils",
    ];
    apt(&["update", "-q"]) && apt(&packages) && are_here()
}
