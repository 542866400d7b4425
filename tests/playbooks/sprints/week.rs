//! The week of a release: the good one, and those on which a trigger of the document comes about.

use super::*;
use crate::playbooks::answered;
use crate::playbooks::vanguard::same;

#[test]
fn the_good_week_passes_from_the_decision_on_monday_to_the_report_on_friday() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let seen = site.run(&[], &[]).expect(0).says("10 % to green").says("100 % to green").hides("✘");
    let after = site.state();
    assert_eq!(after["weights"], "0 ready, 100 ready", "{seen}");
    assert!(after["processes"].contains(NEW) && after["processes"].contains(OLD), "{}", after["processes"]);
    assert!(after["database"].contains("bridges") && before["database"] != after["database"]);
    // The three rollbacks by hand, one after the other, fill in the rest of the document.
    let mut report = site.report();
    for (arguments, says) in [
        (&["exec", "rollback-full.rhai", "--set", "why=tickets"][..], "✔ 4 Keep the new version"),
        (&["exec", "rollback-database.rhai", "--set", "versions=20251226000000"], "✔ rollback time (min)"),
        (&["exec", "rollback-quick.rhai", "--set", "why=tickets"], "✔ rollback time (min)"),
    ] {
        Crowd::begin(&site.rig, arguments, &[]).end().expect(0).says(says);
        report += &site.report();
    }
    assert_eq!(site.state()["database"], before["database"]);
    answered::every_line("## Sprint 20-23, week", &report);
}

/// A release that meets a trigger of the document: the traffic goes back, and everything else is taken back.
fn taken_back(fault: &str, begins: &str, says: &str) {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let mut run = Crowd::begin(&site.rig, &RELEASE, &[]);
    run.until(begins);
    site.fault(&format!("{NEW} {fault}"));
    let seen = run
        .end()
        .expect(1)
        .says(says)
        .says("✔ Quick rollback: monitor for 15 minutes")
        .hides("NOT be taken back");
    same(&before, &site.state(), &seen);
    let told = |path: &str| {
        site.recorder.got().iter().any(|got| got.path == path && got.body.contains("Canary rollback"))
    };
    assert!(told("/team") && told("/v2/enqueue"), "team and pager were told");
}

#[test]
fn an_error_rate_over_one_percent_for_five_minutes_takes_the_canary_back() {
    taken_back("fail 50", "▸ 10 % to green", "✘ error rate (%)");
}

#[test]
fn a_latency_over_500_ms_for_five_minutes_takes_the_migration_back() {
    taken_back("slow 700", "▸ 50 % to green", "✘ latency P95 (ms)");
}

#[test]
fn more_than_three_failed_health_checks_take_the_migration_back() {
    taken_back("down", "▸ 50 % to green", "✘ health check (ms)");
}

#[test]
fn errors_on_the_day_after_take_everything_back() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let mut run = Crowd::begin(&site.rig, &RELEASE, &[]);
    run.until("▸ Ongoing monitoring");
    site.fault(&format!("{NEW} fail 50"));
    let seen =
        run.end().expect(1).says("was broken for 5m").says("↩ failed, taken back").hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_the_migration_goes_on_where_it_was() {
    let Some(site) = Site::start() else { return };
    let mut killed = Crowd::begin(&site.rig, &RELEASE, &[]);
    killed.until("▸ 25 % to green");
    killed.kill();
    Crowd::begin(&site.rig, &["resume", "last"], &[]).end().expect(0).says("✔ Weekly status report");
    assert_eq!(site.state()["weights"], "0 ready, 100 ready");
    assert_eq!(site.database.sql("SELECT count(*) FROM _sqlx_migrations"), "2", "each is applied once");
    site.rig.run(&["verify", "last"]).expect(0);
}

#[test]
fn hold_and_no_go_and_silence_leave_everything_as_it_was() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let hold = ("READY FOR DEPLOYMENT", Do::Decline);
    let seen = site.run(&[], &[hold]).expect(1).says("declined by").hides("Database backup");
    same(&before, &site.state(), &seen);
    let silence = ("READY FOR DEPLOYMENT", Do::Nothing);
    let seen = site.run(&["--set", "decide_within=2s"], &[silence]).expect(4);
    same(&before, &site.state(), &seen.says("was not decided within 2.0s"));
    let seen = site.run(&[], &[("Go / No-Go", Do::Decline)]).expect(1).says("declined by executive");
    same(&before, &site.state(), &seen.hides("25 % to green").hides("NOT be taken back"));
}

#[test]
fn a_plan_reaches_the_end_and_the_run_that_is_held_to_it_says_how_right_it_was() {
    let Some(site) = Site::start() else { return };
    let before = site.state();
    let plan = [&["plan"], &RELEASE[1..], &["--save", "plan.json"]].concat();
    let seen =
        site.rig.run(&plan).expect(0).says("◈ READY FOR DEPLOYMENT: asks").says("◈ Weekly review: asks");
    let seen = seen.says("apply the pending migrations").says("100 % to green").hides("the plan ends");
    same(&before, &site.state(), &seen);
    let done =
        Crowd::begin(&site.rig, &["exec", "--plan", "plan.json"], &[]).end().expect(0).says("as planned");
    println!("{seen}\n{}", done.stdout);
}
