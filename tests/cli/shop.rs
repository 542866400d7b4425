//! README's `Try it`, as it stands there: a real deployment, the same with a bad release, and the end of the demo.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::rig::seat::Seat;
use crate::rig::seen::Seen;
use crate::rig::{Rig, free_port, wait_until};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The shop's folder beside a demo of the developer's own: another port, and releases built from this repository.
struct Shop {
    rig: Rig,
    port: u16,
}

/// A playbook of the shop without its targets of speed: a machine that tests other things meanwhile may miss them.
fn unhurried(playbook: &str) -> String {
    [
        ("\"500ms\"", "\"9s\""),
        ("_ms < 250", "_ms < 25000"),
        ("_ms < 500", "_ms < 50000"),
        ("_ms < 1000", "_ms < 100000"),
        ("health.ms < 500", "health.ms < 50000"),
    ]
    .iter()
    .fold(playbook.to_owned(), |text, (quick, slow)| text.replace(quick, slow))
}

impl Shop {
    fn new() -> Self {
        let port = free_port();
        let source = Path::new(REPOSITORY).join("examples/shop");
        let mut rig = Rig::new("");
        for name in ["playbook.toml", "deploy.rhai", "parts.rhai", "stop.rhai"] {
            let text = std::fs::read_to_string(source.join(name)).unwrap();
            let text = text
                .replace("18642", &port.to_string())
                .replace("\"--path\", \".\"", &format!("\"--path\", {source:?}"));
            let text = unhurried(&text);
            rig = rig.file(&format!("examples/shop/{name}"), &text);
        }
        for entry in std::fs::read_dir(source.join("migrations")).unwrap().flatten() {
            let name = format!("examples/shop/migrations/{}", entry.file_name().display());
            rig = rig.file(&name, &std::fs::read_to_string(entry.path()).unwrap());
        }
        for (name, value) in toolchain() {
            rig = rig.variable(name, &value);
        }
        Self { rig, port }
    }

    /// Carries out a command line of README, without the part of it that builds the binary.
    fn run(&self, line: &str) -> Seen {
        let output = self.command(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Seen::new(output.status, text(output.stdout), text(output.stderr), self.rig.folder())
    }

    fn command(&self, line: &str) -> Command {
        let words: Vec<&str> = line.split_whitespace().collect();
        let arguments = words.strip_prefix(&["cargo", "run", "--no-default-features", "--"]);
        self.rig.command(arguments.unwrap_or_else(|| panic!("`{line}` does not begin as README's do")))
    }

    /// The whole database as text: schema and rows.
    fn database(&self) -> String {
        let path = self.rig.path("examples/shop/var/shop.db");
        let database = rusqlite::Connection::open(path).unwrap();
        let read = |sql: &str| -> Vec<String> {
            let mut statement = database.prepare(sql).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| {
                (0..columns)
                    .map(|n| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(n)?)))
                    .collect::<Result<Vec<_>, _>>()
            });
            rows.unwrap().map(|row| row.unwrap().join("|")).collect()
        };
        let mut text = read("SELECT name, sql FROM sqlite_master ORDER BY name");
        let tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        let mut tables = tables.unwrap();
        for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap().flatten() {
            text.extend(read(&format!("SELECT * FROM {table} ORDER BY 1")));
        }
        text.join("\n")
    }

    fn flag(&self) -> bool {
        let database = rusqlite::Connection::open(self.rig.path("examples/shop/var/shop.db")).unwrap();
        let sql = "SELECT enabled FROM feature_flags WHERE name = 'accept_orders'";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// What `/health` answers.
    fn health(&self) -> Option<Value> {
        use std::io::{Read as _, Write as _};
        let mut connection = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        write!(connection, "GET /health HTTP/1.1\r\nHost: shop\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with(b"}\n") {
            match connection.read(&mut buffer).ok()? {
                0 => return None,
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        serde_json::from_str(String::from_utf8(answer).unwrap().split("\r\n\r\n").nth(1)?).ok()
    }

    fn version(&self) -> Option<String> {
        Some(self.health()?["version"].as_str()?.to_owned())
    }

    fn process(&self) -> Option<String> {
        let text =
            std::fs::read_to_string(self.rig.path("examples/shop/.playbook/services/shop.json")).ok()?;
        let state: Value = serde_json::from_str(&text).unwrap();
        Some(state["process"]["pid"].as_i64()?.to_string())
    }
}

/// Where cargo finds its own, and the folder that `cargo test` was built in: the releases are then built within seconds.
fn toolchain() -> Vec<(&'static str, String)> {
    let target = Path::new(env!("CARGO_BIN_EXE_playbook")).ancestors().nth(2).unwrap();
    let mut all = vec![("CARGO_TARGET_DIR", target.display().to_string())];
    for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let path = std::env::var_os(name).map_or_else(|| home.join(usual), PathBuf::from);
        if path.exists() {
            all.push((name, path.display().to_string()));
        }
    }
    all
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(process) = self.process() {
            let _ = Command::new("kill").args(["-KILL", &process]).stderr(Stdio::null()).status();
        }
    }
}

/// The lines of the first code block under a heading of README.
fn block(heading: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(REPOSITORY).join("README.md")).unwrap();
    let below = readme
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("README has no `{heading}`"))
        .1;
    let block = below.split("```").nth(1).unwrap();
    block.lines().skip(1).map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
}

#[test]
fn readme_deploys_a_release_and_takes_a_bad_one_back() {
    let shop = Shop::new();
    let lines = block("Try it");
    let [good, bad, show, stop] = lines.as_slice() else { panic!("four lines, not {lines:?}") };

    // A first deployment that fails is taken back so far that the next one begins anew.
    let taken = std::net::TcpListener::bind(("127.0.0.1", shop.port)).unwrap();
    shop.run(good).expect(1).says("taken back");
    drop(taken);

    shop.run(good)
        .expect(0)
        .says("✔ Nothing runs yet: start 1.0.0")
        .says("✔ Open the shop")
        .says("checks passed");
    assert_eq!(shop.version().as_deref(), Some("2.0.0"));
    assert!(shop.flag());
    let (before, process) = (shop.database(), shop.process());
    assert!(before.contains("discount") && !before.contains("coupons"));

    let again = shop.run(good).expect(0).hides("Nothing runs yet");
    assert!(again.all().contains("✔ last migration: 2"), "{again}");
    assert_eq!(shop.process(), process);
    assert!(shop.database() == before, "the second time changed something");

    let failed = shop.run(bad).expect(1).says("✘ Verify its health").says("no such column: loyalty_points");
    let failed = failed.says("failed, taken back").hides("NOT be taken back");
    assert!(failed.stdout.contains("↩ rollback of “Migrate the database”"), "{failed}");
    assert!(shop.database() == before, "the database is not as it was");
    assert_eq!(shop.version().as_deref(), Some("2.0.0"));
    assert!(shop.flag());
    shop.run(show).expect(0).says("Verify its health").says("Deploy the shop");
    shop.rig.run(&["verify", "--project", "examples/shop"]).expect(0);

    health_example(&shop);
    killed_in_the_middle(&shop, bad);

    shop.run(stop).expect(0);
    assert!(shop.health().is_none(), "the shop still answers");
}

/// The example `health.rhai` against the shop that runs.
fn health_example(shop: &Shop) {
    let text =
        |name: &str| std::fs::read_to_string(Path::new(REPOSITORY).join("examples").join(name)).unwrap();
    std::fs::write(shop.rig.path("examples/health.rhai"), unhurried(&text("health.rhai"))).unwrap();
    let settings = text("playbook.toml").replace("18642", &shop.port.to_string());
    std::fs::write(shop.rig.path("examples/playbook.toml"), settings).unwrap();
    shop.rig.run(&["exec", "examples/health.rhai"]).expect(0).says("all 3 checks passed");
}

/// A run that is killed leaves a journal that verifies and tells how far it came.
fn killed_in_the_middle(shop: &Shop, line: &str) {
    let log = shop.rig.path("killed.log");
    // On a busy machine a deploy may fail at one of its own checks of speed before it gets that far.
    let mut child = (0..3).find_map(|_| {
        let to = std::fs::File::create(&log).unwrap();
        let mut child = shop.command(line).stdout(Stdio::null()).stderr(to).spawn().unwrap();
        let mut ended = false;
        wait_until("the bad release is running, or the deploy has ended", 120, || {
            ended = child.try_wait().unwrap().is_some();
            ended || shop.version().as_deref() == Some("2.1.0")
        });
        (!ended).then_some(child)
    });
    let child = child.as_mut().unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&log).unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    shop.rig.run(&["verify", "--project", "examples/shop"]).expect(0);
    let told = shop.rig.run(&["show", "last", "--project", "examples/shop"]).says("Migrate the database");
    assert!(told.all().contains("replace shop by release 2.1.0"), "{told}");
    // Its lock is kept until somebody has decided what becomes of it.
    shop.rig.run(&["rollback", "last", "--project", "examples/shop"]).expect(0);
    assert_eq!(shop.version().as_deref(), Some("2.0.0"));
}

#[test]
#[ignore = "writes docs/deploy.svg: `cargo test --test integration pictures -- --ignored`"]
fn pictures_of_a_deployment() {
    let shop = Shop::new();
    let lines = block("Try it");
    shop.run(&lines[0]).expect(0);
    let toolchain = toolchain();
    let variables: Vec<(&str, &str)> =
        toolchain.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let words = "exec examples/shop/deploy.rhai --set release=2.1.0";
    let seat = Seat::with(&shop.rig, &words.split(' ').collect::<Vec<_>>(), &variables);
    let recording = seat.record();
    wait_until("the question", 120, || seat.screen().contains("How does it go on?"));
    seat.slowly("b\r").shows("in local by");
    let picture =
        recording.end(&format!("playbook {words}"), "A release whose health check fails is taken back");
    std::fs::write(Path::new(REPOSITORY).join("docs/deploy.svg"), picture).unwrap();
}
