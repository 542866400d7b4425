//! A server as a child that ends with the test process, however that ends, and takes its folder along.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// Runs the server in the background, tells its pid, and stops it, with the workers that would outlive it, when its own
/// input is closed.
const WATCH: &str = "folder=$1; shift; \"$@\" >\"$folder/log\" 2>&1 & pid=$!; echo $pid; cat >/dev/null; \
                     kill -STOP $pid; kill -KILL $pid $(pgrep -P $pid); wait $pid; rm -rf \"$folder\"";

/// A running server.
pub struct Warden {
    child: Child,
    pid: Pid,
    folder: PathBuf,
}

impl Warden {
    /// Starts what `command` makes of a fresh folder.
    pub fn start(name: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = TempDir::with_prefix(format!("rig-{name}-")).unwrap().keep();
        let server = command(&folder);
        let mut warden = Command::new("setsid");
        warden.args(["sh", "-c", WATCH, "warden"]).arg(&folder);
        warden.arg(server.get_program()).args(server.get_args());
        warden.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        warden.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = warden.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        Self { child, pid, folder }
    }

    /// The server's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Stops the server in its tracks: its port stays open, and nobody answers.
    pub fn hang(&self) {
        rustix::process::kill_process(self.pid, Signal::STOP).unwrap();
    }

    /// Makes the server read its files again, where it does so at the signal HUP.
    pub fn renew(&self) {
        rustix::process::kill_process(self.pid, Signal::HUP).unwrap();
    }

    /// Lets the server go on after [`Warden::hang`].
    pub fn go_on(&self) {
        rustix::process::kill_process(self.pid, Signal::CONT).unwrap();
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Where the tests keep what they install: `PLAYBOOK_TEST_TOOLS`, or a cache in the home folder.
pub fn tools() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/playbook-rig");
    std::env::var_os("PLAYBOOK_TEST_TOOLS").map_or_else(home, PathBuf::from)
}

/// The program of that name on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.exists())
}

/// Runs one command of an installation; its output is shown only when it fails.
pub fn install(command: &mut Command) -> bool {
    match command.stdin(Stdio::null()).output() {
        Ok(done) if done.status.success() => true,
        Ok(done) => {
            eprintln!("{command:?}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
            false
        }
        Err(why) => {
            eprintln!("{command:?}: {why}");
            false
        }
    }
}

/// Whether a program is here: installed from Debian's package when it is not, and we are root on such a machine. `false` is
/// said loudly, and is a failure under `RIG=all`.
pub fn from_debian(what: &str, package: &str, program: &str) -> bool {
    let is_here = || on_path(program).is_some() || Path::new("/usr/sbin").join(program).exists();
    is_here()
        || apt(what, &[package]) && is_here()
        || skip::<()>(what, &format!("apt-get install {package}")).is_some()
}

/// Installs packages of Debian as root; `false` where that cannot be.
pub fn apt(what: &str, packages: &[&str]) -> bool {
    if !rustix::process::getuid().is_root() || on_path("apt-get").is_none() {
        return false;
    }
    eprintln!("installing {what} for the tests …");
    let run = |arguments: &[&str]| {
        install(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let options = ["install", "-y", "-q", "--no-install-recommends"];
    run(&["update", "-q"]) && run(&[&options[..], packages].concat())
}

/// Says loudly that tests were skipped; under `RIG=all` that is a failure.
pub fn skip<T>(what: &str, remedy: &str) -> Option<T> {
    let say = format!("SKIPPED: there is no {what} on this machine; to run these tests: {remedy}");
    assert!(std::env::var("RIG").as_deref() != Ok("all"), "{say}");
    eprintln!("\n{say}\n");
    None
}
