//! `playbook check`: every mistake that can be found without running, each at its place and with its fix.

mod grants;
mod language;
mod names;
mod resources;
mod words;

use crate::rig::Rig;

/// What the playbooks here are checked against.
const SETTINGS: &str = r#"
[env.local.sqlite.main]
path = "data.db"
access = "write"

[env.local.sqlite.archive]
path = "old.db"

[env.local.files.backups]
path = "backups"
access = "write"

[env.local.http.api]
url = "http://127.0.0.1:9"
access = "write"
"#;

fn rig(script: &str) -> Rig {
    Rig::new(SETTINGS).file("deploy.rhai", script)
}

/// What `playbook check` shows of a playbook in which something is wrong.
fn wrong(script: &str) -> String {
    shown(&rig(script), 2)
}

/// What it shows of a playbook in which nothing is.
fn right(script: &str) -> String {
    shown(&rig(script), 0)
}

#[track_caller]
fn shown(rig: &Rig, code: i32) -> String {
    let seen = rig.run(&["check", "deploy.rhai"]).expect(code);
    assert_eq!(seen.stderr, "");
    seen.stdout
}
