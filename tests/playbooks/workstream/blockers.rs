//! Each threshold of the document is really broken: the lead is woken and cannot mend it, everything is taken back, and the
//! deployment is delayed. One site bears one fault after the other: after each of them it is as it was.

use super::*;
use crate::playbooks::vanguard::same;

/// Nobody finds the cause.
const HELPLESS: &[(&str, Do)] = &[("The cause is known", Do::Decline)];

/// What is waited for and does not come is given up soon.
const SOON: &[&str] = &["--set", "patience=10s"];

/// Where a fault that is there from the beginning is switched on.
pub const NOON: &str = "12:00 The afternoon begins";

impl Workstream {
    /// An afternoon in which `trouble` comes as soon as the run says `when`: it must end as the document says.
    pub fn blocked(&self, more: &[&str], when: &str, trouble: impl FnOnce(&Self), says: &str) {
        let (before, told) = (self.state(), self.told().len());
        let paged = self.paged();
        let mut run = Crowd::begin(&self.rig, &[&["exec", "deploy.rhai"], more].concat(), HELPLESS);
        run.until(when);
        trouble(self);
        let seen = run
            .end()
            .expect(1)
            .says(says)
            .says(" is blocked: ")
            .says("declined by backend")
            .hides("NOT be taken back");
        let words = &self.told()[told..];
        assert!(words.contains("NO-GO") && words.contains("is delayed to Oct 25"), "{words}\n{seen}");
        assert_eq!(self.paged(), paged + 2, "woken, and told that it is over:\n{seen}");
        same(&before, &self.state(), &seen);
    }

    /// The same with a fault of the application that is there from the beginning.
    fn faulty(&self, fault: &str, says: &str) {
        self.fault(&format!("* {fault}"));
        self.blocked(SOON, NOON, |_| {}, says);
        self.fault("");
    }

    /// The same with `trouble` that comes while the migration runs, which is held up for so many seconds: after the database was
    /// found ready, and before its health and that of the rest is looked at.
    pub fn held(&self, seconds: u32, trouble: impl FnOnce(&Self), says: &str) {
        let path = self.rig.path("migrations/20251022000000_settled.sql");
        std::fs::write(&path, format!("SELECT pg_sleep({seconds});\n{SECOND}")).unwrap();
        self.blocked(SOON, "✔ of 50 connections at once, failed", trouble, says);
        std::fs::write(&path, SECOND).unwrap();
    }

    fn paged(&self) -> usize {
        self.servers.recorder.got().iter().filter(|got| got.path == "/v2/enqueue").count()
    }

    /// A migration that is pending beside the right one, and does harm.
    fn migration(&self, sql: &str, says: &str) {
        let path = self.rig.path("migrations/20251022000001_harm.sql");
        std::fs::write(&path, sql).unwrap();
        self.blocked(&[], NOON, |_| {}, says);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_environment_that_is_not_as_it_should_be() {
    let Some(site) = Workstream::start() else { return };
    let cloud = &site.cloud;
    let wrong = ["--set", "account=999999999999"];
    site.blocked(&wrong, NOON, |_| {}, "✘ IAM credentials of the production account: 123456789012");
    cloud.machine(false);
    site.blocked(&[], NOON, |_| {}, "✘ EC2: healthy machines: 0 (wanted == 1)");
    cloud.machine(true);
    cloud.database_is_open(true);
    site.blocked(&[], NOON, |_| {}, "✘ security groups: further ports open to the world: 1 (wanted == 0)");
    cloud.database_is_open(false);
    cloud.target(false);
    site.blocked(&[], NOON, |_| {}, "✘ targets: 0 (wanted > 0)");
    cloud.target(true);
    cloud.points_to("elsewhere.example.com");
    site.blocked(&[], NOON, |_| {}, "✘ DNS points to the ALB");
    cloud.points_to(&cloud.dns);
    std::fs::write(site.rig.path("documents/disaster-recovery.md"), "").unwrap();
    site.blocked(&[], NOON, |_| {}, "✘ procedures for disasters (letters): 0 (wanted > 0)");
    site.servers.dns.hang();
    site.blocked(&[], NOON, |_| {}, "✘ Load balancer configuration");
    site.servers.dns.go_on();
    cloud.end_the_service();
    site.blocked(&[], NOON, |_| {}, "✘ read how ecs.api is");
}

#[test]
fn a_certificate_that_ends_soon() {
    let Some(site) = Workstream::with("short", settings::RULES, &["Production"]) else { return };
    site.blocked(&[], NOON, |_| {}, "✘ days until the certificate expires: 2 (wanted >= 14)");
}

#[test]
fn a_database_that_is_not_ready() {
    let Some(site) = Workstream::start() else { return };
    site.faulty("pool 20", "✘ pool size: 20 (wanted == 50)");
    site.faulty("pool_timeout 5", "✘ pool time-out (s): 5 (wanted == 30)");
    // Each is asked for long enough that all of them are there at once, however slowly a busy machine sends them.
    site.faulty("connections 6\n* slow_database 1000", "✘ of 50 connections at once, failed: ");
}

#[test]
fn migrations_that_fail_or_do_harm() {
    let Some(site) = Workstream::start() else { return };
    site.migration("SELECT 1 / 0;", "refused migrations/20251022000001_harm.sql");
    site.migration("DROP TABLE tokens;", "✘ the schema that the application expects");
    site.migration("DELETE FROM tokens;", "✘ tokens: rows of seed data: 0 (wanted > 0)");
    site.migration(
        "UPDATE tokens SET supply = -1 WHERE id = 2;",
        "✘ reference data that cannot be: 1 (wanted == 0)",
    );
    site.migration("DELETE FROM transactions WHERE id <= 50;", "✘ rows, not fewer than in the snapshot: ");
    let unproven = "ALTER TABLE transactions DROP CONSTRAINT transactions_account_fkey;\n\
        ALTER TABLE transactions ADD CONSTRAINT transactions_account_fkey FOREIGN KEY (account) REFERENCES accounts (id) NOT VALID;";
    site.migration(unproven, "✘ foreign keys are validated");
}

#[test]
fn orphans_and_an_index_that_is_not_valid() {
    let Some(site) = Workstream::start() else { return };
    let database = &site.database;
    // The pool is tried for so long that what happens meanwhile happens between the snapshot and the migration.
    let orphan = "SET session_replication_role = replica; INSERT INTO transactions (account, amount, memo, state) VALUES (999, 1, 'lost', 'processed')";
    for (sql, says) in [
        (orphan, "✘ transactions: orphaned records: 1 (wanted == 0)"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'accounts_pkey'::regclass",
            "✘ indexes are valid",
        ),
    ] {
        site.fault("* slow 1500");
        let trouble = |site: &Workstream| {
            site.database.server.psql(&database.name, sql);
            site.fault("");
        };
        site.blocked(&[], "✔ connections that the server takes", trouble, says);
    }
}

#[test]
fn endpoints_and_dependencies_that_are_not_well() {
    let Some(site) = Workstream::start() else { return };
    site.faulty("slow 150", "✘ REST health endpoints");
    site.held(5, |site| site.fault("* down"), "✘ REST health endpoints");
    site.fault("");
    site.faulty("slow_database 200", "✘ Database health check");
    site.servers.kafka.lose_leader();
    site.blocked(&[], NOON, |_| {}, "✘ Kafka: the topic is healthy");
    let _ = ::redis::cmd("SHUTDOWN").arg("NOSAVE").exec(&mut site.servers.redis.try_connect().unwrap());
    site.blocked(&[], NOON, |_| {}, "✘ External dependencies");
}

#[test]
fn a_monitoring_that_does_not_answer() {
    let Some(site) = Workstream::start() else { return };
    site.held(5, |site| site.servers.prometheus.hang(), "✘ External dependencies");
}

#[test]
fn smoke_tests_that_fail() {
    let Some(site) = Workstream::start() else { return };
    site.faulty("reject 30", "✘ success rate (%): ");
    site.faulty("stuck", "✘ transactions processed: 0 (wanted >= 50)");
    site.faulty("tps 2900000", "✘ TPS, deviation from 3.0M (%): 3.3");
}

#[test]
fn latency_and_errors_beyond_their_targets() {
    let Some(site) = Workstream::start() else { return };
    // The minute after which the figures are looked at is long enough for the fault to be measured.
    let path = site.rig.path("playbook.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let usual = "\"1m\" = \"1300ms\", \"1h\" = \"1400ms\", \"5h\" = \"1600ms\"";
    let long = settings.replace(usual, "\"1m\" = \"6s\", \"1h\" = \"6100ms\", \"5h\" = \"6300ms\"");
    assert_ne!(settings, long);
    std::fs::write(&path, long).unwrap();
    site.blocked(&[], "✔ new blocks", |site| site.fault("* fail 30"), "✘ error rate (%): ");
    site.faulty("slow_users 80", "✘ latency P99 (ms): ");
}

#[test]
fn alerts_and_logs_that_cannot_be_relied_on() {
    let Some(site) = Workstream::start() else { return };
    let recorder = &site.servers.recorder;
    logs(recorder, 0, "30d");
    site.blocked(&[], NOON, |_| {}, "✘ lines in the last 5 minutes, searched and filtered: 0 (wanted > 0)");
    logs(recorder, 42, "7d");
    site.blocked(&[], NOON, |_| {}, "✘ log retention: 7d (wanted == \"30d\")");
}

#[test]
fn a_log_level_and_a_critical_alert() {
    let Some(site) = Workstream::start() else { return };
    site.faulty("debug", "✘ log level: DEBUG (wanted == \"INFO\")");
    site.faulty("critical 11", "✘ critical alerts: 1 (wanted == 0)");
}

#[test]
fn alerts_and_dashboards_that_nobody_made() {
    let few = settings::RULES.replace("severity: warning", "severity: none");
    let Some(site) = Workstream::with("good", &few, &["Production"]) else { return };
    site.blocked(&[], NOON, |_| {}, "✘ warning alerts beyond 0.01: 0 (wanted > 0)");
    let Some(site) = Workstream::with("good", settings::RULES, &["Staging"]) else { return };
    site.blocked(&[], NOON, |_| {}, "✘ Production dashboard");
}

#[test]
fn a_release_that_is_not_ready() {
    let Some(site) = Workstream::start() else { return };
    site.faulty("tps 2990000", "✘ TPS, baseline (M): 2.99 (wanted >= 3.0)");
    site.faulty("memory 100", "✘ memory (MB): ");
    std::fs::write(site.rig.path("artifacts/app-native"), "").unwrap();
    site.blocked(&[], NOON, |_| {}, "✘ app-native (bytes): 0 (wanted > 0)");
}

#[test]
fn each_figure_of_the_code_blocks_until_it_is_mended() {
    let Some(site) = Workstream::start() else { return };
    let bad = [
        ("vulnerabilities\": 0", "vulnerabilities\": 1", "✘ critical vulnerabilities: 1 (wanted == 0)"),
        ("comments\": 0", "comments\": 2", "✘ unresolved code comments: 2 (wanted == 0)"),
        ("passing\": 7", "passing\": 6", "✘ Phase 1 tests passing: 6 (wanted == 7)"),
        ("96.4", "94.9", "✘ code coverage (%): 94.9 (wanted >= 95)"),
    ];
    // Each look finds the next of them, and the last one finds nothing.
    let reports = bad.map(|(good, bad, _)| QUALITY.replace(good, bad)).join("\n");
    std::fs::write(site.rig.path("reports"), format!("{reports}\n{QUALITY}\n")).unwrap();
    std::fs::write(site.rig.path("quality"), "#!/bin/sh\nhead -n 1 reports\nsed -i 1d reports\n").unwrap();
    let mut seen = site.run(&[], &[]).expect(0).says("✔ 5:00 PM Standup");
    for (_, _, says) in bad {
        seen = seen.says(says);
    }
    assert_eq!(
        seen.stderr.matches("✔ verified again, 6 Final approval checklist (min)").count(),
        4,
        "{seen}"
    );
    assert_eq!(site.paged(), 4, "woken once for each: {seen}");
}
