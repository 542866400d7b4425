//! The kick-off and the day on staging: blue and green, a build that really compiles and tests, a registry that is pushed to.

use super::settings::{self, http, services};
use super::*;
use crate::playbooks::answered;
use crate::playbooks::vanguard::same;
use crate::rig::servers::redis::{self, Server as Redis};
use crate::rig::servers::registry;

const DAY: [&str; 4] = ["exec", "daily.rhai", "--set", "version=v12.0.0"];

/// Staging with the old version, and all that builds the new one.
struct Staging {
    rig: Rig,
    database: Database,
    haproxy: Haproxy,
    recorder: Http,
    ports: [u16; 2],
    _others: (Prometheus, Grafana, Redis),
}

impl Staging {
    fn start() -> Option<Self> {
        if !prometheus::is_here() || !haproxy::is_here() || !redis::is_here() {
            return None;
        }
        let (program, smtp, registry) = (demo::program(), smtp::shared()?, registry::shared()?);
        registry.push("aurigraph-dlt/aurigraph-enhanced", OLD, "old");
        let (database, ports) = (postgres::database()?, [free_port(), free_port()]);
        let (recorder, cache) = (settings::recorder(), Redis::start());
        let prometheus = Prometheus::start(&[("blue", ports[0]), ("green", ports[1])], &settings::rules());
        let grafana = Grafana::with(&settings::DASHBOARDS);
        let rig = project(program);
        let rig = settings::build(rig);
        for name in ["mvnw", "docker"] {
            let path = rig.path(&format!("source/{name}"));
            let text = std::fs::read_to_string(&path).unwrap();
            script(&path, &text);
        }
        let of = of(&database);
        let text = [
            settings::head(&recorder.url(), smtp.plain, prometheus.port),
            database.settings("write").replace("postgres.main", "postgres.staging"),
            services(["staging_blue", "staging_green"], &rig.path("faults"), &of, ports),
            cache.settings("read").replace("redis.main", "redis.cache"),
            grafana.settings("read"),
            settings::github(&recorder.url()),
            format!("[env.local.registry.images]\nurl = \"{}\"\n", registry.url()),
        ]
        .concat();
        let prepare = PREPARE
            .replace("main", "staging")
            .replace("blue", "staging_blue")
            .replace("green", "staging_green");
        let end = END.replace("blue", "staging_blue").replace("green", "staging_green");
        let rig = rig.file("playbook.toml", &text).file("prepare.rhai", &prepare).file("end.rhai", &end);
        rig.run(&["exec", "prepare.rhai"]).expect(0);
        answers(ports);
        prometheus.wait_for("http_requests_total");
        let haproxy = Haproxy::start(ports[0], ports[1]);
        let edge = haproxy.settings("write").replace("haproxy.edge", "haproxy.staging");
        let programs = settings::programs(&registry.url(), haproxy.port);
        let rig = rig.file("playbook.toml", &(text + &edge + &programs + &http("staging", haproxy.port)));
        Some(Self { rig, database, haproxy, recorder, ports, _others: (prometheus, grafana, cache) })
    }

    fn run(&self, ways: &[(&'static str, Do)]) -> Seen {
        Crowd::begin(&self.rig, &DAY, ways).end()
    }

    fn state(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("database", self.database.dump()),
            ("processes", versions(self.ports)),
            ("weights", self.haproxy.told()),
        ])
    }

    fn report(&self) -> String {
        self.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout
    }

    /// A day on which something fails: staging is as it was, and the team is told to hold.
    #[track_caller]
    fn held(&self, before: &BTreeMap<&'static str, String>, seen: Seen) {
        same(before, &self.state(), &seen.hides("NOT be taken back"));
        assert!(self.recorder.got().iter().any(|got| got.path == "/team" && got.body.contains("HOLD")));
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = self.rig.command(&["exec", "end.rhai"]).output();
    }
}

#[test]
fn the_kick_off_and_a_good_day_end_with_a_candidate_and_their_reports_answer_every_line() {
    let Some(site) = Staging::start() else { return };
    let kickoff = ["exec", "kickoff.rhai", "--set", "version=v12.0.0"];
    Crowd::begin(&site.rig, &kickoff, &[]).end().expect(0).hides("✘");
    let mut report = site.report();
    let plan =
        site.rig.run(&[&["plan"], &DAY[1..]].concat()).expect(0).says("◈ Today's deployment plan: asks");
    let seen =
        site.run(&[]).expect(0).hides("✘").says("✔ Ready for production deployment: approved by qa-lead");
    assert_eq!(site.state()["weights"], "0 ready, 100 ready", "{plan}\n{seen}");
    assert!(site.state()["processes"].contains(NEW));
    let kept = std::fs::read_to_string(site.rig.path("artifacts/v12.0.0.json")).unwrap();
    assert!(kept.contains("per_second"), "{kept}");
    report += &site.report();
    answered::every_line("## Sprint 20-23, kick-off and day", &report);
}

#[test]
fn a_build_and_tests_that_fail_hold_the_day() {
    let Some(site) = Staging::start() else { return };
    let before = site.state();
    let code = site.rig.path("source/src/gateway.sh");
    std::fs::write(&code, "serve() { echo\n").unwrap();
    let seen = site.run(&[]).expect(1).says("gateway.sh").hides("11:00 Test execution");
    site.held(&before, seen);
    std::fs::write(&code, settings::CODE).unwrap();
    std::fs::write(site.rig.path("source/src/cases"), settings::CASES.replace("unit true", "unit false"))
        .unwrap();
    let seen = site.run(&[]).expect(1).says("✘ unit tests (%)").hides("12:00 Docker build");
    site.held(&before, seen);
    std::fs::write(site.rig.path("source/src/cases"), settings::CASES).unwrap();
    settings::workflow(&site.recorder, "failure");
    let seen = site.run(&[]).expect(1).says("ended with failure");
    site.held(&before, seen);
}

#[test]
fn a_service_that_does_not_start_or_is_slow_gives_staging_its_previous_image_back() {
    let Some(site) = Staging::start() else { return };
    let before = site.state();
    // A busy machine takes its time until a process has died.
    let path = site.rig.path("playbook.toml");
    let patient = std::fs::read_to_string(&path).unwrap().replace("settle = \"200ms\"", "settle = \"5s\"");
    std::fs::write(path, patient).unwrap();
    std::fs::write(site.rig.path("faults"), format!("{NEW} crash")).unwrap();
    let seen = site.run(&[]).expect(1).says("PEMS_API_URL is not set");
    site.held(&before, seen);
    std::fs::write(site.rig.path("faults"), format!("{NEW} slow 700")).unwrap();
    let seen = site.run(&[]).expect(1).says("✘ it is the new version, with its database (ms)");
    site.held(&before, seen);
    std::fs::write(site.rig.path("faults"), format!("{NEW} fail 50")).unwrap();
    let seen = site.run(&[]).expect(1).says("✘ failed integration tests");
    site.held(&before, seen);
}

#[test]
fn a_performance_below_its_baseline_holds_the_day_and_so_does_who_declines() {
    let Some(site) = Staging::start() else { return };
    let before = site.state();
    let much = [&DAY[..], &["--set", "baseline=100000000.0"]].concat();
    let seen = Crowd::begin(&site.rig, &much, &[]).end().expect(1).says("✘ throughput (requests/s)");
    site.held(&before, seen);
    let seen = site.run(&[("Ready for production", Do::Decline)]).expect(1).says("declined by qa-lead");
    site.held(&before, seen);
}
