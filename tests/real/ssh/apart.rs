//! Commands of one session are kept apart: what one has left behind never speaks in the name of the next, and a code that
//! looks like a signal is none. A shell that ran several of them could promise neither.

use super::*;

#[test]
fn what_left_the_group_and_holds_the_output_speaks_in_the_name_of_its_own_command() {
    let access = need_ssh!();
    let host = &pair(access)[0];
    let folder = access.scratch();
    // It is in no group of the command's, and says nothing before the command has ended.
    let lines = format!(
        r#"
        web.exec("true");
        let left = "setsid sh -c 'echo $$ >left; while kill -0 $1; do :; done 2>/dev/null; sleep 0.3; echo late; echo late >&2' left $$ &";
        let first = web.exec("cd {}; " + left + " until [ -s left ]; do :; done; echo first");
        let second = web.exec("sleep 0.5; echo second; echo second >&2");
        check "its own", first.stdout == "first\nlate" && first.stderr == "late";
        check "the next", second.stdout == "second" && second.stderr == "second";
        "#,
        folder.path().display()
    );
    exec(project(access, &[host], ""), &lines).1.expect(0);
}

#[test]
fn a_code_that_looks_like_a_signal_is_a_code_and_no_shell_speaks_of_a_signal() {
    let access = need_ssh!();
    let host = &pair(access)[0];
    let lines = r#"
        for turn in 0..2 {
            for command in ["exit 139", "exit 143"] {
                check "code", web.exec(command, #{ ok: [139, 143] }).failed.is_empty();
            }
            let signal = ();
            try { web.exec("kill -s SEGV $$", #{ ok: [0, 139] }); } catch (error) { signal = error.details; }
            check "signal", signal.signal == 11 && !signal.contains("exit_code");
            check "quiet", signal.hosts.values()[0].stderr == "";
        }
    "#;
    exec(project(access, &[host], ""), lines).1.expect(0);
}
