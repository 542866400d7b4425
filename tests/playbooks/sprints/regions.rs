//! Three regions before a load balancer, a PostgreSQL with a standby of its own: failover, and the way to the go-live.

use super::settings::{self, http};
use super::*;
use crate::playbooks::answered;
use crate::rig::servers::postgres::Server;
use crate::rig::servers::standby::Standby;
use crate::rig::servers::tls::{self, certificates};

const NAMES: [&str; 3] = ["primary", "backup", "fallback"];

/// The regions with all of the traffic in the first.
struct Regions {
    rig: Rig,
    primary: &'static Server,
    standby: Standby,
    haproxy: Haproxy,
    _others: ([Warden; 3], Prometheus, Http, tls::Server, Database),
}

impl Regions {
    fn start() -> Option<Self> {
        if !prometheus::is_here() || !haproxy::is_here() {
            return None;
        }
        let (program, smtp, drill) = (demo::program(), smtp::shared()?, postgres::database()?);
        // It ends with the test process, or when the test kills it.
        let primary: &'static Server = Box::leak(Box::new(Server::start()?));
        let database = Database { server: primary, name: "app".to_owned() };
        primary.psql("postgres", "GRANT pg_monitor TO app");
        database.sql(FIRST);
        let standby = Standby::start(primary);
        let main = primary.socket().join(format!(".s.PGSQL.{}", primary.port));
        let (ports, faults) = ([0; 3].map(|_| free_port()), project(program));
        let rig = faults;
        let shown = rig.path("faults");
        let role = |at: usize, socket: &Path| {
            let socket = socket.display();
            let faults = shown.display();
            demo::role(
                &format!("api --release v11.3.{at} --faults {faults} --socket {socket} --database app"),
                ports[at],
            )
        };
        let roles = [role(0, &main), role(1, &standby.socket()), role(2, &standby.socket())];
        let prometheus = Prometheus::start(&[("primary", ports[0])], "groups: []");
        let haproxy = Haproxy::before(&[
            ("primary", ports[0], 100),
            ("backup", ports[1], 0),
            ("fallback", ports[2], 0),
        ]);
        let (recorder, edge) = (settings::recorder(), certificates().serve("good"));
        let regions: String = NAMES.iter().zip(ports).map(|(name, port)| http(name, port)).collect();
        let text = [
            settings::head(&recorder.url(), smtp.plain, prometheus.port),
            regions,
            http("edge", haproxy.limited),
            primary.settings("app", "read").replace("postgres.main", "postgres.primary"),
            primary.settings("app", "read"),
            standby.settings("app").replace("postgres.main", "postgres.standby"),
            drill.settings("write").replace("postgres.main", "postgres.drill"),
            haproxy.settings("write").replace("haproxy.edge", "haproxy.regions"),
            settings::hardening(edge.port),
        ]
        .concat();
        script(&rig.path("promote"), &standby.promotion());
        script(
            &rig.path("source/mvnw"),
            "#!/bin/sh\necho '{\"per_second\": 2100000, \"p95_ms\": 120, \"error_rate\": 0.01}'\n",
        );
        let rig = rig.file("playbook.toml", &text);
        wait_until("the standby answers", 30, || {
            ports
                .iter()
                .all(|port| release::get(*port, "/q/health").is_ok_and(|answer| answer.contains("200 OK")))
        });
        prometheus.wait_for("rate(process_cpu_seconds_total[4s])");
        Some(Self { rig, primary, standby, haproxy, _others: (roles, prometheus, recorder, edge, drill) })
    }

    fn report(&self) -> String {
        self.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout
    }
}

#[test]
fn the_way_to_the_go_live_and_a_primary_that_dies() {
    let Some(site) = Regions::start() else { return };
    Crowd::begin(&site.rig, &["exec", "harden.rhai"], &[])
        .end()
        .expect(0)
        .hides("✘")
        .says("✔ Production go-live");
    let mut report = site.report();
    site.primary.signal("KILL");
    wait_until("the primary is gone", 30, || {
        std::os::unix::net::UnixStream::connect(
            site.primary.socket().join(format!(".s.PGSQL.{}", site.primary.port)),
        )
        .is_err()
    });
    let seen = Crowd::begin(&site.rig, &["exec", "failover.rhai"], &[]).end().expect(0);
    let seen = seen.says("✔ the standby takes writes").says("backup has all of the traffic");
    assert_eq!(site.haproxy.told(), "0 ready, 100 ready, 0 ready", "{seen}");
    assert_eq!(site.standby.ask("SELECT pg_is_in_recovery()"), "f");
    report += &site.report();
    answered::every_line("## Sprint 20-23, regions and go-live", &report);
}

#[test]
fn a_region_that_is_ill_loses_its_traffic_and_one_that_becomes_ill_gives_it_back() {
    let Some(site) = Regions::start() else { return };
    let fault = |text: &str| std::fs::write(site.rig.path("faults"), text).unwrap();
    let drill = ["exec", "failover.rhai", "--set", "to=backup"];
    settings::watches_for_long(&site.rig);
    let mut run = Crowd::begin(&site.rig, &drill, &[]);
    run.until("▸ 5 Monitor the region");
    fault("v11.3.1 down");
    let seen = run.end().expect(1).says("was broken more than 3 times").hides("NOT be taken back");
    assert_eq!(site.haproxy.told(), "100 ready, 0 ready, 0 ready", "{seen}");
    // Two regions are ill: the third takes over, and the standby stays a standby.
    fault("v11.3.0 down\nv11.3.1 down");
    let seen = Crowd::begin(&site.rig, &["exec", "failover.rhai"], &[])
        .end()
        .expect(0)
        .says("fallback has all of the traffic");
    assert_eq!(site.haproxy.told(), "0 ready, 0 ready, 100 ready", "{seen}");
    assert_eq!(site.standby.ask("SELECT pg_is_in_recovery()"), "t");
}
