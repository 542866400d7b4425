//! `playbooks/sprint-20-23`, unchanged, on real servers: PostgreSQL, HAProxy, the two production processes and staging,
//! Prometheus, Alertmanager, SMTP; Grafana, chat, pager and the collectors of logs and traces are recorders.

mod regions;
mod rollbacks;
mod settings;
mod staging;
mod week;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::crowd::{Crowd, Do};
use crate::rig::seen::Seen;
use crate::rig::servers::alertmanager::{self, Alertmanager};
use crate::rig::servers::grafana::{self, Grafana};
use crate::rig::servers::haproxy::{self, Haproxy};
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::postgres::{self, Database};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::release::{self, Stream};
use crate::rig::servers::warden::Warden;
use crate::rig::servers::{demo, smtp};
use crate::rig::{Rig, free_port, wait_until};

const OLDER: &str = "v11.3.0";
const OLD: &str = "v11.3.9";
const NEW: &str = "v12.0.0";
const FIRST: &str = "CREATE TABLE transactions (id int PRIMARY KEY, amount int NOT NULL);\n\
    INSERT INTO transactions SELECT i, i * 10 FROM generate_series(1, 200) i;\n";
const SECOND: &str = "ALTER TABLE transactions ADD COLUMN finality timestamptz;\n\
    CREATE TABLE bridges (id int PRIMARY KEY, entry int NOT NULL REFERENCES transactions (id));\n";
const BACK: &str = "DROP TABLE bridges;\nALTER TABLE transactions DROP COLUMN finality;\n";

/// Brings the versions into being that run before any release; the schema is the old one.
const PREPARE: &str = r#"//! Prepare.
//!
//! uses = ["postgres.main:write", "service.blue:write", "service.green:write"]
postgres("main").migrate("source/migrations", #{ to: "20251201000000" });
service("blue").start("v11.3.9");
service("green").start("v11.3.0");
"#;

/// Ends what it started.
const END: &str = "//! End.\n//!\n//! uses = [\"service.blue:write\", \"service.green:write\"]\n\
    service(\"blue\").stop();\nservice(\"green\").stop();\n";

/// Production with the old version live, and staging with the new one.
struct Site {
    rig: Rig,
    database: Database,
    haproxy: Haproxy,
    grafana: Grafana,
    recorder: Http,
    ports: [u16; 2],
    _others: (Database, Prometheus, Alertmanager, Stream, Warden),
}

impl Site {
    fn start() -> Option<Self> {
        if !prometheus::is_here() || !alertmanager::is_here() || !haproxy::is_here() {
            return None;
        }
        let (program, smtp) = (demo::program(), smtp::shared()?);
        let (database, staging) = (postgres::database()?, postgres::database()?);
        let (ports, rehearsal) = ([free_port(), free_port()], free_port());
        staging.sql(&format!("{FIRST}{SECOND}"));
        let role = demo::role(&format!("api --release {NEW} {}", of(&staging)), rehearsal);
        let prometheus = Prometheus::start(&[("blue", ports[0]), ("green", ports[1])], "groups: []");
        let (alertmanager, grafana, recorder) =
            (Alertmanager::start(), Grafana::with(&settings::DASHBOARDS), settings::recorder());
        let rig = project(program);
        let text = [
            settings::head(&recorder.url(), smtp.plain, prometheus.port),
            database.settings("destroy"),
            settings::services(["blue", "green"], &rig.path("faults"), &of(&database), ports),
            settings::http("staging", rehearsal),
            alertmanager.settings("read"),
            grafana.settings("write"),
        ]
        .concat();
        let rig = rig.file("playbook.toml", &text);
        rig.run(&["exec", "prepare.rhai"]).expect(0);
        answers(ports);
        let haproxy = Haproxy::start(ports[0], ports[1]);
        let rig = rig.file("playbook.toml", &(text + &haproxy.settings("write")));
        let stream = Stream::to(haproxy.port, 60);
        prometheus.wait_for("rate(http_requests_total%7Bcolour=%22blue%22,code=%22200%22%7D[4s])%3E0");
        let others = (staging, prometheus, alertmanager, stream, role);
        Some(Self { rig, database, haproxy, grafana, recorder, ports, _others: others })
    }

    /// Releases the new version with people who do as `ways` say.
    fn run(&self, more: &[&str], ways: &[(&'static str, Do)]) -> Seen {
        Crowd::begin(&self.rig, &[&RELEASE[..], more].concat(), ways).end()
    }

    fn report(&self) -> String {
        self.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout
    }

    fn fault(&self, lines: &str) {
        std::fs::write(self.rig.path("faults"), lines).unwrap();
    }

    /// What a release changes, as text, one part under each name.
    fn state(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("database", self.database.dump()),
            ("processes", versions(self.ports)),
            ("weights", self.haproxy.told()),
            ("annotations", self.grafana.annotations().len().to_string()),
        ])
    }
}

const RELEASE: [&str; 4] = ["exec", "release.rhai", "--set", "version=v12.0.0"];

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.rig.command(&["exec", "end.rhai"]).output();
    }
}

/// Where a database is, as the application's arguments.
fn of(database: &Database) -> String {
    let server = database.server;
    let socket = server.socket().join(format!(".s.PGSQL.{}", server.port));
    format!("--socket {} --database {}", socket.display(), database.name)
}

/// Waits until the old versions answer, blue and green.
fn answers(ports: [u16; 2]) {
    wait_until("the old versions", 30, || {
        let is_up = |(port, version): (&u16, &str)| {
            release::get(*port, "/api/v11/health").is_ok_and(|answer| answer.contains(version))
        };
        ports.iter().zip([OLD, OLDER]).all(is_up)
    });
}

/// What both say of themselves.
fn versions(ports: [u16; 2]) -> String {
    let health = |port: u16| release::get(port, "/api/v11/health").unwrap_or_default();
    let told = ports.map(|port| health(port).split("\r\n\r\n").nth(1).unwrap_or("no answer").to_owned());
    told.join("\n")
}

/// The project before it has settings: the playbooks as they stand in the repository, migrations, versions.
fn project(program: &Path) -> Rig {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/sprint-20-23");
    let playbooks = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let rig = playbooks.filter(|path| path.extension().is_some_and(|end| end == "rhai")).fold(
        Rig::new("").file("faults", ""),
        |rig, path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            rig.file(&name, &std::fs::read_to_string(&path).unwrap())
        },
    );
    let rig = rig.file("prepare.rhai", PREPARE).file("end.rhai", END);
    let rig = [
        ("20251201000000_first.up.sql", FIRST),
        ("20251201000000_first.down.sql", "DROP TABLE transactions;\n"),
        ("20251226000000_finality.up.sql", SECOND),
        ("20251226000000_finality.down.sql", BACK),
    ]
    .into_iter()
    .fold(rig, |rig, (name, text)| rig.file(&format!("source/migrations/{name}"), text));
    let rig = rig.file(&format!("artifacts/{NEW}.json"), settings::TESTS);
    for version in [OLDER, OLD, NEW] {
        let text = format!("#!/bin/sh\nexec {} api --release {version} \"$@\"\n", program.display());
        script(&rig.path(&format!("releases/{version}/bin/gateway")), &text);
    }
    script(&rig.path("scan"), "#!/bin/sh\necho '{\"findings\": 0}'\n");
    settings::variables(rig)
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
}
