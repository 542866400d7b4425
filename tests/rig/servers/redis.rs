//! A real Redis: servers of their own for each test, alone, as a cluster, or with a replica and a sentinel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use redis::{Client, Connection, Value};

use super::super::{free_port, wait_until};
use super::warden::{self, Warden};

const INSTALL: &str = "apt-get install redis-server (or any way that puts redis-server on PATH)";

/// A running server, or a sentinel; it ends when dropped.
pub struct Server {
    warden: Option<Warden>,
    /// Its port on 127.0.0.1.
    pub port: u16,
    secret: Option<&'static str>,
    is_encrypted: bool,
}

/// Masters that share the keys; they end when dropped.
pub struct Cluster {
    /// The masters.
    pub nodes: Vec<Server>,
}

/// A master, its replica, and a sentinel that watches them; they end when dropped.
pub struct Watched {
    /// The master at the beginning.
    pub master: Server,
    /// Its replica.
    pub replica: Server,
    /// The sentinel.
    pub sentinel: Server,
}

/// Whether there is a Redis here; installed when there is none and that is possible. `false` is said loudly, and is a
/// failure under `RIG=all`.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let here = warden::on_path("redis-server").is_some() || install();
        here || warden::skip::<()>("Redis", INSTALL).is_some()
    })
}

impl Server {
    /// Starts a server that lets everybody in.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with more settings: pairs of names and values.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::launch("server", settings, |server| server.try_connect().is_ok())
    }

    /// Starts a server that wants this password of the user `default`.
    pub fn with_password(password: &'static str) -> Self {
        let mut server = Self::launch("server", &[("requirepass", password)], |server| server.is_listening());
        server.secret = Some(password);
        server
    }

    /// Starts a server that speaks TLS alone, with a certificate for 127.0.0.1.
    pub fn encrypted(more: &[(&str, &str)]) -> Self {
        let port = free_port();
        let warden = Warden::start("redis", |folder| {
            certificates(folder);
            let path = |name: &str| folder.join(name).display().to_string();
            let (port, ca, own, key) =
                (port.to_string(), path("ca.pem"), path("server.pem"), path("server.key"));
            let mut settings = vec![
                ("port", "0"),
                ("tls-port", port.as_str()),
                ("tls-ca-cert-file", &ca),
                ("tls-cert-file", &own),
                ("tls-key-file", &key),
            ];
            settings.extend(more);
            command(folder, "server", &settings)
        });
        let server = Self { warden: Some(warden), port, secret: None, is_encrypted: true };
        wait_until("redis listens", 20, || server.is_listening());
        server
    }

    fn launch(kind: &str, settings: &[(&str, &str)], mut is_ready: impl FnMut(&Self) -> bool) -> Self {
        let port = free_port();
        let text = port.to_string();
        let all = [&[("port", text.as_str())], settings].concat();
        let warden = Warden::start("redis", |folder| command(folder, kind, &all));
        let server = Self { warden: Some(warden), port, secret: None, is_encrypted: false };
        wait_until("redis answers", 20, || is_ready(&server));
        server
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.warden().folder().join(name)
    }

    /// The `playbook.toml` of a project whose `redis.main` is this server.
    pub fn settings(&self, access: &str) -> String {
        format!("[env.local.redis.main]\nhost = \"127.0.0.1\"\nport = {}\naccess = \"{access}\"\n", self.port)
    }

    /// Sends a command, its words parted by spaces, as an administrator, and returns the answer.
    #[track_caller]
    pub fn run(&self, words: &str) -> Value {
        words_of(words).query(&mut self.try_connect().unwrap()).unwrap_or_else(|why| panic!("{words}: {why}"))
    }

    /// The answer to a command as text; nil is "()".
    #[track_caller]
    pub fn text(&self, words: &str) -> String {
        match self.run(words) {
            Value::Nil => "()".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
            Value::SimpleString(text) => text,
            Value::Okay => "OK".to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Whether the answer to a command is a text with `part` in it; a server that cannot answer now says no.
    pub fn says(&self, words: &str, part: &str) -> bool {
        let answer =
            self.try_connect().and_then(|mut connection| words_of(words).query::<String>(&mut connection));
        answer.is_ok_and(|answer| answer.contains(part))
    }

    /// Writes `count` keys `PREFIX:0`, `PREFIX:1`, …
    pub fn fill(&self, prefix: &str, count: usize) {
        let mut connection = self.try_connect().unwrap();
        for chunk in (0..count).collect::<Vec<_>>().chunks(10_000) {
            let mut many = redis::pipe();
            for number in chunk {
                many.cmd("SET").arg(format!("{prefix}:{number}")).arg("x").ignore();
            }
            many.query::<()>(&mut connection).unwrap();
        }
    }

    /// All keys with their values in the server's own form, and whether they expire, sorted: for comparing before and after.
    pub fn dump(&self) -> Vec<String> {
        let mut connection = self.try_connect().unwrap();
        let mut keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        keys.sort();
        let show = |key: &Vec<u8>| {
            let (dump, left): (Vec<u8>, i64) =
                redis::pipe().cmd("DUMP").arg(key).cmd("PTTL").arg(key).query(&mut connection).unwrap();
            format!("{} {dump:?} {}", String::from_utf8_lossy(key), left >= 0)
        };
        keys.iter().map(show).collect()
    }

    /// How often the commands ran whose names begin with `name`, as `INFO commandstats` tells.
    pub fn calls(&self, name: &str) -> u64 {
        let text = self.text("INFO commandstats");
        let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("cmdstat_{name}")));
        lines.filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()).sum()
    }

    /// A connection of an administrator.
    pub fn try_connect(&self) -> redis::RedisResult<Connection> {
        assert!(!self.is_encrypted, "the rig itself speaks no TLS");
        let secret = self.secret.map(|secret| format!(":{secret}@")).unwrap_or_default();
        Client::open(format!("redis://{secret}127.0.0.1:{}/", self.port))?.get_connection()
    }

    /// Makes it hang: it accepts connections and says nothing.
    pub fn hang(&self) {
        self.warden().hang();
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.warden().go_on();
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.warden = None;
    }

    fn warden(&self) -> &Warden {
        self.warden.as_ref().unwrap()
    }

    fn is_listening(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }
}

impl Cluster {
    /// Starts three masters that share all slots.
    pub fn start() -> Self {
        let settings = [
            ("cluster-enabled", "yes"),
            ("cluster-node-timeout", "2000"),
            ("cluster-config-file", "nodes.conf"),
        ];
        // A node's second port is its first and 10000.
        let node = || loop {
            let server = Server::with(&settings);
            if server.port < 55_000 {
                return server;
            }
        };
        let nodes: Vec<Server> = (0..3).map(|_| node()).collect();
        for (number, range) in [(0, "0 5460"), (1, "5461 10922"), (2, "10923 16383")] {
            nodes[number].run(&format!("CLUSTER ADDSLOTSRANGE {range}"));
            if number > 0 {
                nodes[0].run(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[number].port));
            }
        }
        let is_whole = |node: &Server| {
            ["cluster_state:ok", "cluster_known_nodes:3"].iter().all(|part| node.says("CLUSTER INFO", part))
        };
        wait_until("the cluster is whole", 30, || nodes.iter().all(is_whole));
        let cluster = Self { nodes };
        cluster.misses_a_node_after(15_000);
        cluster
    }

    /// For how long a node may be silent before the others take it for dead, in milliseconds: long, unless a test wants to see
    /// that, because a busy machine lets a node be silent too.
    pub fn misses_a_node_after(&self, milliseconds: u32) {
        for node in &self.nodes {
            node.run(&format!("CONFIG SET cluster-node-timeout {milliseconds}"));
        }
    }

    /// The `playbook.toml` of a project whose `redis.main` is this cluster, of which it is told one node.
    pub fn settings(&self, access: &str) -> String {
        let seed = self.nodes[0].address();
        format!("[env.local.redis.main]\ncluster = [\"{seed}\"]\naccess = \"{access}\"\n")
    }

    /// How many keys the masters have together.
    pub fn size(&self) -> usize {
        self.nodes.iter().map(|node| node.text("DBSIZE").parse::<usize>().unwrap()).sum()
    }

    /// Writes `count` keys `PREFIX:0`, …, each where it belongs.
    pub fn fill(&self, prefix: &str, count: usize) {
        let mut connections: Vec<Connection> =
            self.nodes.iter().map(|node| node.try_connect().unwrap()).collect();
        for number in 0..count {
            let key = format!("{prefix}:{number}");
            let is_set = connections
                .iter_mut()
                .any(|connection| redis::cmd("SET").arg(&key).arg("x").query::<()>(connection).is_ok());
            assert!(is_set, "{key}");
        }
    }

    /// The node that has `key`, by its number.
    pub fn owner(&self, key: &str) -> usize {
        let has = |node: &Server| {
            redis::cmd("GET").arg(key).query::<Value>(&mut node.try_connect().unwrap()).is_ok()
        };
        self.nodes.iter().position(has).unwrap()
    }
}

impl Watched {
    /// Starts all three; the sentinel knows the master as `main`.
    pub fn start() -> Self {
        let master = Server::start();
        let replica = Server::with(&[
            ("replicaof", &format!("127.0.0.1 {}", master.port)),
            ("repl-diskless-sync-delay", "0"),
        ]);
        wait_until("the replica follows", 30, || replica.says("INFO replication", "master_link_status:up"));
        let sentinel = Server::launch("sentinel", &[], |server| server.try_connect().is_ok());
        sentinel.run(&format!("SENTINEL MONITOR main 127.0.0.1 {} 1", master.port));
        sentinel.run("SENTINEL SET main failover-timeout 3000");
        let knows = || sentinel.text("SENTINEL REPLICAS main").contains(&replica.port.to_string());
        wait_until("the sentinel knows the replica", 30, knows);
        let watched = Self { master, replica, sentinel };
        watched.misses_the_master_after(20_000);
        watched
    }

    /// For how long the master may be silent before the sentinel names another, in milliseconds: long, unless a test wants to
    /// see that, because a busy machine lets a master be silent too.
    pub fn misses_the_master_after(&self, milliseconds: u32) {
        self.sentinel.run(&format!("SENTINEL SET main down-after-milliseconds {milliseconds}"));
    }

    /// The `playbook.toml` of a project whose `redis.main` is whatever the sentinel names.
    pub fn settings(&self, access: &str) -> String {
        let sentinel = self.sentinel.address();
        format!(
            "[env.local.redis.main]\nsentinel = {{ master = \"main\", nodes = [\"127.0.0.1:1\", \"{sentinel}\"] }}\naccess = \"{access}\"\n"
        )
    }
}

fn command(folder: &Path, kind: &str, settings: &[(&str, &str)]) -> Command {
    let mut text = format!("bind 127.0.0.1\ndir {}\n", folder.display());
    if kind == "server" {
        text += "save \"\"\nappendonly no\nenable-debug-command local\n";
    }
    for (name, value) in settings {
        text += &format!("{name} {value}\n");
    }
    let file = folder.join("redis.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&file);
    if kind == "sentinel" {
        command.arg("--sentinel");
    }
    command
}

/// A command of words parted by spaces.
fn words_of(words: &str) -> redis::Cmd {
    let mut parts = words.split(' ');
    let mut command = redis::cmd(parts.next().unwrap());
    parts.for_each(|part| {
        command.arg(part);
    });
    command
}

/// An authority, a certificate of it for 127.0.0.1, and one for a client.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=rig"));
    for name in ["server", "client"] {
        openssl(&format!(
            "req -x509 -CA ca.pem -CAkey ca.key {key} -keyout {name}.key -out {name}.pem -subj /CN={name} \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        ));
    }
}

fn install() -> bool {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root || warden::on_path("apt-get").is_none() {
        return false;
    }
    eprintln!("installing Redis for the tests …");
    let apt = |arguments: &[&str]| {
        warden::install(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let packages = ["install", "-y", "-q", "--no-install-recommends", "redis-server"];
    apt(&["update", "-q"]) && apt(&packages) && warden::on_path("redis-server").is_some()
}
