//! What does not stay up, is not there, may not be done, or takes too long.

use super::*;

#[test]
fn a_process_that_keeps_crashing_is_a_failure_with_its_log_and_is_taken_back() {
    let pm2 = fresh(need_pm2!());
    let (rig, seen) = exec(project(&pm2, ""), r#"app.start("ecosystem.config.js", #{ only: ["crash"] });"#);
    seen.expect(1).says("`crash` (id 0)").says("Error: cannot find the database").says("crash-error");
    assert!(pm2.processes("crash").is_empty());
    // One that comes online and ends a moment later, which pm2 calls a success.
    let (_, seen) = exec(rig, r#"app.start("ecosystem.config.js", #{ only: ["later"] });"#);
    seen.expect(1).says("Error: lost the queue");
    assert!(pm2.processes("later").is_empty());
}

#[test]
fn a_reload_onto_a_broken_release_is_a_failure_with_its_log() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    start(&pm2, &rig, "worker");
    let good = std::fs::read_to_string(rig.path("server.js")).unwrap();
    let rig = rig.file("server.js", "console.error('SyntaxError: of the new release'); process.exit(1);\n");
    let (rig, seen) = exec(rig, "app.restart(\"worker\"); check \"never comes\", true;");
    seen.says("SyntaxError: of the new release").hides("✔ never comes");
    let rig = rig.file("server.js", &good);
    exec(rig, "app.restart(\"worker\");").1.expect(0);
    assert_eq!(statuses(&pm2, "worker"), ["online"]);
}

#[test]
fn what_pm2_does_not_know_is_said_with_the_near_names() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    start(&pm2, &rig, "worker");
    let (rig, seen) = exec(rig, "app.reload(\"workr\");");
    seen.expect(1).says("has no process `workr`").says("worker");
    let (rig, seen) = exec(rig, r#"app.start("ecosystem.config.js", #{ only: ["nobody"] });"#);
    seen.expect(1).says("did not start `nobody`").says("the ecosystem file has it");
    let (rig, seen) = exec(rig, r#"app.start("no-such.config.js", #{ only: ["api"] });"#);
    seen.expect(1).says("did not start no-such.config.js --only api").says("no-such.config.js");
    let (_, seen) = exec(rig, r#"app.start("worker", #{ env: "production" });"#);
    seen.expect(1).says("`env` is for an ecosystem file");
}

#[test]
fn a_missing_program_a_denial_and_a_hang_are_told() {
    let pm2 = fresh(need_pm2!());
    let settings = pm2.settings("");
    let gone = settings.replace("/.bin/pm2", "/.bin/pm3");
    exec(Rig::new(&gone), "app.list();").1.expect(1).says("there is no program").says("pm3");
    let closed = settings.replace("access = \"destroy\"", "access = \"read\"");
    exec(Rig::new(&closed), "app.stop(\"x\");").1.expect(3).says("pm2.app");
    let rig = Rig::new("").file("hang", "#!/bin/sh\nsleep 600\n").file("quiet", "#!/bin/sh\necho hello\n");
    let hang = |name: &str| {
        format!(
            "[env.local.pm2.app]\nprogram = \"{name}\"\nhome = \"home\"\nwithin = \"1s\"\naccess = \"destroy\"\n"
        )
    };
    let rig = rig.file("home/pm2.pid", &pm2::seeming_daemon().to_string());
    for name in ["hang", "quiet"] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(rig.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (rig, seen) = exec(rig.file("playbook.toml", &hang("./quiet")), "app.list();");
    seen.expect(1).says("gives no list of its processes").says("hello");
    let (_, seen) = exec(rig.file("playbook.toml", &hang("./hang")), "app.list(#{ timeout: \"1s\" });");
    seen.expect(4).says("gave no answer within 1.0s");
}
