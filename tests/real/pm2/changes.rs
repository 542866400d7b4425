//! Starting, stopping, reloading, deleting, and how each is taken back.

use super::*;

#[test]
fn an_application_is_started_and_forgotten_when_that_is_taken_back() {
    let pm2 = fresh(need_pm2!());
    let start = r#"let up = app.start("ecosystem.config.js", #{ only: ["api"], env: "production" });
                   check "two", up.len() == 2 && up[0].status == "online" && up[0].mode == "cluster";"#;
    let (rig, seen) = exec(project(&pm2, ""), start);
    seen.expect(0);
    assert_eq!(statuses(&pm2, "api"), ["online", "online"]);
    // The set of variables was that of production.
    let (rig, seen) = exec(rig, r#"check "mode", app.logs("api")[0].out.contains("listening production");"#);
    seen.expect(0);
    let (rig, seen) = exec(rig, r#"app.start("ecosystem.config.js", #{ only: ["worker"] }); fail("no");"#);
    seen.expect(1);
    assert!(pm2.processes("worker").is_empty());
    // What ran before runs after, although starting it again gave it new pids.
    let (_, seen) = exec(rig, r#"app.start("ecosystem.config.js", #{ only: ["api"] }); fail("no");"#);
    seen.expect(1);
    assert_eq!(statuses(&pm2, "api"), ["online", "online"]);
}

#[test]
fn stop_reload_and_restart_are_taken_back_to_what_was() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    start(&pm2, &rig, "api");
    start(&pm2, &rig, "worker");
    let before = pids(&pm2, "api");
    let lines = r#"
        let old = app.describe("api").processes.map(|p| p.pid);
        let fresh = app.reload("api").map(|p| p.pid);
        check "new pids", fresh.len() == 2 && !fresh.contains(old[0]) && !fresh.contains(old[1]);
        check "stopped", app.stop("worker")[0].status == "stopped";
        check "again", app.stop("worker")[0].status == "stopped";
        check "restarted", app.restart("worker")[0].status == "online";
    "#;
    let (rig, seen) = exec(rig, lines);
    seen.expect(0);
    assert!(pids(&pm2, "api").iter().all(|pid| !before.contains(pid)));
    // Stopping is taken back by running it again.
    let (rig, seen) = exec(rig, "app.stop(\"api\"); fail(\"no\");");
    seen.expect(1).says("make api what it was");
    assert_eq!(statuses(&pm2, "api"), ["online", "online"]);
    // What was stopped before a restart is stopped again; a reload of what ran leaves it running.
    pm2.run(&["stop", "worker"], rig.folder());
    let (_, seen) = exec(rig, "app.restart(\"worker\"); app.reload(\"api\"); fail(\"no\");");
    seen.expect(1);
    assert_eq!(statuses(&pm2, "worker"), ["stopped"]);
    assert_eq!(statuses(&pm2, "api"), ["online", "online"]);
}

#[test]
fn delete_forgets_and_says_that_nothing_takes_it_back() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    start(&pm2, &rig, "worker");
    let (_, seen) = exec(rig, "check \"one\", app.delete(\"worker\") == 1; fail(\"no\");");
    seen.expect(6).says("pm2 forgets how it was started");
    assert!(pm2.processes("worker").is_empty());
}

#[test]
fn a_plan_changes_nothing() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    start(&pm2, &rig, "worker");
    let before = pids(&pm2, "worker");
    let lines = r#"
        check "online", app.describe("worker").online;
        app.stop("worker"); app.reload("worker"); app.restart("worker"); app.delete("worker");
        app.start("ecosystem.config.js", #{ only: ["api"] });
    "#;
    let rig = rig.file("test.rhai", &script(lines));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("stop worker of pm2.app")
        .says("reload worker")
        .says("start ecosystem.config.js of pm2.app, only api");
    assert_eq!(pids(&pm2, "worker"), before);
    assert!(pm2.processes("api").is_empty());
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let program = need_pm2!();
    let pm2 = fresh(program);
    let home = project(&pm2, "");
    start(&pm2, &home, "worker");
    let rig = || project(&pm2, &format!("folder = \"{}\"\n", home.folder().display()));
    let line = "pm2(\"app\").stop(\"worker\");";
    crate::rig::crash::survives(rig, "pm2.app:write", line, || statuses(&pm2, "worker"));
    // What is online may have been so before, so that only a person can tell.
    let line = "pm2(\"app\").start(\"ecosystem.config.js\", #{ only: [\"api\"] });";
    let text = format!("//! T.\n//! uses = [\"pm2.app:write\"]\n{line}\n");
    for (moment, code) in [(crate::rig::crash::BEFORE, 0), (crate::rig::crash::AFTER, 5)] {
        let rig = rig().file("test.rhai", &text);
        rig.killed(moment);
        let seen = rig.run(&["resume", "last"]).expect(code);
        assert_eq!(statuses(&pm2, "api"), ["online", "online"], "{seen}");
        if code == 5 {
            rig.run(&["resume", "last", "--on-doubt", "skip"]).expect(0);
        }
        rig.run(&["rollback", "last"]).expect(0);
        assert!(statuses(&pm2, "api").is_empty());
    }
}
