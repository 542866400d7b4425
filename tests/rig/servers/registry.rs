//! A real container registry, Debian's `docker-registry`, with and without passwords, and images put there by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::warden::{self, Warden};

/// A running registry.
pub struct Registry {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// The registry that all tests share, which takes anybody. `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static Registry> {
    static SHARED: OnceLock<Option<Registry>> = OnceLock::new();
    SHARED.get_or_init(|| start("")).as_ref()
}

/// A registry that wants the password `hunter2` of the user `deploy`.
pub fn with_password() -> Option<&'static Registry> {
    static SHARED: OnceLock<Option<Registry>> = OnceLock::new();
    SHARED.get_or_init(|| start("auth:\n  htpasswd:\n    realm: rig\n    path: {folder}/users\n")).as_ref()
}

/// `deploy` with the password `hunter2`, by bcrypt.
const USERS: &str = "deploy:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n";

fn start(more: &str) -> Option<Registry> {
    let Some(program) = program() else {
        return warden::skip("docker-registry", "apt-get install docker-registry");
    };
    let port = super::super::free_port();
    let warden = Warden::start("registry", |folder| {
        let shown = folder.display().to_string();
        let settings = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {shown}/data\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n{}",
            more.replace("{folder}", &shown)
        );
        std::fs::write(folder.join("config.yml"), settings).unwrap();
        std::fs::write(folder.join("users"), USERS).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(folder.join("config.yml")).env("OTEL_TRACES_EXPORTER", "none");
        command
    });
    super::super::wait_until("docker-registry", 30, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(Registry { warden, port })
}

impl Registry {
    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address of a stand-in for a younger registry, which removes a tag alone when it is told to, as this one cannot: it
    /// does so on this one's disk, and hands everything else on to it. It ends with the test process.
    pub fn that_untags(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (port, folder) = (self.port, self.warden.folder().join("data/docker/registry/v2/repositories"));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = hand_on(client, port, &folder);
            }
        });
        format!("http://{address}")
    }

    /// Puts an image there that has nothing in it but `text`; gives its digest.
    #[track_caller]
    pub fn push(&self, image: &str, tag: &str, text: &str) -> String {
        let config = format!("{{\"comment\":\"{text}\"}}");
        let digest = sha256(&config);
        let (_, head) = self.ask("POST", &format!("/v2/{image}/blobs/uploads/"), "", "");
        let place = head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim().to_owned();
        let place = place.split_once("/v2/").unwrap().1.to_owned();
        self.fine("PUT", &format!("/v2/{place}&digest={digest}"), "application/octet-stream", &config);
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{{\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\
             \"size\":{},\"digest\":\"{digest}\"}},\"layers\":[]}}",
            config.len()
        );
        self.fine("PUT", &format!("/v2/{image}/manifests/{tag}"), kind, &manifest);
        sha256(&manifest)
    }

    /// The digest of an image; empty when there is none.
    #[cfg(all(feature = "kubernetes", feature = "mail"))]
    pub fn digest(&self, image: &str, tag: &str) -> String {
        let accept = "Accept: application/vnd.docker.distribution.manifest.v2+json\r\n";
        let found = super::ask(self.port, "GET", &format!("/v2/{image}/manifests/{tag}"), accept, "");
        found.filter(|(status, _)| *status == 200).map(|(_, body)| sha256(&body)).unwrap_or_default()
    }

    /// What it says that the tags of an image are.
    pub fn tags(&self, image: &str) -> String {
        let (_, answer) = self.ask("GET", &format!("/v2/{image}/tags/list"), "", "");
        answer.lines().last().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn fine(&self, method: &str, path: &str, kind: &str, body: &str) {
        let (status, head) = self.ask(method, path, kind, body);
        assert!(status < 300, "{method} {path}: {head}");
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }
}

/// Carries one request out.
fn hand_on(client: TcpStream, port: u16, folder: &Path) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(client.try_clone()?), client);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let begin = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let line = head[begin..].to_lowercase();
        length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let removed = head.strip_prefix("DELETE /v2/").and_then(|rest| {
        let (image, tag) = rest.split(' ').next()?.split_once("/manifests/")?;
        std::fs::remove_dir_all(folder.join(image).join("_manifests/tags").join(tag)).ok()
    });
    if removed.is_some() {
        return writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut writer).map(drop)
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(text.as_bytes());
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The server's program; installed as root on Debian where it is missing.
fn program() -> Option<PathBuf> {
    let find = || warden::on_path("docker-registry");
    find().or_else(|| {
        let apt = warden::on_path("apt-get").filter(|_| rustix::process::getuid().is_root())?;
        eprintln!("installing docker-registry for the tests; this takes a moment, once …");
        let mut install = Command::new(apt);
        install.args(["install", "-y", "-q", "--no-install-recommends", "docker-registry"]);
        install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        warden::install(&mut install).then(find).flatten()
    })
}
