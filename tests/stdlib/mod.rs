//! The standard library, against real systems; and its examples.

mod blue_green;
mod canary;
mod deadline;
mod examples;
mod watch;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::haproxy::{self, Haproxy};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::release::{Release, Stream};

/// Two releases behind a HAProxy, looked at by a Prometheus every second.
struct Stage {
    haproxy: Haproxy,
    prometheus: Prometheus,
    blue: Release,
    green: Release,
    stream: Option<Stream>,
}

const USES: &str = "uses = [\"haproxy.edge:write\", \"prometheus.main:read\", \"prometheus.gone:read\", \"http.green:read\"]";

impl Stage {
    /// With traffic, or without any; `None` when a server cannot be had here.
    fn start(has_traffic: bool) -> Option<Self> {
        if !haproxy::is_here() || !prometheus::is_here() {
            return None;
        }
        let (blue, green) = (Release::start("blue"), Release::start("green"));
        let haproxy = Haproxy::start(blue.port, green.port);
        let prometheus = Prometheus::start(&[("blue", blue.port), ("green", green.port)], "groups: []");
        let stream = has_traffic.then(|| Stream::to(haproxy.port, 60));
        prometheus.wait_for("requests_total%7Bcolour=%22green%22%7D");
        Some(Self { haproxy, prometheus, blue, green, stream })
    }

    fn settings(&self) -> String {
        format!(
            "{}{}[env.local.prometheus.gone]\nurl = \"http://127.0.0.1:{}\"\n[env.local.http.green]\nurl = \"http://127.0.0.1:{}\"\n",
            self.haproxy.settings("write"),
            self.prometheus.settings(),
            crate::rig::free_port(),
            self.green.port
        )
    }

    fn rig(&self, body: &str) -> Rig {
        let script = format!(
            "//! Test.\n//!\n//! {USES}\nimport \"std/canary\" as canary;\nimport \"std/blue_green\" as blue_green;\nlet edge = haproxy(\"edge\");\n{body}\n"
        );
        Rig::new(&self.settings()).file("test.rhai", &script)
    }

    fn exec(&self, body: &str) -> Seen {
        self.rig(body).run(&["exec", "test.rhai"])
    }
}
