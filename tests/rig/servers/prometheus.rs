//! A real Prometheus that looks every second.

use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::release;
use super::warden::{self, Warden};

/// A running Prometheus; it ends when dropped.
pub struct Prometheus {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// Whether there is a Prometheus here; installed when there is none and that is possible.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| warden::from_debian("Prometheus", "prometheus", "prometheus"))
}

impl Prometheus {
    /// Starts one that scrapes these ports of 127.0.0.1, each under the label `colour` of that name, and has these rules.
    pub fn start(targets: &[(&str, u16)], rules: &str) -> Self {
        Self::with(targets, rules, "")
    }

    /// The same, with a user `deploy` whose password is `open sesame`: without it nobody is let in.
    pub fn with_password(targets: &[(&str, u16)]) -> Self {
        // bcrypt of the password.
        let hash = "$2b$04$KOX3UUw8eaNDi2AeMv7lvu6iFESEr3FaYufHFt7t//1liM.oHKzPe";
        Self::with(targets, "groups: []", &format!("basic_auth_users: {{ deploy: '{hash}' }}\n"))
    }

    fn with(targets: &[(&str, u16)], rules: &str, web: &str) -> Self {
        let port = free_port();
        let warden = Warden::start("prometheus", |folder| {
            let mut text = format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}/rules.yml']\nscrape_configs:\n\
                 - job_name: app\n  static_configs:\n",
                folder.display()
            );
            for (colour, port) in targets {
                text += &format!("  - {{targets: ['127.0.0.1:{port}'], labels: {{colour: {colour}}}}}\n");
            }
            std::fs::write(folder.join("prometheus.yml"), text).unwrap();
            std::fs::write(folder.join("rules.yml"), rules).unwrap();
            std::fs::write(folder.join("web.yml"), web).unwrap();
            let mut command = Command::new("prometheus");
            command.arg(format!("--config.file={}/prometheus.yml", folder.display()));
            command.arg(format!("--storage.tsdb.path={}/data", folder.display()));
            command.arg(format!("--web.config.file={}/web.yml", folder.display()));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--log.level=warn");
            command
        });
        let prometheus = Self { warden, port };
        let is_ready = || {
            let answer = release::get(port, "/-/ready").unwrap_or_default();
            answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 401")
        };
        wait_until("prometheus is ready", 30, is_ready);
        prometheus
    }

    /// The `playbook.toml` of a project whose `prometheus.main` it is.
    pub fn settings(&self) -> String {
        format!("[env.local.prometheus.main]\nurl = \"http://127.0.0.1:{}\"\n", self.port)
    }

    /// Waits until a query, without characters that an address cannot carry, gives something.
    pub fn wait_for(&self, query: &str) {
        wait_until(query, 30, || {
            let answer = release::get(self.port, &format!("/api/v1/query?query={query}")).unwrap_or_default();
            answer.contains("\"value\":")
        });
    }

    /// Makes it hang: it accepts connections and says nothing.
    pub fn hang(&self) {
        self.warden.hang();
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.warden.go_on();
    }
}
