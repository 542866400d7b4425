//! The good day, held to its plan; a crash in the middle; people who say no, or nothing.

use super::*;
use crate::playbooks::answered;
use crate::playbooks::vanguard::same;

#[test]
fn the_good_day_passes_as_planned_and_its_report_answers_every_line() {
    let Some(site) = Site::start(WHOLE) else { return };
    let before = site.state();
    let given = site.given();
    let plan = site.rig.run(&site.arguments("plan", &given, &["--save", "plan.json"])).expect(0);
    let plan = plan.says("◈ Objectives and design").hides("the plan ends");
    same(&before, &site.state(), &plan);
    let seen = Crowd::begin(&site.rig, &["exec", "--plan", "plan.json"], &[]).end().expect(0).hides("✘");
    let seen = seen.says("as planned").says("✔ Final checkpoint: approved by");
    let after = site.state();
    for name in ["staging", "production"] {
        assert!(after[name] != before[name] && !after[name].contains(OLD), "{}", after[name]);
        assert!(after[&*format!("answers of {name}")].contains(NEW), "{after:?}\n{seen}");
    }
    let images = &after["images"];
    assert_eq!(images.matches(NEW).count(), 3, "{images}");
    let digest = |tag: &str| images.lines().find_map(|line| line.strip_prefix(&format!("{tag} "))).unwrap();
    assert!(digest(NEW) == digest("latest") && digest(NEW) != digest(OLD), "{images}");
    // The state of the validators outlives their pods.
    let history = site.rig.path("volumes").join(format!("{}-3/history", site.production.name));
    let history = std::fs::read_to_string(history).unwrap();
    assert!(history.starts_with(OLD) && history.trim_end().ends_with(NEW), "{history}");
    let report = site.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout;
    answered::every_line("## Workstream 7, line by line", &report);
}

#[test]
fn a_run_that_is_killed_in_the_middle_goes_on_where_it_was() {
    let Some(site) = Site::start(SMALL) else { return };
    let mut killed = site.begin(&[], &[]);
    killed.until("▸ Deploy to production");
    killed.kill();
    let seen = Crowd::begin(&site.rig, &["resume", "last"], &[]).end().expect(0).says("✔ Final checkpoint");
    let after = site.state();
    assert!(after["answers of production"].contains(NEW), "{seen}");
    assert_eq!(after["images"].matches(NEW).count(), 3, "{}", after["images"]);
    site.rig.run(&["verify", "last"]).expect(0);
}

#[test]
fn no_approval_and_no_answer_end_it_before_production() {
    let Some(site) = Site::start(SMALL) else { return };
    let before = site.state();
    for (way, more, code) in [(Do::Decline, &[][..], 1), (Do::Nothing, &["--set", "decide_within=5s"][..], 4)]
    {
        let seen = site.run(more, &[("Approval for production", way)]).expect(code);
        let seen = seen.hides("▸ Deploy to production").hides("NOT be taken back");
        same(&before, &site.settled(&before), &seen);
    }
}
