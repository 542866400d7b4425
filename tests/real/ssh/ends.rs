//! How a command ends that is called off, takes too long, or loses its connection.

use std::time::{Duration, Instant};

use super::*;
use crate::rig::{interrupt, wait_until};

/// A script that only notes the polite signal, with a background child that ignores it; both hold the outputs.
fn stubborn(folder: &std::path::Path) -> String {
    let f = folder.display();
    format!(
        "cd {f}; trap 'echo asked >asked' TERM; echo $$ >leader; (trap '' TERM; sleep 600) & echo $! >member; \
         echo ready >ready; while :; do wait; done"
    )
}

#[track_caller]
fn gone(folder: &std::path::Path) {
    for file in ["leader", "member"] {
        wait_until(&format!("the process in {file} has ended"), 5, || !runs(&folder.join(file)));
    }
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_its_children_and_others_are_not() {
    let access = need_ssh!();
    let _alone = ALONE.lock();
    let hosts = pair(access);
    let folder = access.scratch();
    let lines = format!(
        r#"
        let done = web.exec("if [ $RIG_HOST = host-{} ]; then {}; fi", #{{ within: "5s", max_failures: 1 }});
        check "sets", done.ok == ["{}"] && done.failed == ["{}"];
        check "why", done.hosts["{}"].error.contains("gave no answer within 5.0s; it was ended there");
        check "next", web.exec("true").ok.len() == 2;
        "#,
        hosts[0].port,
        stubborn(folder.path()),
        hosts[1].name(),
        hosts[0].name(),
        hosts[0].name()
    );
    exec(project(access, &[&hosts[0], &hosts[1]], ""), &lines).1.expect(0);
    gone(folder.path());
    assert!(folder.path().join("asked").exists(), "it was not asked first");
    let folder = access.scratch();
    let lines = format!("web.exec(\"{}\", #{{ within: \"5s\", undo: \"true\" }});", stubborn(folder.path()));
    exec(project(access, &[&hosts[0]], ""), &lines)
        .1
        .expect(4)
        .says("gave no answer within 5.0s")
        .says("give it longer with `#{ within: \"…\" }`");
    gone(folder.path());
}

#[test]
fn ctrl_c_ends_the_remote_group() {
    let access = need_ssh!();
    let _alone = ALONE.lock();
    let hosts = pair(access);
    let folder = access.scratch();
    let lines = format!("web.exec(\"{}\", #{{ within: \"10m\", undo: \"true\" }});", stubborn(folder.path()));
    let (rig, child) = begin(project(access, &[&hosts[0]], ""), &lines);
    wait_until("it has begun", 20, || folder.path().join("ready").exists());
    interrupt(&child);
    let begin = Instant::now();
    end(&rig, child).expect(130);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    gone(folder.path());
    assert!(folder.path().join("asked").exists(), "it was not asked first");
}

#[test]
fn the_timeout_of_the_whole_call_ends_the_remote_group_too() {
    let access = need_ssh!();
    let _alone = ALONE.lock();
    let hosts = pair(access);
    let folder = access.scratch();
    let lines = format!(
        "web.exec(\"{}\", #{{ within: \"10m\", timeout: \"8s\", undo: \"true\" }});",
        stubborn(folder.path())
    );
    let (_, seen) = exec(project(access, &[&hosts[0]], ""), &lines);
    seen.expect(4).says("gave no answer within 8.0s");
    gone(folder.path());
}

#[test]
fn a_connection_that_is_lost_is_never_taken_for_success() {
    let access = need_ssh!();
    let hosts = pair(access);
    // The session's own sshd is the parent of the command; it has to pass on first what the command said of itself.
    let (_, seen) = exec(
        project(access, &[&hosts[0]], ""),
        r#"web.exec("sleep 4; kill -s KILL $PPID; sleep 15"); check "never comes", true;"#,
    );
    seen.expect(6).says("the connection was lost").says("may still run there").hides("✔ never comes");
}

#[test]
fn a_host_that_hangs_is_given_up_and_a_session_that_was_closed_is_replaced() {
    let access = need_ssh!();
    let _alone = ALONE.lock();
    let host = Host::start(access);
    host.hang();
    let (_, seen) = exec(project(access, &[&host], "connect_timeout = \"500ms\""), "web.exec(\"true\");");
    seen.expect(4).says("did not answer within 500ms").says("raise `connect_timeout`").hides("in doubt");
    host.go_on();
    // The session's own sshd ends right after the first command.
    let lines = r#"
        web.exec("(sleep 2; kill -s KILL $PPID) >/dev/null 2>&1 </dev/null &");
        wait("8s");
        check "again", web.exec("echo hi").stdout == "hi";
    "#;
    exec(project(access, &[&host], ""), lines).1.expect(0);
}
