//! Redis: each verb against real servers.

mod failures;
mod invalidate;
mod inverses;
mod keys;
mod privacy;
mod topology;

use std::process::{Child, Stdio};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::redis::{self, Cluster, Server, Watched};
use crate::rig::wait_until;

/// The end of a test that cannot be run here.
macro_rules! need_redis {
    () => {
        if !redis::is_here() {
            return;
        }
    };
}
use need_redis;

/// Runs `lines` in a step of a playbook that may use `redis.main` as far as `access`.
fn exec(settings: &str, access: &str, lines: &str) -> (Rig, Seen) {
    Rig::new(settings).exec(&script(access, lines))
}

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"redis.main:{access}\"]\nlet cache = redis(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

/// Plans `lines`.
fn plan(settings: &str, access: &str, lines: &str) -> Seen {
    Rig::new(settings).file("test.rhai", &script(access, lines)).run(&["plan", "test.rhai"])
}

/// Starts a playbook of `lines`, to be watched while it runs.
fn begin(settings: &str, access: &str, lines: &str) -> (Rig, Child) {
    let rig = Rig::new(settings).file("test.rhai", &script(access, lines));
    let child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (rig, child)
}

/// Waits for the end of what was begun.
fn end(rig: &Rig, child: Child) -> Seen {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Seen::new(output.status, text(output.stdout), text(output.stderr), rig.folder())
}
