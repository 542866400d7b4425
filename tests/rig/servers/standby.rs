//! A streaming standby of a PostgreSQL: of the one that all tests share, or of a test's own.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::super::{free_port, wait_until};
use super::postgres::{Server, as_owner, is_root, run, shared, warden};

/// A standby; it ends with the test process at the latest.
pub struct Standby {
    primary: &'static Server,
    folder: PathBuf,
    port: u16,
    _warden: Child,
}

/// The standby that all tests share; `None` when there is no PostgreSQL here.
pub fn standby() -> Option<&'static Standby> {
    static SHARED: OnceLock<Option<Standby>> = OnceLock::new();
    SHARED.get_or_init(|| shared().map(Standby::start)).as_ref()
}

impl Standby {
    /// Starts a standby of a server.
    pub fn start(primary: &'static Server) -> Self {
        let folder = TempDir::with_prefix("rig-standby-").unwrap().keep();
        let warden = warden(primary.programs(), &folder);
        let (owned, port) = (folder.join("owned"), free_port());
        std::fs::create_dir(&owned).unwrap();
        if is_root() {
            run(Command::new("chmod").arg("755").arg(&folder));
            run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&owned));
        }
        let mut copy = as_owner(&primary.programs().join("pg_basebackup"));
        copy.args(["-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h"])
            .arg(primary.socket());
        run(copy.arg("-p").arg(primary.port.to_string()).arg("-D").arg(owned.join("data")));
        let path = owned.join("data/postgresql.conf");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text += &format!("\nport = {port}\nunix_socket_directories = '{}'\n", owned.display());
        std::fs::write(path, text).unwrap();
        let mut start = as_owner(&primary.programs().join("pg_ctl"));
        start.args(["-w", "-t", "60"]).arg("-D").arg(owned.join("data")).arg("-l").arg(owned.join("log"));
        run(start.arg("start"));
        let streams = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'walreceiver' AND state = 'streaming'";
        wait_until("the standby streams", 60, || primary.psql("postgres", streams) != "0");
        Self { primary, folder, port, _warden: warden }
    }

    /// The `playbook.toml` of a project whose `postgres.main` is that database of the standby.
    pub fn settings(&self, database: &str) -> String {
        self.primary
            .settings(database, "read")
            .replace(&format!("port = {}", self.primary.port), &format!("port = {}", self.port))
    }

    /// The file of its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!("owned/.s.PGSQL.{}", self.port))
    }

    /// Writes a script that promotes it.
    pub fn promotion(&self) -> String {
        let mut promote = as_owner(&self.primary.programs().join("pg_ctl"));
        promote.args(["-w", "-t", "60"]).arg("-D").arg(self.folder.join("owned/data")).arg("promote");
        let words: Vec<String> = [promote.get_program()]
            .into_iter()
            .chain(promote.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        format!("#!/bin/sh\ncd /\nexec {}\n", words.join(" "))
    }

    /// Lets it receive and apply nothing of what it receives.
    pub fn pause(&self) {
        self.psql("SELECT pg_wal_replay_pause()");
    }

    /// Lets it apply again.
    pub fn go_on(&self) {
        self.psql("SELECT pg_wal_replay_resume()");
    }

    fn psql(&self, sql: &str) {
        self.ask(sql);
    }

    /// What it answers to SQL of the superuser.
    pub fn ask(&self, sql: &str) -> String {
        let mut psql = Command::new(self.primary.programs().join("psql"));
        psql.args(["-X", "-q", "-At", "-U", "postgres", "-d", "postgres", "-c", sql, "-h"])
            .arg(self.folder.join("owned"));
        run(psql.arg("-p").arg(self.port.to_string())).trim_end().to_owned()
    }
}
