//! The good day, as a whole, in two halves with a crash between, held to its plan; and the days without a decision.

use super::*;
use crate::playbooks::answered;
use crate::playbooks::vanguard::same;

#[test]
fn the_good_day_ends_with_a_go_and_its_report_answers_every_line() {
    let Some(site) = Workstream::start() else { return };
    let before = site.state();
    let seen = site.run(&[], &[]).expect(0).hides("is blocked").says("✔ 5:00 PM Standup");
    let after = site.state();
    assert!(
        before["records"].contains("<TTL>300</TTL>") && after["records"].contains("<TTL>60</TTL>"),
        "{seen}"
    );
    assert!(after["database"].contains("transactions_settled"));
    assert_eq!(site.database.sql("SELECT count(*) FROM transactions WHERE memo <> 'history'"), "50");
    assert!(!site.told().contains("NO-GO"), "{}", site.told());
    let keys = site.servers.backups.keys();
    assert!(keys.iter().any(|key| key.starts_with("records/")), "{keys:?}");
    site.rig.run(&["verify", "last"]).expect(0);
    let report = site.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout;
    answered::every_line("## Workstream 1, line by line", &report);
}

#[test]
fn a_run_that_is_killed_in_the_middle_goes_on_where_it_was() {
    let Some(site) = Workstream::start() else { return };
    let mut killed = Crowd::begin(&site.rig, &["exec", "deploy.rhai"], &[]);
    killed.until("✔ transactions submitted");
    killed.kill();
    Crowd::begin(&site.rig, &["resume", "last"], &[]).end().expect(0).says("✔ 5:00 PM Standup");
    let sent = site.database.sql("SELECT count(*) FROM transactions WHERE memo <> 'history'");
    // What was not known to be done is done again: the samples may come twice.
    assert!(sent == "50" || sent == "100", "{sent}");
    site.rig.run(&["verify", "last"]).expect(0);
}

#[test]
fn a_plan_reaches_the_end_and_the_run_that_is_held_to_it_says_how_right_it_was() {
    let Some(site) = Workstream::start() else { return };
    let before = site.state();
    let seen = site.rig.run(&["plan", "deploy.rhai", "--save", "plan.json"]).expect(0);
    let seen = seen
        .says("apply the pending migrations")
        .says("◈ GO for ")
        .says("5:00 PM Standup")
        .hides("the plan ends");
    same(&before, &site.state(), &seen);
    assert!(site.servers.backups.keys().is_empty() && site.told().is_empty(), "a plan did something");
    let seen = Crowd::begin(&site.rig, &["exec", "--plan", "plan.json"], &[])
        .end()
        .expect(0)
        .says("15 of 15 changes as planned");
    let report = site.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout;
    let against = report.split("## Against its plan").nth(1).unwrap_or_else(|| panic!("{seen}\n{report}"));
    println!("the plan of the afternoon: {}", against.split("\n## ").next().unwrap());
}

#[test]
fn what_blocks_is_mended_and_verified_again() {
    let Some(site) = Workstream::start() else { return };
    site.fault("* pool 20");
    let mut run = Crowd::begin(&site.rig, &["exec", "deploy.rhai"], &[("The cause is known", Do::Nothing)]);
    run.until("▸ The cause is known: 2 Database connectivity");
    site.fault("");
    site.servers.prometheus.wait_for("max(pool_max_size)%3E49");
    let mut command = site.rig.command(&["approve", "last", "The cause is known: 2 Database connectivity"]);
    assert!(command.env("PLAYBOOK_PERSON", "backend@desk").status().unwrap().success());
    let seen = run.end().expect(0).says("✘ pool size: 20 (wanted == 50)").says("✔ pool size: 50 (== 50)");
    seen.says("✔ verified again, 2 Database connectivity (min)").says("✔ 5:00 PM Standup");
}

/// Without a GO all is taken back, and those who are to know it are told.
fn no_go(more: &[&str], way: Do, code: i32, says: &str) {
    let Some(site) = Workstream::start() else { return };
    let before = site.state();
    let seen = site
        .run(more, &[("GO for", way)])
        .expect(code)
        .says(says)
        .hides("NOT be taken back")
        .hides("Standup");
    assert!(site.told().contains("is delayed to Oct 25"), "{}", site.told());
    let mails = smtp::shared().unwrap().mails("is delayed to Oct 25");
    assert!(
        !mails.is_empty() && mails.iter().all(|mail| mail.contains("executives@example.com")),
        "{mails:?}"
    );
    same(&before, &site.state(), &seen);
}

#[test]
fn a_no_go_delays_the_deployment() {
    no_go(&[], Do::Decline, 1, "declined by backend");
}

#[test]
fn five_o_clock_without_a_decision_delays_the_deployment() {
    no_go(&["--set", "decide_by=12s"], Do::Nothing, 4, "was not decided within");
}
