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
    use crate::rig::crash::{AFTER_COMMIT, BEFORE};
    let program = need_pm2!();
    let pm2 = fresh(program);
    let home = project(&pm2, "");
    start(&pm2, &home, "worker");
    let rig = || project(&pm2, &format!("folder = \"{}\"\n", home.folder().display()));
    let text = |line: &str| format!("//! T.\n//! uses = [\"pm2.app:destroy\"]\n{line}\n");
    let line = "pm2(\"app\").stop(\"worker\");";
    crate::rig::crash::survives(rig, "pm2.app:write", line, || statuses(&pm2, "worker"));
    // What is online may have been so before: the pids that there were tell whether it was started anew.
    let line = "check \"up\", pm2(\"app\").start(\"ecosystem.config.js\", #{ only: [\"api\"] }).len() == 2;";
    for moment in [BEFORE, AFTER_COMMIT] {
        let rig = rig().file("test.rhai", &text(line));
        rig.killed(moment);
        let made = pids(&pm2, "api");
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(statuses(&pm2, "api"), ["online", "online"]);
        assert!(moment == BEFORE || pids(&pm2, "api") == made, "it was started twice");
        rig.run(&["rollback", "last"]).expect(0);
        assert!(statuses(&pm2, "api").is_empty());
    }
    for verb in ["reload", "restart"] {
        let line = format!("check \"up\", pm2(\"app\").{verb}(\"worker\")[0].status == \"online\";");
        for moment in [BEFORE, AFTER_COMMIT] {
            let before = pids(&pm2, "worker");
            let rig = rig().file("test.rhai", &text(&line));
            rig.killed(moment);
            let made = pids(&pm2, "worker");
            assert_eq!(made == before, moment == BEFORE);
            rig.run(&["resume", "last"]).expect(0);
            let after = pids(&pm2, "worker");
            assert!(after != before && (moment == BEFORE || after == made), "{verb} at {moment}");
        }
    }
    let out = tempfile::tempdir().unwrap();
    let files = format!("[env.local.files.out]\npath = \"{}\"\naccess = \"destroy\"\n", out.path().display());
    let text_of_two = "//! T.\n//! uses = [\"pm2.app:read\", \"files.out:destroy\"]\n\
        check \"receipt\", pm2(\"app\").archive_to(files(\"out\"), \"worker.zst\", \"worker\").bytes > 0;\n";
    for moment in [BEFORE, AFTER_COMMIT] {
        let rig = Rig::new(&pm2.settings(&files)).file("test.rhai", text_of_two);
        rig.killed(moment);
        let there = || out.path().join("worker.zst").exists();
        assert_eq!(there(), moment == AFTER_COMMIT);
        rig.run(&["resume", "last"]).expect(0);
        assert!(there());
        std::fs::remove_file(out.path().join("worker.zst")).unwrap();
    }
    let line = "check \"one\", pm2(\"app\").delete(\"worker\") == 1;";
    let rig = rig().file("test.rhai", &text(line));
    rig.killed(AFTER_COMMIT);
    assert!(statuses(&pm2, "worker").is_empty());
    rig.run(&["resume", "last"]).expect(0);
}
