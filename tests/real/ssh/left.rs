//! What a run leaves on a host that dies in the middle, and what never began there.

use std::path::Path;

use super::*;
use crate::rig::wait_until;

/// A command that tells its number, and would do something late.
fn slow(folder: &Path) -> String {
    let f = folder.display();
    format!("cd {f}; [ ! -e go ] || exit 0; echo $$ >leader; echo ready >ready; sleep 600; touch {f}/late")
}

/// Executes `lines` until the command has begun, and kills the run.
fn killed(rig: Rig, folder: &Path, lines: &str) -> Rig {
    let (rig, mut child) = begin(rig, lines);
    wait_until("it has begun", 20, || folder.join("ready").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(runs(&folder.join("leader")), "it ended with the run, so that nothing is tested");
    rig
}

#[test]
fn what_a_killed_run_left_is_ended_before_it_is_taken_back() {
    let access = need_ssh!();
    let hosts = pair(access);
    for list in [true, false] {
        let folder = access.scratch();
        let text = slow(folder.path());
        let command = if list { format!("[\"sh\", \"-c\", \"{text}\"]") } else { format!("\"{text}\"") };
        // A process of the same command that is none of the run's, and one that a call before left on purpose.
        let lines = format!(
            "web.exec(\"cd {0}; (sleep 601 & echo $! >daemon) >/dev/null 2>&1 </dev/null\", #{{ undo: \"true\", hosts: [\"{1}\"] }});\n\
             web.exec({command}, #{{ within: \"10m\", hosts: [\"{1}\"], undo: \"rm -f {0}/late\" }});",
            folder.path().display(),
            hosts[0].name()
        );
        let rig = killed(project(access, &[&hosts[0], &hosts[1]], ""), folder.path(), &lines);
        rig.run(&["rollback", "last"]).expect(0).says("ended process group").hides("NOT");
        assert!(!runs(&folder.path().join("leader")), "it still runs");
        let daemon = folder.path().join("daemon");
        assert!(runs(&daemon), "what was left on purpose was ended");
        let pid = std::fs::read_to_string(daemon).unwrap();
        std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
    }
}

#[test]
fn what_a_killed_run_left_does_not_run_beside_what_is_done_again() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let lines = format!(
        "web.exec(\"{}\", #{{ within: \"10m\", undo: \"true\", on_doubt: \"retry\" }});",
        slow(folder.path())
    );
    let rig = killed(project(access, &[&hosts[0]], ""), folder.path(), &lines);
    std::fs::write(folder.path().join("go"), "").unwrap();
    rig.run(&["resume", "last"]).expect(0);
    assert!(!runs(&folder.path().join("leader")), "it still runs");
}

#[test]
fn what_a_lost_session_left_is_ended_before_it_is_taken_back() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let text =
        format!("cd {}; echo $$ >leader; sleep 4; kill -s KILL $PPID; sleep 600", folder.path().display());
    let lines = format!("web.exec(\"{text}\", #{{ undo: \"true\" }});");
    let (_, seen) = exec(project(access, &[&hosts[0]], ""), &lines);
    seen.expect(1).says("may still run there").says("ended process group").hides("NOT");
    assert!(!runs(&folder.path().join("leader")), "it still runs");
}

#[test]
fn where_no_shell_runs_commands_nothing_was_changed() {
    let access = need_ssh!();
    let host = Host::with(access, "host", &["ForceCommand echo this account is not available; exit 1"]);
    let (rig, seen) = exec(project(access, &[&host], ""), "web.exec(\"true\");");
    seen.expect(1)
        .says("its login shell did not run the command: this account is not available")
        .says("give the user a login shell")
        .hides("still there");
    rig.run(&["doctor", "ssh.web"]).expect(1).says("its login shell did not run the command");
}

#[test]
fn where_it_was_done_is_said_when_another_host_is_down() {
    let access = need_ssh!();
    let hosts = pair(access);
    let mut down = Host::start(access);
    let rig = project(access, &[&hosts[0], &down], "");
    down.kill();
    let (_, seen) = exec(rig, "web.exec(\"true\");");
    seen.expect(6).says(&format!("it was done on {}", hosts[0].name()));
}
