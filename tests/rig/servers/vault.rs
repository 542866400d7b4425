//! A vault that speaks the API of HashiCorp Vault: RustyVault, unsealed, with a root token. It knows no policies, and its
//! key-value engine keeps one version.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::warden::{self, Warden};

const VERSION: &str = "0.2.1";

/// A running server.
pub struct Vault {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
    key: String,
    /// The token that may do everything.
    pub token: String,
}

/// The server that all tests share; `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static Vault> {
    static SHARED: OnceLock<Option<Vault>> = OnceLock::new();
    SHARED.get_or_init(Vault::start).as_ref()
}

/// A path of the key-value engine that no other test uses, below the mount `kv`.
pub fn fresh_path() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("kv/test-{}/app", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Vault {
    /// Starts a server of one's own; `None`, said loudly, when there is none to be had.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            return warden::skip(
                "vault",
                &format!("PLAYBOOK_RIG_BUILD=1, or cargo install rusty_vault --version {VERSION} --locked"),
            );
        };
        let port = super::super::free_port();
        let warden = Warden::start("vault", |folder| {
            let at = |name: &str| folder.join(name).display().to_string();
            let (data, pid, work) = (at("data"), at("pid"), at("work"));
            std::fs::create_dir(&work).unwrap();
            // Its parser wants one attribute a line.
            let settings = format!(
                "storage \"file\" {{\n  path = \"{data}\"\n}}\nlistener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  \
                 tls_disable = \"true\"\n}}\napi_addr = \"http://127.0.0.1:{port}\"\nlog_level = \"warn\"\n\
                 log_format = \"{{date}} {{req.path}}\"\npid_file = \"{pid}\"\nwork_dir = \"{work}\"\n"
            );
            std::fs::write(folder.join("settings.hcl"), settings).unwrap();
            let mut command = Command::new(program);
            command.arg("server").arg("--config").arg(folder.join("settings.hcl"));
            command
        });
        super::super::wait_until("the vault", 60, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut vault = Self { warden, port, key: String::new(), token: String::new() };
        let made = vault.put("sys/init", &json!({ "secret_shares": 1, "secret_threshold": 1 }));
        vault.key = made["keys"][0].as_str().unwrap().to_owned();
        vault.token = made["root_token"].as_str().unwrap().to_owned();
        vault.unseal();
        vault.post("sys/mounts/kv", &json!({ "type": "kv", "options": { "version": "2" } }));
        Some(vault)
    }

    /// Writes a secret of the key-value engine: `path` begins with its mount.
    pub fn write(&self, path: &str, fields: &Value) {
        let (mount, within) = path.split_once('/').unwrap();
        self.put(&format!("{mount}/data/{within}"), &json!({ "data": fields }));
    }

    /// A role to log in as: its id, and what proves it.
    pub fn role(&self) -> (String, String) {
        static MADE: OnceLock<()> = OnceLock::new();
        MADE.get_or_init(|| drop(self.post("sys/auth/approle", &json!({ "type": "approle" }))));
        self.post("auth/approle/role/deploy", &json!({ "token_policies": ["default"], "token_ttl": "10m" }));
        let text = |answer: &Value, name: &str| answer["data"][name].as_str().unwrap().to_owned();
        let id = self.ask("GET", "auth/approle/role/deploy/role-id", &Value::Null);
        let proof = self.post("auth/approle/role/deploy/secret-id", &json!({}));
        (text(&id, "role_id"), text(&proof, "secret_id"))
    }

    /// Closes the vault.
    pub fn seal(&self) {
        self.put("sys/seal", &Value::Null);
    }

    /// Opens the vault.
    pub fn unseal(&self) {
        self.put("sys/unseal", &json!({ "key": self.key }));
    }

    /// The process itself, for making it hang.
    pub fn warden(&self) -> &Warden {
        &self.warden
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> Value {
        self.ask("PUT", path, body)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, body)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("X-Vault-Token: {}\r\n", self.token);
        let (status, answer) = super::ask(self.port, method, &format!("/v1/{path}"), &head, &body)
            .unwrap_or_else(|| panic!("the vault does not answer:\n{}", self.warden.log()));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }
}

/// The server's program; built into the tools' cache where it is missing and that was asked for: it takes long.
fn program() -> Option<PathBuf> {
    let root = warden::tools().join("rusty_vault");
    let cached = root.join("bin/rvault");
    let found = || warden::on_path("rvault").or_else(|| cached.exists().then(|| cached.clone()));
    found().or_else(|| {
        let wanted = |name: &str| std::env::var_os(name).is_some();
        if !wanted("PLAYBOOK_RIG_BUILD") && !wanted("CI") && std::env::var("RIG").as_deref() != Ok("all") {
            return None;
        }
        let cargo = warden::on_path("cargo")?;
        eprintln!("building a vault for the tests; this takes a quarter of an hour, once …");
        let build = tempfile::tempdir().unwrap();
        let mut command = Command::new(cargo);
        command.args(["install", "rusty_vault", "--version", VERSION, "--locked"]);
        command.arg("--root").arg(&root).arg("--target-dir").arg(build.path());
        command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        warden::install(&mut command).then(found).flatten()
    })
}
