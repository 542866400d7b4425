//! `exec`, `read`, `destroy`, `ping`, `facts`: what a command is given and what comes back.

use super::*;

#[test]
fn a_value_has_the_sets_and_what_each_host_said() {
    let access = need_ssh!();
    let hosts = pair(access);
    let (a, b) = (hosts[0].name(), hosts[1].name());
    let lines = format!(
        r#"
        let done = web.exec(["sh", "-c", "cat; echo $RIG_HOST; echo oops >&2; exit 3"], #{{ stdin: "one\ntwo\n", ok: [3] }});
        check "all", done.ok == ["{a}", "{b}"] && done.failed.is_empty() && done.unreachable.is_empty();
        check "code", done.hosts["{a}"].code == 3;
        check "stdout", done.hosts["{a}"].stdout == "one\ntwo\nhost-{}" && done.hosts["{b}"].stdout == "one\ntwo\nhost-{}";
        check "stderr", done.hosts["{b}"].stderr == "oops";
        check "time", done.hosts["{b}"].took_ms < 60000;
        let one = web.exec("echo $((6*7)); pwd", #{{ hosts: ["{a}"] }});
        check "one host", one.stdout == "42\n/home/playbook-rig" && one.code == 0 && one.ok == ["{a}"];
        check "quoting", web.read(["echo", "it's $HOME `x` \\ \"q\" *"]).hosts["{b}"].stdout == "it's $HOME `x` \\ \"q\" *";
        check "nobody", web.exec("true", #{{ hosts: [] }}).ok.is_empty();
        "#,
        hosts[0].port, hosts[1].port
    );
    let (_, seen) = exec(project(access, &[&hosts[0], &hosts[1]], ""), &lines);
    let seen = seen.expect(0);
    // Live lines bear their host.
    seen.says(&format!("ssh.web {a} │ oops")).says(&format!("ssh.web {b} │ oops"));
}

#[test]
fn variables_of_the_settings_and_of_the_call_arrive_and_secrets_are_masked() {
    let access = need_ssh!();
    let hosts = pair(access);
    let more =
        "env = { TOKEN = \"env:THE_TOKEN\", MODE = \"settings\", LINES = \"a\\nb\" }\nfolder = \"/tmp\"";
    let rig = project(access, &[&hosts[0]], more).variable("THE_TOKEN", "very-secret'value");
    let lines = r#"
        let said = web.exec("cat; echo \"$MODE|$EXTRA|$LINES|$(pwd)\"; test \"$TOKEN\" = \"very-\"\"secret'value\" && echo same; echo $TOKEN; ps -ef | grep -c 'very-secre[t]'; true",
            #{ environment: #{ MODE: "call", EXTRA: "x y" }, stdin: "fed\n" }).stdout;
        check "said", said == "fed\ncall|x y|a\nb|/tmp\nsame\n[secret]\n0";
    "#;
    exec(rig, lines).1.expect(0).hides("very-secret");
}

#[test]
fn a_command_that_fails_is_an_error_with_its_last_words() {
    let access = need_ssh!();
    let hosts = pair(access);
    let (a, b) = (hosts[0].name(), hosts[1].name());
    let rig = project(access, &[&hosts[0]], "");
    let (_, seen) =
        exec(rig, r#"web.exec(["sh", "-c", "echo the disk is full >&2; exit 7"], #{ undo: "true" });"#);
    seen.expect(1)
        .says(&format!("failed on {a} of `ssh.web`"))
        .says("ended with exit code 7")
        .says("the disk is full");
    let rig = project(access, &[&hosts[0], &hosts[1]], "");
    let lines = format!(
        r#"
        try {{ web.exec("test $RIG_HOST = host-{} || exit 9"); }}
        catch (error) {{
            check "kind", error.kind == "remote";
            check "sets", error.details.ok == ["{a}"] && error.details.failed == ["{b}"];
            check "code", error.details.exit_code == 9 && error.details.hosts["{b}"].code == 9;
        }}
        try {{ web.exec("kill -s SEGV $$", #{{ hosts: ["{a}"] }}); }}
        catch (error) {{ check "signal", error.details.signal == 11; }}
        try {{ web.exec(["/no/such/program"], #{{ hosts: ["{a}"] }}); }}
        catch (error) {{ check "missing", error.details.exit_code == 127; }}
        "#,
        hosts[0].port
    );
    exec(rig, &lines).1.expect(0);
}

#[test]
fn only_the_lists_allow_a_command() {
    let access = need_ssh!();
    let hosts = pair(access);
    let settings = ssh::settings(
        access,
        &[&hosts[0]],
        "read = [[\"uname\", \"-s\"]]\nwrite = [[\"systemctl\", \"restart\", \"*\"]]",
    );
    let rig = |settings: &str| {
        Rig::new(settings).file("known_hosts", &ssh::known_hosts(access, &[&hosts[0]], "host"))
    };
    for (line, says) in [
        (r#"web.exec(<"uptime">);"#, r#"its list `write` allows ["systemctl", "restart", "*"]"#),
        (r#"web.read(<["systemctl", "restart", "api"]>);"#, "call `exec` instead"),
        (
            r#"web.destroy(<["rm", "x"]>, #{ on_doubt: "fail" });"#,
            r#"add the line `destroy = [["rm", "x"]]`"#,
        ),
        (r#"web.exec(["uname", "-s"], #{ undo: <"reboot"> });"#, r#"["sh", "-c", "reboot"]"#),
    ] {
        // Where the command stands in the script, `check` finds it; where it is made as the script runs, the call is refused.
        for (begin, end) in [("", ""), ("own.call(", ")")] {
            let line = line.replace('<', begin).replace('>', end);
            let (rig, seen) = exec(rig(&settings), &format!("let own = |command| command;\n{line}"));
            seen.expect(3).says(says).says("may not be run with");
            rig.run(&["check", "test.rhai"]).expect(if begin.is_empty() { 3 } else { 0 });
        }
    }
    exec(rig(&settings), r#"check "linux", web.read(["uname", "-s"]).stdout == "Linux";"#).1.expect(0);
    let closed = settings.replace("access = \"destroy\"", "access = \"read\"");
    exec(rig(&closed), r#"web.exec(["systemctl", "restart", "api"]);"#).1.expect(3).says("ssh.web");
}

#[test]
fn a_plan_reads_and_changes_nothing() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let lines = format!(
        r#"
        let os = web.read(["uname", "-s"]).stdout;
        if os == "Linux" {{
            web.exec("touch {0}/made");
            web.upload("app.txt", "{0}/app.txt");
            web.destroy(["rm", "-rf", "{0}"], #{{ on_doubt: "fail" }});
        }}
        "#,
        folder.path().display()
    );
    let rig = project(access, &[&hosts[0]], "").file("app.txt", "hello").file("test.rhai", &script(&lines));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("touch")
        .says("on ssh.web")
        .says("upload app.txt to")
        .says("destroy with `rm -rf");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_undo_takes_a_command_back_on_the_same_hosts() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let path = folder.path().join("mark").display().to_string();
    let lines = format!(
        r#"
        web.exec("echo $RIG_HOST >>{path}", #{{ undo: "echo back >>{path}", hosts: ["{}"] }});
        fail("no");
        "#,
        hosts[1].name()
    );
    exec(project(access, &[&hosts[0], &hosts[1]], ""), &lines).1.expect(1);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, format!("host-{}\nback\n", hosts[1].port));
    let (_, seen) = exec(project(access, &[&hosts[0]], ""), "web.exec(\"true\"); fail(\"no\");");
    seen.expect(6).says("what a command has done is not known");
}

#[test]
fn ping_and_facts_tell_who_is_there() {
    let access = need_ssh!();
    let hosts = pair(access);
    let mut gone = Host::start(access);
    gone.kill();
    let (a, c) = (hosts[0].name(), gone.name());
    let lines = format!(
        r#"
        let seen = web.ping();
        check "sets", seen.ok == ["{a}"] && seen.unreachable == ["{c}"];
        check "server", seen.hosts["{a}"].server.starts_with("SSH-2.0-OpenSSH") && seen.hosts["{a}"].took_ms >= 0;
        check "why", seen.hosts["{c}"].error.contains("refused");
        let facts = web.facts(#{{ hosts: ["{a}"] }});
        check "facts", facts.kernel.starts_with("Linux") && facts.cpus > 0 && facts.memory_kib > 1000 && facts.user == "playbook-rig";
        check "disk", facts.disk_kib >= facts.disk_free_kib;
        web.ping(#{{ must: true }});
        "#
    );
    project(access, &[&hosts[0], &hosts[1]], "").well("ssh.web", "OpenSSH_");
    let (rig, seen) = exec(project(access, &[&hosts[0], &gone], ""), &lines);
    let found = rig.look("ssh.web");
    assert!(found["state"] == "unreachable" && found["troubles"][0]["fix"].is_string(), "{found}");
    // One that answers and lets nobody in was reached.
    let stranger =
        ssh::settings(access, &[&hosts[0]], LISTS).replace("user = \"playbook-rig\"", "user = \"stranger\"");
    let rig = Rig::new(&stranger).file("known_hosts", &ssh::known_hosts(access, &[&hosts[0]], "host"));
    let found = rig.look("ssh.web");
    assert!(found["state"] == "not_permitted" && found.to_string().contains("authorized_keys"), "{found}");
    rig.run(&["doctor"]).expect(1).says("not permitted").says("does not let the user `stranger` in");
    seen.expect(1).says("✔ facts").says("✔ disk").says(&format!("{c} cannot be reached"));
}

#[test]
fn all_commands_of_a_run_share_one_session() {
    let access = need_ssh!();
    let host = Host::start(access);
    let lines = r#"for turn in 0..8 { web.exec("true"); } web.facts(); web.upload("a.txt", "/tmp/playbook-rig-a.txt");"#;
    exec(project(access, &[&host], "").file("a.txt", "a"), lines).1.expect(0);
    let logins = host.log().matches("Accepted publickey").count();
    assert_eq!(logins, 1, "{}", host.log());
    let _ = std::fs::remove_file("/tmp/playbook-rig-a.txt");
}

#[test]
fn a_large_output_is_bounded_and_its_end_is_kept() {
    let access = need_ssh!();
    let hosts = pair(access);
    let lines = r#"
        let said = web.exec("i=0; while [ $i -lt 60000 ]; do echo \"line $i of a long output that goes on\"; i=$((i+1)); done").stdout;
        check "end", said.ends_with("line 59999 of a long output that goes on");
        check "short", said.len() < 100000 && said.starts_with("[");
    "#;
    exec(project(access, &[&hosts[0]], ""), lines).1.expect(0);
}
