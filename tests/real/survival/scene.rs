//! Real servers of every kind that one playbook changes, put back to what they were before each run of it, and read as
//! one text afterwards.

use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::postgres::{self, Database, PASSWORD};
use crate::rig::servers::redis;
use crate::rig::servers::s3s::{self, Bucket};
use crate::rig::servers::ssh::{self, Access, Host};

/// Every form, and every kind of call: what can be asked whether it was done, what is the same twice as once, and what
/// is neither. What it does depends on values from before a crash.
pub(super) const DEPLOY: &str = r#"//! Deploy.
//!
//! uses = ["postgres.main:destroy", "s3.box:destroy", "redis.main:destroy", "files.out:destroy", "flags.main:write",
//!         "program.sh:write", "service.app:write", "http.api:destroy", "ssh.web:write"]
import "parts/cache" as cache;

fn once(sh, name) { sh.run(["-c", `echo ${name} >>out/lines`], #{ undo: ["-c", `sed -i /${name}/d out/lines`] }); }

let db = postgres("main");
let box = s3("box");
let out = files("out");
let sh = program("sh");
let began = now();
step "Stop the sync" { flags("main").disable("auto_sync"); }
step "Back up" {
    let dump = db.dump_to(box, "daily/before.dump");
    metric "rows in the dump", dump.rows >= 2;
    out.put("dump.txt", `${dump.key} ${dump.sha256.len()}`);
}
step "Migrate" {
    db.execute("INSERT INTO notes VALUES ('migrated')", [], #{ undo: "DELETE FROM notes WHERE note = 'migrated'" });
    let moved = db.transaction(
        ["UPDATE accounts SET balance = balance - 10 WHERE id = 1", "UPDATE accounts SET balance = balance + 10 WHERE id = 2"],
        #{ undo: ["UPDATE accounts SET balance = 100 WHERE id = 1", "UPDATE accounts SET balance = 100 WHERE id = 2"] });
    check "both accounts", db.value("SELECT sum(balance) FROM accounts") == 200;
} rollback {
    out.put("rolled-back.txt", if began == () { "no" } else { "yes" });
}
let size = 0;
for n in 0..2 {
    step `Publish ${n}` {
        size += box.put(`pages/${n}.html`, `page ${n}`).bytes;
        cache::fill(redis("main"), n, size);
    }
}
let tries = 0;
retry 2 every "1ms" { tries += 1; if tries < 2 { fail("not yet"); } once(sh, "retried"); }
let all = parallel([
    || service("app").start("v1").release,
    || { box.copy("pages/0.html", "index.html"); box.delete("old.html"); wait("2ms"); redis("main").delete("stale") ; 1 },
    || http("api").put("/limits", #{ json: #{ rate: 5 }, undo: #{ method: "put", path: "/limits", json: #{ rate: 1 } } }).status,
]);
step "Tell" {
    http("api").post("/deploys", #{ json: #{ size: size }, undo: #{ method: "delete", path: "/deploys/1" } });
    ssh("web").upload("app.conf", "@SCRATCH@/app.conf");
    ssh("web").exec("echo deployed >>@SCRATCH@/log", #{ undo: "sed -i /deployed/d @SCRATCH@/log" });
}
step "Last" { out.put("last.txt", `${size} ${tries} ${all[0]} ${all[2]} ${began == began}`); }
"#;

const CACHE: &str = "fn fill(cache, n, size) { cache.set(`page-${n}`, `${size}`); if n == 1 { cache.expire(\"session\", \"1h\"); } }\n";

/// What the database holds before a run.
const TABLES: &str = "DROP TABLE IF EXISTS notes, accounts, feature_flags; CREATE TABLE notes (note text); \
    CREATE TABLE accounts (id int PRIMARY KEY, balance int); INSERT INTO accounts VALUES (1, 100), (2, 100); \
    CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL); INSERT INTO feature_flags VALUES ('auto_sync', true)";

/// The servers of one line of tests.
pub(super) struct Scene {
    database: Database,
    bucket: Bucket,
    cache: redis::Server,
    api: Http,
    access: &'static Access,
    host: Host,
    runs: std::cell::Cell<usize>,
}

/// One project on them, and what only it has.
pub(super) struct Project<'a> {
    scene: &'a Scene,
    pub(super) rig: Rig,
    scratch: tempfile::TempDir,
    number: usize,
}

impl Scene {
    /// Starts them; `None`, said loudly, where one cannot be had.
    pub(super) fn start() -> Option<Self> {
        let (database, bucket, access) = (postgres::database()?, s3s::bucket()?, ssh::access()?);
        let cache = redis::is_here().then(redis::Server::start)?;
        let (api, host) = (Http::start(), Host::start(access));
        Some(Self { database, bucket, cache, api, access, host, runs: std::cell::Cell::new(0) })
    }

    /// A project, with the servers as they are before any run; `more` lines stand at the end of its playbook.
    pub(super) fn project(&self, more: &str) -> Project<'_> {
        let number = self.runs.get();
        self.runs.set(number + 1);
        self.database.sql(TABLES);
        self.cache.run("FLUSHALL");
        self.cache.run("SET stale old");
        self.cache.run("SET session ada");
        for key in self.bucket.keys() {
            std::fs::remove_file(self.bucket.path(&key)).unwrap();
        }
        for (path, status) in [("limits", 200), ("deploys", 201), ("deploys/1", 204)] {
            self.api.tell(&format!("/{number}/{path}"), &[Answer::new(status, "{}")]);
        }
        let scratch = self.access.scratch();
        let home = scratch.path().display().to_string();
        let settings = [
            self.database.settings("destroy"),
            self.bucket.settings("destroy"),
            self.cache.settings("destroy"),
            ssh::settings(self.access, &[&self.host], "write = [[\"**\"]]"),
            format!("[env.local.http.api]\nurl = \"{}/{number}\"\naccess = \"destroy\"", self.api.url()),
            "[env.local.flags.main]\ndatabase = \"postgres.main\"\naccess = \"write\"".to_owned(),
            "[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"".to_owned(),
            "[env.local.program.sh]\naccess = \"write\"\nwrite = [[\"-c\", \"**\"]]".to_owned(),
            "[env.local.service.app]\naccess = \"write\"\nprogram = \"sh\"\nargs = [\"app.sh\", \"{release}\"]\nsettle = \"20ms\"\nstop_within = \"2s\""
                .to_owned(),
        ];
        let rig = Rig::new(&settings.join("\n"))
            .variable("PG_PASSWORD", PASSWORD)
            .variable("RIG_ACCESS", s3s::ACCESS_KEY)
            .variable("RIG_SECRET", s3s::SECRET_KEY)
            .file("known_hosts", &ssh::known_hosts(self.access, &[&self.host], "host"))
            .file("deploy.rhai", &(DEPLOY.replace("@SCRATCH@", &home) + more))
            .file("parts/cache.rhai", CACHE)
            .file("app.conf", "new\n")
            .file("app.sh", "echo started >>starts\nexec sleep 600\n")
            .file("out/lines", "first\n");
        Project { scene: self, rig, scratch, number }
    }
}

impl Project<'_> {
    /// All that a run can have changed, anywhere, as one text: how often, where that can be told.
    pub(super) fn state(&self) -> String {
        let scene = self.scene;
        let read =
            |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_else(|_| "-".to_owned());
        let rows = scene.database.sql(
            "SELECT coalesce(string_agg(note, ',' ORDER BY note), '') FROM notes UNION ALL SELECT string_agg(id || '=' || balance, ',' ORDER BY id) \
             FROM accounts UNION ALL SELECT string_agg(name || '=' || enabled, ',') FROM feature_flags",
        );
        let objects: Vec<String> =
            scene.bucket.keys().into_iter().filter(|key| !key.starts_with(".playbook")).collect();
        let shown = objects.iter().map(|key| match key.ends_with(".dump") {
            true => key.clone(),
            false => format!("{key}: {}", read(scene.bucket.path(key))),
        });
        let own = ["out/lines", "out/dump.txt", "out/last.txt", "out/rolled-back.txt"];
        let own = own.map(|name| format!("{name}: {}", read(self.rig.path(name))));
        // The service itself says so, and on a busy machine later than it is looked at: that it serves is seen elsewhere.
        let starts = read(self.rig.path("starts")).lines().count().max(1);
        let there =
            ["app.conf", "log"].map(|name| format!("{name}: {}", read(self.scratch.path().join(name))));
        [
            rows,
            shown.collect::<Vec<_>>().join("\n"),
            scene.cache.dump().join("\n"),
            own.join("\n"),
            format!("starts: {starts}"),
            there.join("\n"),
            self.asked(),
        ]
        .join("\n")
    }

    /// What the service was asked. To set the same twice is the same as once; each other request counts.
    fn asked(&self) -> String {
        let own = format!("/{}/", self.number);
        let got = self.scene.api.got().into_iter().filter(|got| got.path.starts_with(&own));
        let mut got: Vec<String> =
            got.map(|got| format!("{} {}", got.method, &got.path[own.len()..])).collect();
        got.dedup_by(|second, first| second == first && !second.starts_with("POST"));
        // The branches are in no order.
        got.sort();
        got.join("\n") + if self.serves() { "\nit serves" } else { "" }
    }

    /// Whether a call was done that nobody but who looks at the system can tell of.
    pub(super) fn was_done(&self, call: &str) -> bool {
        let lines = |path: std::path::PathBuf, line: &str| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(line))
        };
        let own = format!("/{}/deploys", self.number);
        match call {
            "program.sh.run" => lines(self.rig.path("out/lines"), "retried"),
            "ssh.web.exec" => lines(self.scratch.path().join("log"), "deployed"),
            "http.api.post" => self.scene.api.got().iter().any(|got| got.path == own && got.method == "POST"),
            other => panic!("nobody told how to look at {other}"),
        }
    }

    fn service(&self) -> Option<i32> {
        let text = std::fs::read(self.rig.path(".playbook/services/app.json")).ok()?;
        let state: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let pid = i32::try_from(state["process"]["pid"].as_i64()?).ok().filter(|pid| *pid > 1)?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        (!stat.contains(") Z ")).then_some(pid)
    }

    fn serves(&self) -> bool {
        self.service().is_some()
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if let Some(group) = self.service().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
