//! Each failure and each alert that the document names really comes about, and everything is taken back.

use super::*;
use crate::playbooks::vanguard::same;

/// Runs the playbook, which fails with these words; everything is then as it was.
#[track_caller]
fn fails(site: &Site, more: &[&str], says: &str) -> Seen {
    let before = site.state();
    let seen = site.run(more, &[]).expect(1).says(says).hides("NOT be taken back");
    same(&before, &site.settled(&before), &seen);
    seen
}

#[test]
fn a_build_that_fails_a_test_that_fails_and_an_image_that_is_unfit() {
    let Some(site) = Site::start(SMALL) else { return };
    let wrong = |line: &str| std::fs::write(site.rig.path("faults"), line).unwrap();
    for (line, more, says) in [
        ("compile", &[][..], "COMPILATION ERROR: Node.java:[7,1] class expected"),
        ("slow", &["--set", "compile_within=1s"], "✘ stage 1, compile (s): "),
        ("unit", &[], "✘ unit tests, pass rate (%): 92."),
        ("integration", &[], "✘ integration tests, pass rate (%): 88."),
        ("fat slim", &[], "✘ slim image (MB): 21"),
        ("root business", &[], "✘ business image: not as root"),
        ("vulnerable", &[], "CVE-2025-0001 CRITICAL"),
    ] {
        wrong(line);
        fails(&site, more, says).hides("▸ Stage 4");
    }
}

#[test]
fn a_rollout_on_staging_that_fails_and_a_test_from_end_to_end_that_fails() {
    let Some(site) = Site::start(SMALL) else { return };
    let wrong = |line: &str| project::fault(&site.rig, &site.staging, line);
    wrong(&format!("{NEW} crash"));
    fails(&site, &[], "cannot read the genesis block").says("✘ Stage 4: deploy to staging");
    wrong(&format!("{NEW} refuse"));
    fails(&site, &[], "a transaction: 500").says("✘ End-to-end tests").hides("▸ Rollback test");
}

/// A deployment of a release that is wrong in production from the beginning.
#[track_caller]
fn fails_in_production(line: &str, says: &str) {
    let Some(site) = Site::start(SMALL) else { return };
    site.fault(line);
    fails(&site, &[], says);
    told(&site);
}

/// The team hears of the rollback.
fn told(site: &Site) {
    assert!(site.recorder.got().iter().any(|got| got.body.contains("Production rollback triggered")));
}

#[test]
fn a_rollout_in_production_that_fails() {
    fails_in_production(&format!("{NEW} crash"), "cannot read the genesis block");
}

#[test]
fn a_health_endpoint_that_fails_three_times() {
    fails_in_production(&format!("{NEW} sick"), "✘ Post-deployment validation");
}

#[test]
fn a_smoke_test_that_fails() {
    fails_in_production(&format!("{NEW} refuse"), "a transaction: 500");
}

#[test]
fn a_throughput_below_85_percent_of_the_baseline() {
    fails_in_production(&format!("{NEW} tps 2000"), "✘ throughput against the baseline (%): ");
}

/// A deployment that goes well until the release is live; then it goes wrong.
fn taken_back(line: &str, says: &str) {
    taken_back_after("Post-deployment validation", line, says);
}

/// A deployment that goes well until a step is done; then it goes wrong.
fn taken_back_after(step: &str, line: &str, says: &str) {
    let Some(site) = Site::start(SMALL) else { return };
    let before = site.state();
    let mut run = site.begin(&[], &[]);
    run.until(&format!("✔ {step}"));
    site.fault(&format!("{NEW} {line}"));
    let seen = run.end().expect(1).says(says).hides("NOT be taken back");
    same(&before, &site.settled(&before), &seen);
    told(&site);
}

// Only the slim nodes, which no other condition looks at; and early, since a kubelet tells of it seconds later.
#[test]
fn pods_that_do_not_run_for_two_minutes() {
    let says = "the condition “pods that do not run” was broken for 2m";
    taken_back_after("Deploy to production", "crash slim", says);
}

#[test]
fn a_throughput_below_two_and_a_half_million_for_five_minutes() {
    taken_back("tps 500", "the condition “throughput (TPS)” was broken for 5m");
}

#[test]
fn a_p99_latency_above_100_ms_for_five_minutes() {
    taken_back("slow 200", "the condition “latency, P99 (ms)” was broken for 5m");
}

#[test]
fn an_error_rate_above_one_percent_for_five_minutes() {
    taken_back("fail 20", "the condition “error rate (%)” was broken for 5m");
}

#[test]
fn a_heap_above_90_percent() {
    taken_back("heap 95", "✘ heap used (%): 95 (wanted <= 90)");
}

#[test]
fn a_consensus_round_of_more_than_30_seconds() {
    taken_back("stuck 45", "✘ time in one consensus round (s): 45 (wanted <= 30)");
}
