//! The good day, as a whole, in two halves with a crash between, and held to its plan.

use super::*;

/// What is true when all went well.
fn deployed(site: &Vanguard, before: &BTreeMap<&'static str, String>, seen: &Seen) {
    let after = site.state();
    assert!(after["health"].contains(NEW), "{}\n{seen}", after["health"]);
    assert_eq!(after["processes"].matches("online").count(), 2, "{}", after["processes"]);
    assert!(
        after["site"].contains(&format!("assets/app-{NEW}.js")) && !after["site"].contains(OLD),
        "{}",
        after["site"]
    );
    assert_eq!(
        after["tags"].matches(NEW).count(),
        3,
        "made, pushed, with what it points to: {}",
        after["tags"]
    );
    assert!(
        after["documents"].contains("Status: DEPLOYED") && after["documents"].contains("deployed; on call"),
        "{}",
        after["documents"]
    );
    assert!(after["database"].contains("CREATE TABLE public.pfa_sync_conflict"));
    assert_eq!(
        site.database.sql("SELECT count(*) FROM _prisma_migrations"),
        "2",
        "each migration is applied once"
    );
    assert!(before["database"] != after["database"] && before["live"] != after["live"]);
    let (backups, logs) = (site.backups.keys(), site.logs.keys());
    for (keys, name) in [
        (&backups, "backup_prod_"),
        (&backups, "backup_pre_migration_"),
        (&logs, "backend.log.zst"),
        (&logs, "record.jsonl.zst"),
    ] {
        assert!(keys.iter().any(|key| key.contains(name)), "{name} is not in {keys:?}");
    }
    let told =
        |path: &str| site.recorder.got().iter().filter(|got| got.path == path && got.method != "GET").count();
    // The recorder calls it operational all the time, so that its end is no change.
    assert_eq!(told("/v1/pages/pfavanguard/components/c1"), 1, "maintenance");
    assert_eq!(told("/v2/enqueue"), 2, "the test page, and its end");
    assert!(told("/team") >= 4, "{}", told("/team"));
    site.rig.keeps_no(TOKEN_ONLY_IN_SETTINGS);
}

/// The pager's key stands in no file of the project: it came in a variable.
const TOKEN_ONLY_IN_SETTINGS: &str = "hunter2hunter2";

#[test]
fn the_good_day_passes_from_the_sign_off_to_the_closure() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let seen = site
        .run(&[], &[])
        .expect(0)
        .says("✔ total deployment time (min): ")
        .says("(< 60)")
        .says("time is short in this environment");
    let seen = seen.says("✔ Deployment closure: approved by deployment-lead").hides("✘");
    deployed(&site, &before, &seen);
    site.rig.run(&["verify", "last"]).expect(0);
    let report = site.rig.run(&["report", "last", "--format", "md"]).expect(0).stdout;
    crate::playbooks::answered::every_line("## PFA Vanguard, line by line", &report);
}

#[test]
fn a_run_that_is_killed_in_the_middle_goes_on_where_it_was() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let mut killed = Crowd::begin(&site.rig, &Vanguard::deploy(&[]), &[]);
    killed.until("▸ 4 Deploy the sync worker");
    killed.kill();
    let seen = Crowd::begin(&site.rig, &["resume", "last"], &[]).end().expect(0).says("✔ Deployment closure");
    deployed(&site, &before, &seen);
    site.rig.run(&["verify", "last"]).expect(0);
}

#[test]
fn a_plan_reaches_the_end_and_the_run_that_is_held_to_it_says_how_right_it_was() {
    let Some(site) = Vanguard::start() else { return };
    let before = site.state();
    let mut plan = Vanguard::deploy(&["--save", "plan.json"]);
    plan[0] = "plan";
    let seen = site
        .rig
        .run(&plan)
        .expect(0)
        .says("◈ Go / No-Go: asks")
        .says("◈ Deployment closure: asks")
        .hides("the plan ends");
    let seen =
        seen.says("apply the pending migrations").says("30-minute checkpoint").hides("point of no return");
    same(&before, &site.state(), &seen);
    assert!(site.backups.keys().is_empty(), "a plan made a backup: {:?}", site.backups.keys());
    Crowd::begin(&site.rig, &["exec", "--plan", "plan.json"], &[]).end().expect(0).says("as planned");
}
