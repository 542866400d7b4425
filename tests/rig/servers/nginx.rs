//! A real nginx before two servers, with an upstream file of its own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::release;
use super::warden::{self, Warden};

/// A running nginx; it ends when dropped.
pub struct Nginx {
    warden: Warden,
    /// Where it takes requests, on 127.0.0.1.
    pub port: u16,
    servers: (u16, u16),
}

/// Whether there is an nginx here; installed when there is none and that is possible.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| warden::from_debian("nginx", "nginx-light", "nginx"))
}

impl Nginx {
    /// Starts it before two ports of 127.0.0.1, with all traffic for the first.
    pub fn start(blue: u16, green: u16) -> Self {
        let port = free_port();
        let warden = Warden::start("nginx", |folder| {
            let at = folder.display();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|one| format!("{one}_temp_path {at}/{one};\n"))
                .concat();
            let text = format!(
                "pid {at}/nginx.pid;\nerror_log {at}/error.log;\nworker_processes 2;\ndaemon off;\n\
                 events {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{temporary}include {at}/app*.conf;\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://app; }} }}\n}}\n"
            );
            std::fs::write(folder.join("nginx.conf"), text).unwrap();
            std::fs::write(folder.join("app.conf"), file(blue, green)).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
            command
        });
        let nginx = Self { warden, port, servers: (blue, green) };
        wait_until("nginx answers", 20, || {
            release::get(port, "/healthz").is_ok_and(|answer| answer.contains("200"))
        });
        nginx
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.warden.folder().join(name)
    }

    /// The file of its upstream.
    pub fn upstream(&self) -> String {
        std::fs::read_to_string(self.path("app.conf")).unwrap()
    }

    /// The numbers of its workers, without those that only end what they have begun.
    pub fn workers(&self) -> Vec<String> {
        let pid = std::fs::read_to_string(self.path("nginx.pid")).unwrap();
        let output =
            Command::new("ps").args(["-o", "pid=,args=", "--ppid"]).arg(pid.trim()).output().unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        let is_worker = |line: &&str| line.contains("worker process") && !line.contains("shutting down");
        let number = |line: &str| line.split_whitespace().next().unwrap().to_owned();
        listed.lines().filter(is_worker).map(number).collect()
    }

    /// The `playbook.toml` of a project whose `nginx.edge` it is.
    pub fn settings(&self, access: &str) -> String {
        let (at, (blue, green)) = (self.warden.folder().display(), self.servers);
        format!(
            "[env.local.nginx.edge]\narguments = [\"-e\", \"{at}/error.log\"]\nconfig = \"{at}/nginx.conf\"\npid = \"{at}/nginx.pid\"\naccess = \"{access}\"\n\
             [env.local.nginx.edge.upstreams.app]\nfile = \"{at}/app.conf\"\nservers = {{ blue = \"127.0.0.1:{blue}\", green = \"127.0.0.1:{green}\" }}\n"
        )
    }
}

fn file(blue: u16, green: u16) -> String {
    format!(
        "# Weights of the upstream `app`, written by playbook: changes by hand are lost.\nupstream app {{\n    \
         server 127.0.0.1:{blue} weight=100;    # blue\n    server 127.0.0.1:{green} down;    # green\n}}\n"
    )
}
