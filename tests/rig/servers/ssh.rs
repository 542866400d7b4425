//! Real hosts: sshd on ports of 127.0.0.1, each with a user of its own kind of shell; they end when dropped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::super::{free_port, wait_until};
use super::warden::{self, Warden};

const INSTALL: &str = "run them as root where apt-get works, or with sshd (openssh-server) on the machine";
const SSHD: &str = "/usr/sbin/sshd";
/// The user that the hosts let in. A shell that reads no start files answers in a few milliseconds.
pub const USER: &str = "playbook-rig";
/// Its password, where a host takes passwords.
pub const PASSWORD: &str = "rig-password-of-nobody";

/// One host.
pub struct Host {
    warden: Option<Warden>,
    /// Its port on 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
}

/// What all hosts of this test process share: the user, and the key that lets it in.
pub struct Access {
    folder: TempDir,
    home: PathBuf,
}

/// The access, with the user made and sshd installed where that is needed and possible. `None` is said loudly, and is a
/// failure under `RIG=all`.
pub fn access() -> Option<&'static Access> {
    static ACCESS: OnceLock<Option<Access>> = OnceLock::new();
    ACCESS.get_or_init(|| Access::make().or_else(|| warden::skip("sshd", INSTALL))).as_ref()
}

impl Access {
    fn make() -> Option<Self> {
        let is_root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
        if !is_root || !(Path::new(SSHD).exists() || install()) {
            return None;
        }
        std::fs::create_dir_all("/run/sshd").ok()?;
        make_user()?;
        let folder = TempDir::with_prefix("rig-ssh-keys-").ok()?;
        for name in ["id", "wrong", "host", "other_host"] {
            keygen(&["-t", "ed25519", "-N", "", "-f"], &folder.path().join(name));
        }
        keygen(&["-t", "ed25519", "-N", "a long passphrase", "-f"], &folder.path().join("locked"));
        keygen(&["-t", "rsa", "-b", "2048", "-N", "", "-f"], &folder.path().join("id_rsa"));
        let keys = ["id.pub", "locked.pub", "id_rsa.pub"]
            .map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
        std::fs::write(folder.path().join("authorized_keys"), keys.concat()).unwrap();
        let open = |path: &Path, mode| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(folder.path(), 0o755);
        open(&folder.path().join("authorized_keys"), 0o644);
        let home = PathBuf::from(format!("/home/{USER}"));
        Some(Self { folder, home })
    }

    /// A file of the keys: `id`, `wrong`, `locked`, `id_rsa`.
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new folder that the user of the hosts may write to, named once more by a `link` in tests' paths.
    pub fn scratch(&self) -> TempDir {
        let folder = TempDir::with_prefix_in("test-", &self.home).unwrap();
        chown(folder.path());
        folder
    }
}

/// Gives a path to the user of the hosts.
pub fn chown(path: &Path) {
    let done = Command::new("chown").arg(format!("{USER}:{USER}")).arg(path).status().unwrap();
    assert!(done.success());
}

impl Host {
    /// Starts a host.
    pub fn start(access: &Access) -> Self {
        Self::with(access, "host", &[])
    }

    /// Starts a host that shows this key (`host` or `other_host`), with more options of sshd.
    pub fn with(access: &Access, key: &str, more: &[&str]) -> Self {
        let port = free_port();
        Self::on(access, port, key, more)
    }

    /// The same on a port of yours.
    pub fn on(access: &Access, port: u16, key: &str, more: &[&str]) -> Self {
        let warden = Warden::start("sshd", |folder| {
            let path = |name: &str| access.key(name).display().to_string();
            let settings = [
                format!("Port {port}\nListenAddress 127.0.0.1\nHostKey {}", path(key)),
                format!("AuthorizedKeysFile {}\nPidFile none\nStrictModes no", path("authorized_keys")),
                "UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no".to_owned(),
                "MaxStartups 1000\nMaxSessions 100\nLoginGraceTime 30\nAllowTcpForwarding yes".to_owned(),
                format!("SetEnv RIG_HOST=host-{port}"),
            ];
            // The first value of an option counts.
            let text = format!("{}\n{}\n", more.join("\n"), settings.join("\n"));
            std::fs::write(folder.join("sshd_config"), text).unwrap();
            let mut command = Command::new(SSHD);
            command.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config"));
            command
        });
        let host = Self { folder: warden.folder().to_owned(), warden: Some(warden), port };
        wait_until("sshd listens", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        host
    }

    /// `127.0.0.1:PORT`, which is also its name.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What sshd has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Makes it hang: it accepts connections and says nothing.
    pub fn hang(&self) {
        self.warden.as_ref().unwrap().hang();
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.warden.as_ref().unwrap().go_on();
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.warden = None;
    }
}

/// A file of known hosts that knows `hosts` by the key `key`.
pub fn known_hosts(access: &Access, hosts: &[&Host], key: &str) -> String {
    let text = std::fs::read_to_string(access.key(&format!("{key}.pub"))).unwrap();
    let key: Vec<&str> = text.split_whitespace().take(2).collect();
    hosts.iter().map(|host| format!("[127.0.0.1]:{} {}\n", host.port, key.join(" "))).collect()
}

/// The `playbook.toml` of a project whose `ssh.web` are these hosts, known by the file `known_hosts` of the project.
pub fn settings(access: &Access, hosts: &[&Host], more: &str) -> String {
    let names: Vec<String> = hosts.iter().map(|host| format!("\"{}\"", host.name())).collect();
    let key = if more.contains("key = ") || more.contains("password = ") {
        String::new()
    } else {
        format!("key = \"{}\"\n", access.key("id").display())
    };
    format!(
        "[env.local.ssh.web]\nhosts = [{}]\nuser = \"{USER}\"\n{key}known_hosts = \"known_hosts\"\naccess = \"destroy\"\n{more}\n",
        names.join(", ")
    )
}

fn make_user() -> Option<()> {
    let is_there = Command::new("id").arg(USER).output().ok()?.status.success();
    if !is_there {
        let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().ok()?.stdout;
        let hash = String::from_utf8(hash).ok()?;
        // Another test process may do the same at this moment.
        let _ = Command::new("useradd").args(["-m", "-s", "/bin/sh", "-p", hash.trim(), USER]).output();
    }
    wait_until("the user of the hosts is there", 10, || Path::new("/home").join(USER).is_dir());
    Some(())
}

fn keygen(options: &[&str], path: &Path) {
    let done = Command::new("ssh-keygen").arg("-q").args(options).arg(path).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn install() -> bool {
    if warden::on_path("apt-get").is_none() {
        return false;
    }
    eprintln!("installing sshd for the tests …");
    let apt = |arguments: &[&str]| {
        warden::install(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-q"])
        && apt(&["install", "-y", "-q", "--no-install-recommends", "openssh-server"])
        && Path::new(SSHD).exists()
}
