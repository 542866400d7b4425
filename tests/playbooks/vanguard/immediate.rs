//! Immediate rollback: each condition that the document names really comes about, and everything is taken back.

use super::*;

/// A deployment that goes well until the new release is live; then `trouble` comes. It must be taken back.
fn taken_back(trouble: impl FnOnce(&Vanguard), says: &str) {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let mut run = Crowd::begin(&site.rig, &Vanguard::deploy(&[]), &[]);
    run.until("✔ 7 Enable features");
    trouble(&site);
    let seen = run.end().expect(1).says(says).says("↩ failed, taken back").hides("NOT be taken back");
    same(&before, &site.state(), &seen);
    // What was written meanwhile is kept beside the backup.
    assert!(
        site.backups.keys().iter().any(|key| key.starts_with("backup_before_rollback_")),
        "{:?}",
        site.backups.keys()
    );
}

#[test]
fn smoke_tests_that_fail() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    site.fault(&format!("{NEW} login"));
    let seen = site
        .run(&[], &[])
        .expect(1)
        .says("✘ authentication: FAIL (wanted == \"PASS\")")
        .hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}

#[test]
fn more_than_ten_critical_errors_in_the_first_hour() {
    taken_back(|site| site.fault(&format!("{NEW} critical 11")), "✘ critical errors: 11 (wanted <= 10)");
}

#[test]
fn an_error_rate_over_five_percent_that_lasts() {
    taken_back(
        |site| site.fault(&format!("{NEW} fail 30")),
        "the condition “error rate (%)” was broken for 3m",
    );
}

#[test]
fn a_complete_outage_of_more_than_five_minutes() {
    taken_back(
        |site| site.fault(&format!("{NEW} down")),
        "the condition “an answer within 5 minutes” was broken for 5m",
    );
}

#[test]
fn corrupt_data() {
    taken_back(|site| site.fault(&format!("{NEW} corrupt")), "✘ corrupt records: 1 (wanted == 0)");
}

#[test]
fn a_security_alert() {
    taken_back(
        |site| site.alertmanager.fire("Intrusion", "category", "security"),
        "✘ security alerts: 1 (wanted == 0)",
    );
}

#[test]
fn a_release_that_does_not_come_up_with_the_words_of_its_own_log() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    site.fault(&format!("{NEW} crash"));
    let seen = site
        .run(&[], &[])
        .expect(1)
        .says("✘ 3 Deploy the backend")
        .says("PEMS_API_URL is not set")
        .hides("NOT be taken back");
    same(&before, &site.state(), &seen);
}
