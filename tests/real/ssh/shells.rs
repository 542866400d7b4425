//! What a machine hands commands to: `sh` itself, another POSIX shell, or something else; they run alike in all of them,
//! the first of a session, which tells what it is, and those after it.

use super::*;

/// A host whose login is `shell`, which hands each command to `command`.
fn host(access: &Access, shell: &str, command: &str, more: &str) -> Host {
    let variables = format!("SetEnv SHELL={shell} {more}");
    Host::with(access, "host", &[&format!("ForceCommand {command}"), &variables])
}

/// What every host has to answer, to the first command of a session and to a later one. What is ended ends its session.
const ALIKE: &str = r#"
    for turn in 0..2 {
        if turn == 1 { web.exec("true"); }
        let told = web.exec("cat; echo $0 one >&2\necho \"two  $(pwd)\"; (exit 4)", #{ ok: [4], stdin: "fed " });
        check "text", told.code == 4 && told.stdout == "fed two  /tmp" && told.stderr == "sh one";
        check "list", web.exec(["echo", "it's", "$HOME", "a  b", "=x"]).stdout == "it's $HOME a  b =x";
        check "variables", web.exec("echo $A; echo $0", #{ environment: #{ A: "b  c", IFS: "x" } }).stdout == "b c\nsh";
        check "nothing to read", web.exec("cat; read line || echo end").stdout == "end";
        check "form", web.exec("echo one\nif", #{ ok: [2] }).stdout == "one";
        try { web.exec("kill -s SEGV $$"); } catch (error) { check "signal", error.details.signal == 11; }
        try { web.exec(["/no/such/program"]); } catch (error) { check "missing", error.details.exit_code == 127; }
        try { web.exec(":; sleep 60 & sleep 60", #{ within: "3s" }); } catch (error) { check "ended", error.why.contains("it was ended there"); }
    }
"#;

fn alike(access: &Access, host: &Host, more: &str) {
    exec(project(access, &[host], "folder = \"/tmp\""), &format!("{ALIKE}{more}")).1.expect(0);
}

#[test]
fn a_text_is_run_by_the_shell_that_hears_it_where_that_is_sh() {
    let access = need_ssh!();
    let host = &pair(access)[0];
    // The first command of a session has been handed on by another shell; no later one is.
    let own = r#"
        web.exec("true");
        let own = "tr '\\0' ' ' </proc/$$/cmdline; :";
        check "direct", web.exec(own).stdout.contains("playbook-group");
        check "apart", !web.exec(own, #{ environment: #{ A: "b" } }).stdout.contains("playbook-group");
    "#;
    alike(access, host, own);
}

#[test]
fn a_text_is_for_sh_also_where_the_login_is_another_posix_shell() {
    let access = need_ssh!();
    let folder = access.scratch();
    // What a login may have in its start files.
    let start = folder.path().join("start");
    std::fs::write(&start, "cd() { echo \"went to $1\"; builtin cd \"$@\"; }\necho welcome\n").unwrap();
    let host = host(
        access,
        "/bin/bash",
        "exec bash -c \"$SSH_ORIGINAL_COMMAND\"",
        &format!("BASH_ENV={}", start.display()),
    );
    let own = r#"
        web.exec("true");
        let told = web.exec("readlink /proc/$$/exe; readlink -f /bin/sh");
        let lines = told.stdout.split("\n");
        check "sh", lines[0] == lines[1];
    "#;
    alike(access, &host, own);
}

#[test]
fn a_shell_of_another_kind_only_has_to_start_a_posix_shell() {
    let access = need_ssh!();
    let folder = access.scratch();
    let other = folder.path().join("other");
    let refuse = "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in\n  'exec /bin/sh -c '*) eval \"$SSH_ORIGINAL_COMMAND\" ;;\n  \
                  *) echo 'I only know exec' >&2; exit 99 ;;\nesac\n";
    std::fs::write(&other, refuse).unwrap();
    let host = host(access, "/usr/bin/fish", &format!("exec sh {}", other.display()), "A=b");
    alike(access, &host, "");
}
