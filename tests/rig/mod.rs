//! The workshop: a temporary project, and the real binary run in it.

pub mod crash;
pub mod recording;
pub mod seat;
pub mod seen;
pub mod servers;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use seen::Seen;
use tempfile::TempDir;

/// A temporary project with a `playbook.toml`, in which the binary runs.
pub struct Rig {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Rig {
    /// A project whose `playbook.toml` is `settings`.
    pub fn new(settings: &str) -> Self {
        let rig = Self { folder: TempDir::with_prefix("rig-").unwrap(), variables: Vec::new() };
        rig.file("playbook.toml", settings)
    }

    /// The same project with one more file; `.rhai` files are playbooks.
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The same project with an environment variable for the binary.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, ready to be started in the project with a clean environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_playbook"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command.env("PLAYBOOK_PERSON", "tester@rig").env("COLUMNS", "110");
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs the binary to its end, at most five minutes.
    pub fn run(&self, arguments: &[&str]) -> Seen {
        let mut child =
            self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
        let deadline = Instant::now() + Duration::from_secs(300);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!(
                    "{arguments:?} did not end within five minutes:\n{}\n{}",
                    out.join().unwrap(),
                    err.join().unwrap()
                );
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        Seen::new(status, out.join().unwrap(), err.join().unwrap(), self.folder.path())
    }

    /// Writes `script` as `test.rhai` and executes it.
    pub fn exec(self, script: &str) -> (Self, Seen) {
        let rig = self.file("test.rhai", script);
        let seen = rig.run(&["exec", "test.rhai"]);
        (rig, seen)
    }

    /// What `playbook doctor` finds of one resource.
    #[track_caller]
    pub fn look(&self, resource: &str) -> serde_json::Value {
        let seen = self.run(&["doctor", resource, "--output", "json"]);
        let mut lines = seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.find(|one: &serde_json::Value| one["name"] == resource).unwrap_or_else(|| panic!("{seen}"))
    }

    /// The same of one that can be used: fails the test unless it is well and its version begins with `version`.
    #[track_caller]
    pub fn well(&self, resource: &str, version: &str) {
        let found = self.look(resource);
        let told = found["version"].as_str().unwrap_or_default();
        assert!(found["state"] == "ok" && told.starts_with(version), "{found}");
    }

    /// Fails the test when `secret` stands anywhere in the project: in the journal, its log, a file left behind.
    #[track_caller]
    pub fn keeps_no(&self, secret: &str) {
        if let Some(path) = self.holds(secret.as_bytes()) {
            panic!("the secret stands in {}", path.display());
        }
    }

    /// A file of the project that holds these bytes.
    pub fn holds(&self, wanted: &[u8]) -> Option<PathBuf> {
        let mut open = vec![self.folder.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if std::fs::read(&path).unwrap().windows(wanted.len()).any(|window| window == wanted) {
                    return Some(path);
                }
            }
        }
        None
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Asks `ready` until it says yes, at most `seconds`, but a minute on a busy machine; never a blind sleep.
pub fn wait_until(what: &str, seconds: u64, mut ready: impl FnMut() -> bool) {
    let seconds = seconds.max(60);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !ready() {
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Presses Ctrl-C for one process. By system call: Debian's `kill` command takes `-9 -PID` for every process.
pub fn interrupt(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// A port of 127.0.0.1 that was free a moment ago, and that nobody else here is given. It lies below those that the kernel
/// gives to outgoing connections: one of them, even one to that very port, could take it before its server does. So does the
/// port ten thousand above it, on which a Redis speaks with its cluster.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + u16::try_from(number % 10_000).unwrap();
        // It is asked, not taken for a moment: a process that is started just then would hold it until it has become another.
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let asked = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(1));
        if asked.is_err_and(|why| why.kind() == std::io::ErrorKind::ConnectionRefused) {
            return port;
        }
    }
}
