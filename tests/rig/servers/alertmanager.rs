//! A real Alertmanager that tells nobody.

use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::release;
use super::warden::{self, Warden};

/// A running Alertmanager; it ends when dropped.
pub struct Alertmanager {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// Whether there is an Alertmanager here; installed when there is none and that is possible.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        warden::from_debian("Alertmanager", "prometheus-alertmanager", "prometheus-alertmanager")
    })
}

impl Alertmanager {
    /// Starts one without any alert.
    pub fn start() -> Self {
        let port = free_port();
        let warden = Warden::start("alertmanager", |folder| {
            std::fs::write(folder.join("am.yml"), "route: {receiver: none}\nreceivers: [{name: none}]\n")
                .unwrap();
            let mut command = Command::new("prometheus-alertmanager");
            command.arg(format!("--config.file={}/am.yml", folder.display()));
            command.arg(format!("--storage.path={}/data", folder.display()));
            // Without this it opens a port on every address of the machine.
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
            command
        });
        wait_until("alertmanager is ready", 30, || {
            release::get(port, "/-/ready").unwrap_or_default().starts_with("HTTP/1.1 200")
        });
        Self { warden, port }
    }

    /// Fires an alert of that name, with this further label.
    pub fn fire(&self, name: &str, label: &str, value: &str) {
        let body = format!(
            "[{{\"labels\":{{\"alertname\":\"{name}\",\"{label}\":\"{value}\"}},\"annotations\":{{\"summary\":\"it is bad\"}}}}]"
        );
        let answer = release::post(self.port, "/api/v2/alerts", &body).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        wait_until("the alert is there", 20, || {
            release::get(self.port, "/api/v2/alerts").unwrap_or_default().contains(name)
        });
    }

    /// What it answers to a path.
    pub fn get(&self, path: &str) -> String {
        release::get(self.port, path).unwrap()
    }

    /// The `playbook.toml` of a project whose `alertmanager.main` it is.
    pub fn settings(&self, access: &str) -> String {
        format!(
            "[env.local.alertmanager.main]\nurl = \"http://127.0.0.1:{}\"\naccess = \"{access}\"\n",
            self.port
        )
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
