//! A real HAProxy before two servers, `blue` with all of the traffic and `green` with none of it.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::release;
use super::warden::{self, Warden};

/// A running HAProxy; it ends when dropped.
pub struct Haproxy {
    warden: Warden,
    /// Where it takes requests, on 127.0.0.1.
    pub port: u16,
    /// Its runtime API as a port of 127.0.0.1, where everybody may only look.
    pub looking: u16,
    /// A port of 127.0.0.1 where one client gets at most a hundred answers in ten seconds.
    pub limited: u16,
}

/// Whether there is a HAProxy here; installed when there is none and that is possible.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| warden::from_debian("HAProxy", "haproxy", "haproxy"))
}

impl Haproxy {
    /// Starts it before two ports of 127.0.0.1.
    pub fn start(blue: u16, green: u16) -> Self {
        Self::before(&[("blue", blue, 100), ("green", green, 0)])
    }

    /// Starts it before servers of these names, ports of 127.0.0.1 and weights, two at least.
    pub fn before(servers: &[(&str, u16, u16)]) -> Self {
        let [port, looking, limited] = [free_port(), free_port(), free_port()];
        let ours: String = servers
            .iter()
            .map(|(name, port, weight)| format!("  server {name} 127.0.0.1:{port} weight {weight}\n"))
            .collect();
        let (blue, green) = (servers[0].1, servers[1].1);
        let warden = Warden::start("haproxy", |folder| {
            let text = format!(
                "global\n  stats socket {}/admin.sock mode 600 level admin\n  stats socket ipv4@127.0.0.1:{looking} level user\n\
                 defaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n  timeout check 5s\n\
                 frontend f\n  bind 127.0.0.1:{port}\n  default_backend app\n\
                 frontend l\n  bind 127.0.0.1:{limited}\n  stick-table type ip size 1k expire 10s store http_req_rate(10s)\n  \
                 http-request track-sc0 src\n  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100 }}\n  default_backend app\n\
                 backend app\n  balance roundrobin\n  option httpchk GET /healthz\n  default-server check inter 200ms fall 1 rise 1\n{ours}\
                 backend fixed\n  balance static-rr\n  server one 127.0.0.1:{blue}\n  server two 127.0.0.1:{green}\n",
                folder.display()
            );
            std::fs::write(folder.join("haproxy.cfg"), text).unwrap();
            let mut command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg"));
            command
        });
        let haproxy = Self { warden, port, looking, limited };
        let is_ready =
            || UnixStream::connect(haproxy.socket()).is_ok() && release::get(port, "/healthz").is_ok();
        wait_until("haproxy answers", 20, is_ready);
        // The first checks are done: both are known to be up.
        wait_until("haproxy has checked its servers", 20, || {
            let stat = haproxy.ask("show stat");
            stat.lines().filter(|line| line.starts_with("app,") && line.contains(",L7OK,")).count()
                == servers.len()
        });
        haproxy
    }

    /// Its runtime API.
    pub fn socket(&self) -> PathBuf {
        self.warden.folder().join("admin.sock")
    }

    /// The `playbook.toml` of a project whose `haproxy.edge` it is.
    pub fn settings(&self, access: &str) -> String {
        format!(
            "[env.local.haproxy.edge]\naddress = \"{}\"\naccess = \"{access}\"\n",
            self.socket().display()
        )
    }

    /// What it answers to a command of its runtime API.
    pub fn ask(&self, line: &str) -> String {
        use std::io::Write as _;
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        writeln!(stream, "{line}").unwrap();
        std::io::read_to_string(stream).unwrap()
    }

    /// The weights of blue and green, and their states, as HAProxy tells them: `100 ready, 0 ready`.
    pub fn told(&self) -> String {
        let rows = self.ask("show servers state app");
        let told = rows.lines().skip(2).filter(|line| !line.is_empty()).map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let state = match fields[6] {
                "0" => "ready",
                "8" => "drain",
                "1" => "maintenance",
                other => other,
            };
            format!("{} {state}", fields[7])
        });
        told.collect::<Vec<_>>().join(", ")
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
