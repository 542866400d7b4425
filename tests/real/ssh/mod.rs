//! Hosts over SSH: each verb against real sshd.

mod apart;
mod commands;
mod ends;
mod fan;
mod files;
mod left;
mod shells;
mod trust;

use std::process::{Child, Stdio};
use std::sync::{Mutex, OnceLock};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::ssh::{self, Access, Host};

/// The end of a test that cannot be run here; else the access to the hosts.
macro_rules! need_ssh {
    () => {
        match $crate::rig::servers::ssh::access() {
            Some(access) => access,
            None => return,
        }
    };
}
use need_ssh;

/// Every command of the shell may be run, and `echo`, `cat` and `uname` only read.
pub(super) const LISTS: &str = "read = [[\"echo\", \"*\"], [\"uname\", \"**\"], [\"cat\", \"*\"]]\nwrite = [[\"**\"]]\n\
                                destroy = [[\"rm\", \"**\"]]";

/// Two hosts that all tests share which do them no harm.
fn pair(access: &'static Access) -> &'static [Host; 2] {
    static PAIR: OnceLock<[Host; 2]> = OnceLock::new();
    // A static is never dropped, so the wardens end with the pipes of this process.
    PAIR.get_or_init(|| [Host::start(access), Host::start(access)])
}

/// A project whose `ssh.web` are these hosts, and which knows them.
fn project(access: &Access, hosts: &[&Host], more: &str) -> Rig {
    Rig::new(&ssh::settings(access, hosts, &format!("{LISTS}\n{more}")))
        .file("known_hosts", &ssh::known_hosts(access, hosts, "host"))
}

fn script(lines: &str) -> String {
    format!(
        "//! Hosts.\n//!\n//! uses = [\"ssh.web:destroy\"]\nlet web = ssh(\"web\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn exec(rig: Rig, lines: &str) -> (Rig, Seen) {
    rig.exec(&script(lines))
}

/// Starts a playbook of `lines`, to be watched while it runs.
fn begin(rig: Rig, lines: &str) -> (Rig, Child) {
    let rig = rig.file("test.rhai", &script(lines));
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

/// Whether the process whose number was written into a file runs.
fn runs(file: &std::path::Path) -> bool {
    let pid = std::fs::read_to_string(file).unwrap();
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Tests that wait for time to pass do so one after the other, so that they do not make each other late.
static ALONE: Mutex<()> = Mutex::new(());
