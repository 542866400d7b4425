//! Real name servers: dnsmasq on a port of its own, with records that a test may change.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::warden::{self, Warden};

/// A running name server; it ends when dropped.
pub struct Server {
    warden: Warden,
    /// Its port on 127.0.0.1, for UDP and TCP.
    pub port: u16,
}

/// Whether there is a dnsmasq here; installed when there is none and that is possible. `false` is said loudly.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let have = || warden::on_path("dnsmasq").is_some() || Path::new("/usr/sbin/dnsmasq").exists();
        let here = have() || (warden::apt("dnsmasq", &["dnsmasq-base"]) && have());
        here || warden::skip::<()>("dnsmasq", "apt-get install dnsmasq-base").is_some()
    })
}

impl Server {
    /// Starts one; `more` are options of dnsmasq, such as `--cname=…`.
    pub fn start(more: &[&str]) -> Self {
        let port = free_port();
        let warden = Warden::start("dns", |folder| {
            std::fs::write(folder.join("hosts"), "").unwrap();
            let program = warden::on_path("dnsmasq").unwrap_or_else(|| "/usr/sbin/dnsmasq".into());
            let mut command = Command::new(program);
            command.args(["-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"]);
            command.args(["--listen-address=127.0.0.1", "--user=root", "--local-ttl=7", "--local=/test/"]);
            command.arg(format!("--port={port}")).arg("--pid-file=").args(more);
            command.arg(format!("--addn-hosts={}", folder.join("hosts").display()));
            command
        });
        wait_until("the name server", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { warden, port }
    }

    /// From now on these are its addresses: lines of `ADDRESS NAME`.
    pub fn tell(&self, hosts: &str) {
        std::fs::write(self.warden.folder().join("hosts"), hosts).unwrap();
        self.warden.renew();
    }

    /// Makes it hang.
    pub fn hang(&self) {
        self.warden.hang();
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.warden.go_on();
    }
}
