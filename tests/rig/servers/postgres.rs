//! A real PostgreSQL: one server for the whole test process, a fresh database for each test, nothing left running.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

/// The password of the role `app`; it is asked for over TCP.
pub const PASSWORD: &str = "rig-app-Pa55word";

const INSTALL: &str =
    "apt-get install postgresql postgresql-client (or any way that puts initdb and pg_dump on PATH)";

/// A running server with the role `app`, who owns every database made here, and may make others. Whoever alters it meets
/// whoever else does: PostgreSQL refuses one of two that do it at once.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    // When the test process ends, however it ends, this child's input is closed; then it stops the server.
    warden: Child,
}

/// A database of its own for one test.
pub struct Database {
    /// The server it lives on.
    pub server: &'static Server,
    /// Its name.
    pub name: String,
}

/// The server that all tests share; `None`, said loudly, when there is no PostgreSQL here.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED.get_or_init(Server::start).as_ref()
}

/// A fresh database on the shared server.
pub fn database() -> Option<Database> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let server = shared()?;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    server.psql("postgres", &format!("CREATE DATABASE {name} OWNER app"));
    Some(Database { server, name })
}

impl Server {
    /// Starts a server; `None`, said loudly, when there is no PostgreSQL here. Under `RIG=all` that is a failure.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let say =
                format!("SKIPPED: there is no PostgreSQL on this machine; to run these tests: {INSTALL}");
            assert!(std::env::var("RIG").as_deref() != Ok("all"), "{say}");
            eprintln!("\n{say}\n");
            return None;
        };
        let folder = TempDir::with_prefix("rig-postgres-").unwrap().keep();
        let warden = warden(&programs, &folder);
        let owned = folder.join("owned");
        std::fs::create_dir(&owned).unwrap();
        certificates(&owned);
        if is_root() {
            // The server refuses to run as root, and must pass through the folder above its own.
            run(Command::new("chmod").arg("755").arg(&folder));
            run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&owned));
        }
        let port = super::super::free_port();
        let data = owned.join("data");
        let initdb = [
            "-U",
            "postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ];
        run(as_owner(&programs.join("initdb")).arg("-D").arg(&data).args(initdb));
        configure(&owned, port);
        let log = owned.join("log");
        run(as_owner(&programs.join("pg_ctl"))
            .args(["-w", "-t", "60"])
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(&log)
            .arg("start"));
        let server = Self { folder, programs, port, warden };
        server.psql("postgres", &format!("CREATE ROLE app LOGIN CREATEDB PASSWORD '{PASSWORD}'"));
        server.psql("postgres", "CREATE DATABASE app OWNER app");
        Some(server)
    }

    /// Runs SQL as the superuser, through the socket; the output is unaligned, without headings.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        let text = run(psql.arg("-h").arg(self.folder.join("owned")).arg("-p").arg(self.port.to_string()));
        text.trim_end().to_owned()
    }

    /// The authority that signed the server's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("owned/ca.pem")
    }

    /// The folder of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("owned")
    }

    /// The folder of its programs.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// The `playbook.toml` of a project whose `postgres.main` is a database of this server, as the role `app`, whose
    /// password is to be given in the variable `PG_PASSWORD`.
    pub fn settings(&self, database: &str, access: &str) -> String {
        format!(
            "[env.local.postgres.main]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"app\"\ndatabase = \"{database}\"\n\
             password = \"env:PG_PASSWORD\"\naccess = \"{access}\"\n",
            self.port
        )
    }

    /// Sends a signal to the server and all its children, such as `STOP` or `CONT`.
    pub fn signal(&self, signal: &str) {
        let file = std::fs::read_to_string(self.folder.join("owned/data/postmaster.pid")).unwrap();
        let postmaster = file.lines().next().unwrap().to_owned();
        let children =
            Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        // Those that are just ending may be gone by now.
        let _ = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(&postmaster)
            .args(children.split_whitespace())
            .status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.warden.stdin.take());
        let _ = self.warden.wait();
    }
}

impl Database {
    /// The `playbook.toml` of a project whose `postgres.main` is this database.
    pub fn settings(&self, access: &str) -> String {
        self.server.settings(&self.name, access)
    }

    /// Runs SQL as the role that owns it.
    pub fn sql(&self, sql: &str) -> String {
        self.server.psql(&self.name, &format!("SET ROLE app; {sql}"))
    }

    /// All of it as one SQL text, for comparing two databases.
    pub fn dump(&self) -> String {
        let mut dump = Command::new(self.server.programs.join("pg_dump"));
        dump.args(["-U", "postgres", "--inserts", "-d", &self.name]).arg("-h").arg(self.server.socket());
        let text = run(dump.arg("-p").arg(self.server.port.to_string()));
        // A random word that guards the text against psql's own commands.
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The newest PostgreSQL here; installed when there is none and that is possible.
fn programs() -> Option<PathBuf> {
    let find = || {
        let debian = std::fs::read_dir("/usr/lib/postgresql")
            .ok()
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let mut versions: Vec<PathBuf> =
            debian.map(|path| path.join("bin")).filter(|path| path.join("initdb").exists()).collect();
        versions.sort();
        let path = std::env::var_os("PATH").unwrap();
        versions.pop().or_else(|| std::env::split_paths(&path).find(|path| path.join("initdb").exists()))
    };
    find().or_else(|| {
        if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
            return None;
        }
        let apt = |arguments: &[&str]| {
            let mut apt = Command::new("apt-get");
            apt.args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            apt.status().is_ok_and(|status| status.success())
        };
        eprintln!("installing PostgreSQL for the tests …");
        let packages = ["install", "-y", "-q", "--no-install-recommends", "postgresql", "postgresql-client"];
        (apt(&["update", "-q"]) && apt(&packages)).then(find).flatten()
    })
}

fn configure(owned: &Path, port: u16) {
    let path = owned.join("data/postgresql.conf");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let folder = owned.display();
    text.push_str(&format!(
        "\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\nmax_connections = 200\n\
         fsync = off\nssl = on\nssl_cert_file = '{folder}/server.pem'\nssl_key_file = '{folder}/server.key'\n"
    ));
    std::fs::write(path, text).unwrap();
}

/// An authority, and a certificate of it for 127.0.0.1.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        run(Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=rig"));
    openssl(&format!(
        "req -x509 -CA ca.pem -CAkey ca.key {key} -keyout server.key -out server.pem -subj /CN=localhost \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    ));
}

/// A child that waits until this process ends, then stops the server and removes its folder.
pub(super) fn warden(programs: &Path, folder: &Path) -> Child {
    let stop = "cat >/dev/null; folder=$1; shift; \
                if pid=$(head -n 1 \"$folder/owned/data/postmaster.pid\"); then \
                kill -CONT $pid $(ps -o pid= --ppid $pid); \"$@\"; fi; rm -rf \"$folder\"";
    let pg_ctl = as_owner(&programs.join("pg_ctl"));
    let mut warden = Command::new("setsid");
    warden.args(["sh", "-c", stop, "warden"]).arg(folder).arg(pg_ctl.get_program()).args(pg_ctl.get_args());
    warden.arg("-D").arg(folder.join("owned/data")).args(["-m", "immediate", "-w", "stop"]);
    warden.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub(super) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

pub(super) fn as_owner(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns its output; panics with what it said when it fails.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    // The server inherits the outputs of pg_ctl and would keep pipes open, so files take them.
    let (out, err) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdout(out.reopen().unwrap()).stderr(err.reopen().unwrap());
    let status = command.status().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let (out, err) =
        (std::fs::read_to_string(out.path()).unwrap(), std::fs::read_to_string(err.path()).unwrap());
    assert!(status.success(), "{command:?}: {status}\n{out}{err}");
    out
}
