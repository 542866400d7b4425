//! nginx: the weights of an upstream's servers, in a file of its configuration that is written here and by nobody else.

mod control;
mod upstream;
mod weights;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "nginx",
    about: "An nginx on this machine: how much of the traffic each server of an upstream gets. The upstream is a file that \
            nginx includes and that is written here; it is tested before nginx reads it, and nginx is seen to have read it.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: upstream::check },
    entries: &[entry::<weights::ReadWeights>(), entry::<weights::SetWeights>(), entry::<weights::Restore>()],
    health: Examine::By(|cx| Box::pin(control::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// An nginx on this machine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The upstreams by their names, each with its `file` and its `servers`
    upstreams: BTreeMap<String, Upstream>,
    /// The program; "/usr/bin/sudo" with the arguments `["-n", "nginx"]` for one that another user runs
    #[serde(default = "nginx")]
    program: String,
    /// What the program is given before all else
    #[serde(default)]
    arguments: Vec<String>,
    /// Its configuration; that of the program when left out
    config: Option<String>,
    /// The file with the number of its main process
    #[serde(default = "pid")]
    pid: String,
    /// How long it may take until its new workers are there
    #[serde(default = "ten_seconds")]
    reload_within: String,
}

/// One upstream.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Upstream {
    /// The file that nginx includes in its block `http`
    file: String,
    /// The servers by their names, as nginx's `server` takes them, without a weight: "10.0.0.1:8080 max_fails=2"
    servers: BTreeMap<String, String>,
    /// Further lines of the upstream's block: "least_conn;", "keepalive 32;"
    #[serde(default)]
    lines: Vec<String>,
}

fn nginx() -> String {
    "nginx".to_owned()
}

fn pid() -> String {
    "/run/nginx.pid".to_owned()
}

fn ten_seconds() -> String {
    "10s".to_owned()
}
