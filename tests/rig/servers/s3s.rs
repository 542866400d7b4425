//! A real S3 server that checks signatures and keeps objects as plain files: `s3s-fs`.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::warden::{self, Warden};

const VERSION: &str = "0.14.1";
/// The access key that the server knows.
pub const ACCESS_KEY: &str = "rig-access-key";
/// Its secret key.
pub const SECRET_KEY: &str = "rig-secret-k3y/with+signs";

/// A running server.
pub struct S3s {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// A bucket of its own for one test.
pub struct Bucket {
    /// The server it lies on.
    pub server: &'static S3s,
    /// Its name.
    pub name: String,
}

/// The server that all tests share; `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static S3s> {
    static SHARED: OnceLock<Option<S3s>> = OnceLock::new();
    SHARED.get_or_init(S3s::start).as_ref()
}

/// A fresh bucket on the shared server.
pub fn bucket() -> Option<Bucket> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let server = shared()?;
    let name = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    server.make_bucket(&name);
    Some(Bucket { server, name })
}

impl S3s {
    /// Starts a server of one's own; `None`, said loudly, when there is none to be had.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            return warden::skip(
                "s3s-fs",
                &format!("cargo install s3s-fs --version {VERSION} --features binary"),
            );
        };
        let port = super::super::free_port();
        let warden = Warden::start("s3s", |folder| {
            std::fs::create_dir(folder.join("data")).unwrap();
            let mut command = Command::new(program);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]).arg(folder.join("data"));
            command.env("RUST_LOG", "warn");
            command
        });
        let server = Self { warden, port };
        super::super::wait_until("s3s-fs", 60, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(server)
    }

    /// Makes a bucket: a folder.
    pub fn make_bucket(&self, name: &str) {
        std::fs::create_dir(self.path(name)).unwrap();
    }

    /// The file of an object, or the folder of a bucket.
    pub fn path(&self, name: &str) -> PathBuf {
        self.warden.folder().join("data").join(name)
    }

    /// The process itself, for making it hang.
    pub fn warden(&self) -> &Warden {
        &self.warden
    }

    /// How many multipart uploads are open, in all buckets.
    pub fn open_uploads(&self) -> usize {
        let names = std::fs::read_dir(self.warden.folder().join("data")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".upload-")).count()
    }

    /// The `playbook.toml` of a project whose `s3.box` is a bucket of this server; `RIG_SECRET` must hold the key.
    pub fn settings(&self, bucket: &str, access: &str) -> String {
        settings(self.port, bucket, access)
    }
}

/// The `playbook.toml` of a project whose `s3.box` is a bucket behind a port of 127.0.0.1.
pub fn settings(port: u16, bucket: &str, access: &str) -> String {
    format!(
        "[env.local.s3.box]\nbucket = \"{bucket}\"\nendpoint = \"http://127.0.0.1:{port}\"\nregion = \"us-east-1\"\n\
         access_key = \"env:RIG_ACCESS\"\nsecret_key = \"env:RIG_SECRET\"\naccess = \"{access}\"\n"
    )
}

impl Bucket {
    /// The `playbook.toml` of a project whose `s3.box` is this bucket.
    pub fn settings(&self, access: &str) -> String {
        self.server.settings(&self.name, access)
    }

    /// The file of an object.
    pub fn path(&self, key: &str) -> PathBuf {
        self.server.path(&self.name).join(key)
    }

    /// The keys of all objects, the store's own among them, sorted.
    pub fn keys(&self) -> Vec<String> {
        let root = self.path("");
        let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// The server's program; installed into the tools' cache where it is missing and cargo can do it.
fn program() -> Option<PathBuf> {
    let root = warden::tools().join(format!("s3s-fs-{VERSION}"));
    let cached = root.join("bin/s3s-fs");
    let found = || warden::on_path("s3s-fs").or_else(|| cached.exists().then(|| cached.clone()));
    found().or_else(|| {
        let cargo = warden::on_path("cargo")?;
        eprintln!("installing s3s-fs for the tests; this takes some minutes, once …");
        let build = tempfile::tempdir().unwrap();
        let mut command = Command::new(cargo);
        command.args(["install", "s3s-fs", "--version", VERSION, "--features", "binary", "--locked"]);
        command.arg("--root").arg(&root).arg("--target-dir").arg(build.path());
        command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        warden::install(&mut command).then(found).flatten()
    })
}
