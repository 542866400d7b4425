//! An emulation of AWS, `moto_server`: versioned buckets, listings of open uploads, and the control APIs. It takes any
//! signature.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::warden::{self, Warden};

/// A running server.
pub struct Moto {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// A bucket of its own for one test.
pub struct Bucket {
    /// The server it lies on.
    pub server: &'static Moto,
    /// Its name.
    pub name: String,
}

/// The server that all tests share: one takes seconds to start. `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static Moto> {
    static SHARED: OnceLock<Option<Moto>> = OnceLock::new();
    SHARED.get_or_init(Moto::start).as_ref()
}

/// A fresh bucket on the shared server.
pub fn bucket() -> Option<Bucket> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let server = shared()?;
    let name = format!("bucket-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    server.ask("PUT", &format!("/{name}"), "");
    Some(Bucket { server, name })
}

/// A fresh bucket on the shared server that keeps every version.
pub fn versioned() -> Option<Bucket> {
    let bucket = bucket()?;
    let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket.server.ask("PUT", &format!("/{}?versioning", bucket.name), body);
    Some(bucket)
}

impl Moto {
    /// Starts a server of one's own; `None`, said loudly, when there is none to be had.
    pub fn start() -> Option<Self> {
        let moto = Self::start_with(|_| Vec::new())?;
        super::super::wait_until("moto_server", 90, || moto.try_ask("GET", "/moto-api/", "").is_some());
        Some(moto)
    }

    /// Starts one that speaks TLS; gives the authority of its certificate too, as PEM.
    pub fn start_with_tls() -> Option<(Self, String)> {
        let moto = Self::start_with(|folder| {
            certificates(folder);
            ["-s", "-c", "server.pem", "-k", "server.key"]
                .map(|word| match word.starts_with('s') {
                    true => folder.join(word).display().to_string(),
                    false => word.to_owned(),
                })
                .to_vec()
        })?;
        let port = moto.port;
        super::super::wait_until("moto_server", 90, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let authority = std::fs::read_to_string(moto.warden.folder().join("ca.pem")).unwrap();
        Some((moto, authority))
    }

    fn start_with(more: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let Some(program) = program() else {
            return warden::skip("moto_server", "pip install 'moto[server]'");
        };
        let port = super::super::free_port();
        let warden = Warden::start("moto", |folder| {
            let mut command = Command::new(program);
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).args(more(folder));
            command
        });
        Some(Self { warden, port })
    }

    /// The body of an answer; fails the test unless it is one of success.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let answer = self.try_ask(method, path, body);
        answer.unwrap_or_else(|| panic!("moto: {method} {path} failed:\n{}", self.warden.log()))
    }

    fn try_ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        self.signed("s3", (method, path), "", body)
    }

    /// The body of a service's answer of success to a request with these headers.
    fn signed(
        &self,
        service: &str,
        (method, path): (&str, &str),
        headers: &str,
        body: &str,
    ) -> Option<String> {
        // It recognises a service by a signature, which it does not check.
        let scope = format!("Credential=rig/20260101/us-east-1/{service}/aws4_request");
        let signed =
            format!("Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n{headers}");
        let (status, body) = super::ask(self.port, method, path, &signed, body)?;
        (200..300).contains(&status).then_some(body)
    }

    /// Asks a service that speaks JSON: `target` is its word before the action's, with a point.
    #[track_caller]
    pub fn json(&self, service: &str, target: &str, body: &serde_json::Value) -> serde_json::Value {
        let headers = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
        let answer = self.signed(service, ("POST", "/"), &headers, &body.to_string());
        let answer = answer.unwrap_or_else(|| panic!("moto: {target} failed:\n{}", self.warden.log()));
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Asks a service that takes forms.
    #[track_caller]
    pub fn form(&self, service: &str, form: &str) -> String {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = self.signed(service, ("POST", "/"), headers, form);
        answer.unwrap_or_else(|| panic!("moto: {form} failed:\n{}", self.warden.log()))
    }

    /// Makes a load balancer in a network of its own; gives the network's id, and what was answered.
    #[track_caller]
    pub fn load_balancer(&self, name: &str) -> (String, String) {
        let ec2 = |form: &str| self.form("ec2", &format!("Version=2016-11-15&{form}"));
        let vpc = between(&ec2("Action=CreateVpc&CidrBlock=10.0.0.0/16"), "<vpcId>", "</vpcId>")[0].clone();
        let subnet = |zone: &str, cidr: &str| {
            let form =
                format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone=us-east-1{zone}");
            between(&ec2(&form), "<subnetId>", "</subnetId>")[0].clone()
        };
        let (a, b) = (subnet("a", "10.0.1.0/24"), subnet("b", "10.0.2.0/24"));
        let form = format!(
            "Version=2015-12-01&Action=CreateLoadBalancer&Name={name}&Subnets.member.1={a}&Subnets.member.2={b}"
        );
        (vpc, self.form("elasticloadbalancing", &form))
    }

    /// Asks a service that speaks XML below paths.
    #[track_caller]
    pub fn xml(&self, service: &str, method: &str, path: &str, body: &str) -> String {
        let answer = self.signed(service, (method, path), "Content-Type: text/xml\r\n", body);
        answer.unwrap_or_else(|| panic!("moto: {method} {path} failed:\n{}", self.warden.log()))
    }

    /// The process itself, for making it hang.
    pub fn warden(&self) -> &Warden {
        &self.warden
    }
}

impl Bucket {
    /// The `playbook.toml` of a project whose `s3.box` is this bucket.
    pub fn settings(&self, access: &str) -> String {
        super::s3s::settings(self.server.port, &self.name, access)
    }

    /// What a GET of `what`, a key or a query, gives.
    #[track_caller]
    pub fn get(&self, what: &str) -> String {
        self.server.ask("GET", &format!("/{}{what}", self.name), "")
    }

    /// Puts an object there behind the product's back.
    #[track_caller]
    pub fn put(&self, key: &str, text: &str) {
        self.server.ask("PUT", &format!("/{}/{key}", self.name), text);
    }

    /// The keys of all objects, the store's own among them, at most 1000.
    pub fn keys(&self) -> Vec<String> {
        between(&self.get("?list-type=2"), "<Key>", "</Key>")
    }

    /// The keys of the multipart uploads that are open.
    pub fn open_uploads(&self) -> Vec<String> {
        between(&self.get("?uploads"), "<Key>", "</Key>")
    }
}

/// What stands between each pair of marks.
pub fn between(text: &str, from: &str, to: &str) -> Vec<String> {
    let inner = |part: &str| part.split_once(to).map(|(inner, _)| inner.to_owned());
    text.split(from).skip(1).filter_map(inner).collect()
}

/// The server's program; installed into the tools' cache where it is missing and Python can do it.
fn program() -> Option<PathBuf> {
    let root = warden::tools().join("moto");
    let cached = root.join("bin/moto_server");
    let found = || warden::on_path("moto_server").or_else(|| cached.exists().then(|| cached.clone()));
    found().or_else(|| {
        let python = warden::on_path("python3")?;
        eprintln!("installing moto for the tests; this takes a minute, once …");
        let made = warden::install(Command::new(python).args(["-m", "venv"]).arg(&root));
        let pip = ["install", "--quiet", "moto[server]>=5,<6"];
        (made && warden::install(Command::new(root.join("bin/pip")).args(pip))).then(found).flatten()
    })
}

/// An authority, and a certificate of it for 127.0.0.1.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
        let mut openssl = Command::new("openssl");
        openssl.args(key.split(' ')).args(arguments.split(' ')).current_dir(folder);
        assert!(warden::install(&mut openssl), "this test needs the program `openssl`");
    };
    openssl("-keyout ca.key -out ca.pem -subj /CN=rig");
    openssl(
        "-CA ca.pem -CAkey ca.key -keyout server.key -out server.pem -subj /CN=localhost \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
    );
}
