//! Kubernetes: each verb against a real cluster with real pods.

mod access;
mod apply;
mod commands;
mod folders;
mod jobs;
mod patch;
mod rollouts;
mod silence;
mod traffic;
mod undo;
mod waiting;

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::kubernetes::{self as cluster, Namespace, pod, workload};
use crate::rig::wait_until;

/// A namespace, or the end of a test that cannot be run here.
macro_rules! need_namespace {
    () => {
        match cluster::namespace() {
            Some(namespace) => namespace,
            None => return,
        }
    };
}
use need_namespace;

const DEPLOYMENTS: &str = "apps/v1/deployments";

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"kubernetes.main:{access}\"]\nlet k = kubernetes(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

/// Runs `lines` in a step of a playbook that may destroy in the namespace.
fn exec(namespace: &Namespace, lines: &str) -> (Rig, Seen) {
    Rig::new(&namespace.settings("destroy")).exec(&script("destroy", lines))
}

/// Runs `lines` and expects that all goes well.
#[track_caller]
fn well(namespace: &Namespace, lines: &str) -> Seen {
    exec(namespace, lines).1.expect(0)
}

/// Plans `lines`.
fn plan(namespace: &Namespace, lines: &str) -> Seen {
    Rig::new(&namespace.settings("destroy"))
        .file("test.rhai", &script("destroy", lines))
        .run(&["plan", "test.rhai"])
}

/// Starts a playbook of `lines`, to be watched while it runs.
fn begin(namespace: &Namespace, lines: &str) -> (Rig, Child) {
    let rig = Rig::new(&namespace.settings("destroy")).file("test.rhai", &script("destroy", lines));
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

/// A ConfigMap of one value.
fn config(name: &str, color: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "color": color } })
}
