//! The good day and the bad ones.

use super::*;
use crate::playbooks::answered;
use crate::playbooks::vanguard::same;

#[test]
fn the_good_day_passes_to_the_end_of_48_hours_and_its_report_answers_every_line() {
    let Some(site) = Sprint::start() else { return };
    let before = site.state();
    let plan = site
        .rig
        .run(&["plan", "deploy.rhai"])
        .expect(0)
        .says("◈ Success after 48 hours")
        .hides("the plan ends");
    same(&before, &site.state(), &plan);
    let seen = site
        .run(&[], &[])
        .expect(0)
        .says("✔ Success after 48 hours: approved by business, operations-team")
        .hides("✘");
    let after = site.state();
    assert_eq!(after["weights"], "0 ready, 100 ready", "{seen}");
    assert_eq!(after["services"].matches(NEW).count(), 3, "{}", after["services"]);
    assert!(after["database"].contains("cache_evictions"));
    assert!(site.recorder.got().iter().filter(|got| got.path == "/team").count() >= 5);
    let report = site.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout;
    answered::every_line("## Sprint-001, line by line", &report);
}

/// A deployment that goes well until the new release is live; then `trouble` comes. It must be taken back.
fn taken_back(trouble: impl FnOnce(&Sprint), says: &str) {
    let Some(site) = Sprint::start() else { return };
    let before = site.state();
    let mut run = Crowd::begin(&site.rig, &["exec", "deploy.rhai"], &[]);
    run.until("✔ Deployment complete");
    trouble(&site);
    let seen = run.end().expect(1).says(says).hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn a_cache_hit_rate_below_70_percent() {
    taken_back(
        |site| site.fault(&format!("{NEW} hits 60")),
        "✘ cache hit rate, critical (%): 60 (wanted >= 70)",
    );
}

#[test]
fn response_times_over_500_ms() {
    taken_back(|site| site.fault(&format!("{NEW} slow 700")), "✘ API response time, critical (ms)");
}

#[test]
fn errors_in_more_than_one_percent_of_requests() {
    taken_back(|site| site.fault(&format!("{NEW} fail 20")), "✘ error rate, critical (%)");
}

#[test]
fn inconsistent_data() {
    taken_back(|site| site.fault(&format!("{NEW} corrupt_cache")), "✘ inconsistent data: 1 (wanted == 0)");
}

#[test]
fn an_exposed_vulnerability() {
    taken_back(
        |site| site.alertmanager.fire("Exposed", "category", "security"),
        "✘ security alerts: 1 (wanted == 0)",
    );
}

#[test]
fn warnings_are_told_and_weighed_and_declined() {
    let Some(site) = Sprint::start() else { return };
    let before = site.state();
    let mut run = Crowd::begin(&site.rig, &["exec", "deploy.rhai"], &[("Keep it", Do::Decline)]);
    run.until("✔ Deployment complete");
    site.fault(&format!("{NEW} hits 75"));
    let seen = run
        .end()
        .expect(1)
        .says("✘ cache hit rate, warning (%): 75 (wanted >= 80)")
        .says("declined by technical-lead")
        .hides("NOT be taken back");
    same(&before, &site.state(), &seen);
    assert!(site.recorder.got().iter().any(|got| got.body.contains("should be at least 80")));
}

#[test]
fn a_run_that_is_killed_goes_on_and_no_go_and_silence_end_it() {
    let Some(site) = Sprint::start() else { return };
    let before = site.state();
    for (ways, more, code) in
        [(Do::Decline, &[][..], 1), (Do::Nothing, &["--set", "decide_within=15s"][..], 4)]
    {
        let seen = site.run(more, &[("Go / No-Go", ways)]).expect(code).hides("1 Code deployment");
        same(&before, &site.state(), &seen);
    }
    let mut killed = Crowd::begin(&site.rig, &["exec", "deploy.rhai"], &[]);
    killed.until("▸ 3 Deploy the api service");
    killed.kill();
    Crowd::begin(&site.rig, &["resume", "last"], &[]).end().expect(0).says("✔ Success after 48 hours");
    assert_eq!(site.state()["services"].matches(NEW).count(), 3);
    assert_eq!(site.database.sql("SELECT count(*) FROM _sqlx_migrations"), "2");
}
