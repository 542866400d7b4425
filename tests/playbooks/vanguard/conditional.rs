//! Conditional rollback: what people weigh at the end of the first hour, and a day later.

use super::*;

/// A deployment that gets into these troubles once it is live, after people have done as `ways` say.
fn in_trouble(site: &Vanguard, faults: &str, alerts: &[&str], ways: &[(&'static str, Do)]) -> Seen {
    let mut run = Crowd::begin(&site.rig, &Vanguard::deploy(&[]), ways);
    run.until("✔ 7 Enable features");
    site.fault(faults);
    alerts.iter().for_each(|name| site.alertmanager.fire(name, "priority", "P1"));
    run.end()
}

#[test]
fn errors_failed_syncs_and_alerts_are_rolled_back_when_the_lead_says_so() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let faults = format!("{NEW} fail 3\n{NEW} sync 30\n");
    let seen = in_trouble(&site, &faults, &["Down", "Slow"], &[("Patch or monitor", Do::Decline)]).expect(1);
    let seen = seen
        .says("✘ error rate after an hour (%)")
        .says("✘ sync success rate after an hour (%)")
        .says("✘ P1 alerts: 2 (wanted <= 1)");
    let seen = seen.says("declined by decision-maker").says("not like this").hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn a_growing_queue_and_a_feature_that_does_not_work_are_rolled_back_when_the_lead_says_so() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let faults = format!("{NEW} queue 400\n{NEW} login\n");
    let seen = in_trouble(&site, &faults, &[], &[("Patch or monitor", Do::Decline)]).expect(1);
    let seen = seen
        .says("✘ queue size after an hour")
        .says("✘ the main feature works (ms)")
        .hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn who_would_rather_patch_it_goes_on() {
    let Some(site) = Vanguard::start() else { return };
    let seen = in_trouble(&site, &format!("{NEW} slow 700"), &[], &[]);
    seen.expect(0)
        .says("✘ API response time P95 (ms)")
        .says("Patch or monitor, in spite of")
        .says("✔ Deployment closure");
}

#[test]
fn a_rollback_that_is_required_after_a_day_is_made() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let seen =
        in_trouble(&site, &format!("{NEW} leak 60"), &[], &[("24-hour stability", Do::Decline)]).expect(1);
    let seen = seen.says("✘ memory growth (MB/hour)").says("declined by verifier").hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn no_go_takes_the_preparation_back() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let seen = site
        .run(&[], &[("Go / No-Go", Do::Decline)])
        .expect(1)
        .says("declined by decision-maker")
        .hides("1 Stop sync");
    same(&before, &site.state(), &seen);
}

#[test]
fn nobody_decides_in_time_and_nothing_is_deployed() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let seen = site.run(&["--set", "decide_within=15s"], &[("Go / No-Go", Do::Nothing)]);
    let seen = seen.expect(4).says("the gate “Go / No-Go” was not decided within 15.0s").hides("1 Stop sync");
    same(&before, &site.state(), &seen);
}
