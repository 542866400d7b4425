//! HAProxy: weights and states, against a real one before two real servers.

mod failures;
mod states;
mod weights;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::haproxy::{self, Haproxy};
use crate::rig::servers::release::{Release, count};

/// A HAProxy before two releases.
struct Edge {
    haproxy: Haproxy,
    blue: Release,
    green: Release,
}

impl Edge {
    /// `None` when there is no HAProxy here.
    fn start() -> Option<Self> {
        haproxy::is_here().then(|| {
            let (blue, green) = (Release::start("blue"), Release::start("green"));
            Self { haproxy: Haproxy::start(blue.port, green.port), blue, green }
        })
    }

    /// Runs `lines` in a step of a playbook.
    fn exec(&self, lines: &str) -> Seen {
        Rig::new(&self.haproxy.settings("write")).exec(&script("write", lines)).1
    }
}

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"haproxy.edge:{access}\"]\nlet edge = haproxy(\"edge\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}
