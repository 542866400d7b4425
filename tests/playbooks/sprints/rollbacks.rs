//! Rollbacks that are begun by hand: quick, full, and of the database.

use super::*;
use crate::playbooks::vanguard::same;

#[test]
fn a_canary_is_taken_back_by_hand() {
    let Some(site) = Site::start() else { return };
    site.haproxy.ask("set weight app/green 10");
    let seen = site.rig.run(&["exec", "rollback-quick.rhai", "--set", "why=tickets"]).expect(0);
    assert_eq!(site.state()["weights"], "100 ready, 0 drain", "{seen}");
    assert!(site.state()["processes"].ends_with("no answer"), "{}", site.state()["processes"]);
    seen.says("✔ rollback time (min)").says("✔ health check (ms)");
}

#[test]
fn production_goes_back_to_the_version_before_only_where_that_is_well() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let full = ["exec", "rollback-full.rhai", "--set", "why=wrong balances"];
    let seen = Crowd::begin(&site.rig, &full, &[])
        .end()
        .expect(0)
        .says("✔ Root cause analysis: approved by tech-lead");
    let after = site.state();
    assert_eq!(after["weights"], "0 ready, 100 ready", "{seen}");
    assert_eq!(after["processes"], before["processes"], "both run on");
    // The version that it would go back to now falls ill under the traffic, which goes back to where it was.
    settings::watches_for_long(&site.rig);
    let mut run = Crowd::begin(&site.rig, &full, &[]);
    run.until("▸ 3 Monitor the old version");
    site.fault(&format!("{OLD} down"));
    let seen = run.end().expect(1).says("was broken more than 3 times");
    site.fault("");
    same(&after, &site.state(), &seen.hides("NOT be taken back"));
}

#[test]
fn a_change_of_the_schema_is_taken_back_whole_or_not_at_all() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let migrate = "//! Migrate.\n//!\n//! uses = [\"postgres.main:write\"]\npostgres(\"main\").migrate(\"source/migrations\");\n";
    std::fs::write(site.rig.path("migrate.rhai"), migrate).unwrap();
    site.rig.run(&["exec", "migrate.rhai"]).expect(0);
    let migrated = site.state();
    assert_ne!(before["database"], migrated["database"]);
    let back = ["exec", "rollback-database.rhai", "--set", "versions=20251226000000"];
    // A script that fails in its middle changes nothing; nor does one that loses rows; nor an administrator who declines.
    let script = site.rig.path("source/migrations/20251226000000_finality.down.sql");
    std::fs::write(&script, format!("{BACK}DROP TABLE nothing_there;\n")).unwrap();
    let seen = Crowd::begin(&site.rig, &back, &[]).end().expect(1).says("nothing_there");
    same(&migrated, &site.state(), &seen);
    std::fs::write(&script, format!("{BACK}DELETE FROM transactions WHERE id = 7;\n")).unwrap();
    let seen = Crowd::begin(&site.rig, &back, &[])
        .end()
        .expect(1)
        .says("✘ rows of transactions: 199 (wanted == 200)");
    same(&migrated, &site.state(), &seen.hides("NOT be taken back"));
    let seen = Crowd::begin(&site.rig, &back, &[("Rollback of the database", Do::Decline)]).end().expect(1);
    same(&migrated, &site.state(), &seen);
    std::fs::write(&script, BACK).unwrap();
    let seen = Crowd::begin(&site.rig, &back, &[]).end().expect(0).says("✔ rollback time (min)");
    same(&before, &site.state(), &seen);
}
