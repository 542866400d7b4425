//! A real pm2 from npm, with a folder of state of its own; its daemon ends when it is dropped.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;
use tempfile::TempDir;

use super::warden;

const VERSION: &str = "7.0.4";
const INSTALL: &str = "install Node and npm, which then fetch pm2";

/// A pm2 with its own folder of state.
pub struct Pm2 {
    program: PathBuf,
    folder: TempDir,
}

/// The program; installed when it is not there and that is possible. `None` is said loudly, and is a failure under `RIG=all`.
pub fn program() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(|| find().or_else(|| warden::skip("pm2", INSTALL))).as_ref()
}

fn find() -> Option<PathBuf> {
    warden::on_path("node")?;
    let folder = warden::tools().join(format!("pm2-{VERSION}"));
    let program = folder.join("node_modules/.bin/pm2");
    if !program.exists() {
        eprintln!("installing pm2 for the tests …");
        std::fs::create_dir_all(&folder).ok()?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(format!("pm2@{VERSION}"));
        // From another folder than the prefix's parent, where npm would install nothing.
        let installed = warden::install(npm.current_dir("/"));
        (installed && program.exists()).then_some(())?;
    }
    Some(program)
}

impl Pm2 {
    /// A pm2 that starts nothing yet, whose state lies in `within`, or in a temporary folder.
    pub fn new(program: &Path, within: Option<&Path>) -> Self {
        let folder = match within {
            Some(within) => TempDir::with_prefix_in("pm2-", within).unwrap(),
            None => TempDir::with_prefix("rig-pm2-").unwrap(),
        };
        Self { program: program.to_owned(), folder }
    }

    /// Its folder of state.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The `playbook.toml` of a project whose `pm2.app` it is.
    pub fn settings(&self, more: &str) -> String {
        format!(
            "[env.local.pm2.app]\nprogram = \"{}\"\nhome = \"{}\"\naccess = \"destroy\"\nsettle = \"500ms\"\n{more}\n",
            self.program.display(),
            self.home().display()
        )
    }

    /// Runs it by hand, and gives its output.
    pub fn run(&self, arguments: &[&str], folder: &Path) -> String {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder).env("PM2_HOME", self.home());
        let output = command.env("PM2_DISABLE_VERSION_CHECK", "true").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The processes of one application: pid and status.
    pub fn processes(&self, name: &str) -> Vec<(u64, String)> {
        let text = self.run(&["--silent", "jlist"], Path::new("/"));
        let list: Vec<Value> = serde_json::from_str(&text).unwrap();
        let ours = list.iter().filter(|one| one["name"] == name);
        ours.map(|one| (one["pid"].as_u64().unwrap(), one["pm2_env"]["status"].as_str().unwrap().to_owned()))
            .collect()
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        if self.home().join("pm2.pid").exists() {
            self.run(&["kill"], Path::new("/"));
        }
    }
}

/// The number of a process that looks like pm2's daemon, and ends with the tests: nobody else holds its input.
pub fn seeming_daemon() -> u32 {
    static DAEMON: LazyLock<Child> = LazyLock::new(|| {
        let mut command = Command::new("cat");
        command.arg0("PM2 v6.0.0: God Daemon (rig)").stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    });
    DAEMON.id()
}
