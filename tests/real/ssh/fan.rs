//! Many hosts: batches, how many at once, how many may fail, and only the failed ones again.

use super::*;

#[test]
fn batches_stop_after_too_many_failures_and_the_rest_is_skipped() {
    let access = need_ssh!();
    let hosts: Vec<Host> = (0..5).map(|_| Host::start(access)).collect();
    let all: Vec<&Host> = hosts.iter().collect();
    let folder = access.scratch();
    let mark = folder.path().display();
    // The second host fails, so the batch of the third and fourth is not begun.
    let lines = format!(
        r#"
        let again = [];
        try {{ web.exec("touch {mark}/$RIG_HOST; test $RIG_HOST != host-{}", #{{ serial: 2 }}); }}
        catch (error) {{
            check "sets", error.details.ok.len() == 1 && error.details.failed == ["{}"] && error.details.skipped.len() == 3;
            again = error.details.failed + error.details.skipped;
        }}
        check "tolerated", web.exec("test $RIG_HOST != host-{}", #{{ serial: 2, max_failures: 1 }}).failed == ["{}"];
        let rest = web.exec("touch {mark}/again-$RIG_HOST", #{{ hosts: again }});
        check "only those", rest.ok == again;
        "#,
        hosts[1].port,
        hosts[1].name(),
        hosts[1].port,
        hosts[1].name()
    );
    exec(project(access, &all, ""), &lines).1.expect(0);
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let host = |at: usize| format!("host-{}", hosts[at].port);
    let mut wanted = vec![host(0), host(1)];
    wanted.extend((1..5).map(|at| format!("again-{}", host(at))));
    wanted.sort();
    assert_eq!(names, wanted);
}

#[test]
fn no_more_than_the_limit_at_once() {
    let access = need_ssh!();
    let hosts: Vec<Host> = (0..4).map(|_| Host::start(access)).collect();
    let all: Vec<&Host> = hosts.iter().collect();
    let folder = access.scratch();
    let mark = folder.path().display();
    // Each counts who is there while it is.
    let lines = format!(
        "web.exec(\"touch {mark}/$RIG_HOST; ls {mark} | wc -l >>{mark}.count; sleep 0.3; rm {mark}/$RIG_HOST\", #{{ limit: 1 }});"
    );
    exec(project(access, &all, ""), &lines).1.expect(0);
    let counts = std::fs::read_to_string(format!("{mark}.count")).unwrap();
    assert_eq!(counts.split_whitespace().collect::<Vec<_>>(), ["1", "1", "1", "1"]);
    std::fs::remove_file(format!("{mark}.count")).unwrap();
}

#[test]
fn a_host_that_is_down_is_unreachable_and_not_failed() {
    let access = need_ssh!();
    let hosts = pair(access);
    let mut gone = Host::start(access);
    gone.kill();
    let lines = format!(
        r#"
        let done = web.exec("true", #{{ max_failures: 1 }});
        check "sets", done.ok == ["{}"] && done.unreachable == ["{}"] && done.failed.is_empty();
        web.exec("true");
        "#,
        hosts[0].name(),
        gone.name()
    );
    let (_, seen) = exec(project(access, &[&hosts[0], &gone], ""), &lines);
    seen.says("✔ sets")
        .says("failed on 1 of 2 hosts of `ssh.web`")
        .says("Connection refused")
        .says("start its sshd, or correct its address");
    // When nobody was reached, nothing was changed, and nothing is left to be taken back.
    exec(project(access, &[&gone], ""), "web.exec(\"true\");").1.expect(1).hides("not taken back");
}

#[test]
fn names_stand_for_addresses_and_unknown_ones_are_refused() {
    let access = need_ssh!();
    let hosts = pair(access);
    let settings = ssh::settings(access, &[&hosts[0]], LISTS)
        .replace(&format!("[\"{}\"]", hosts[0].name()), &format!("{{ web1 = \"{}\" }}", hosts[0].name()));
    let rig = || Rig::new(&settings).file("known_hosts", &ssh::known_hosts(access, &[&hosts[0]], "host"));
    exec(rig(), r#"check "named", web.exec("true").ok == ["web1"];"#).1.expect(0);
    exec(rig(), r#"web.exec("true", #{ hosts: ["web2"] });"#).1.expect(1).says("no host `web2`").says("web1");
    let wrong = ssh::settings(access, &[&hosts[0]], LISTS).replace(&hosts[0].name(), "web:one");
    let rig = Rig::new(&wrong).file("test.rhai", &script("web.ping();"));
    rig.run(&["check", "test.rhai"]).expect(2).says("`web:one` is no address of a host");
}

#[test]
fn hosts_behind_another_are_reached_through_it() {
    let access = need_ssh!();
    let jump = Host::start(access);
    let hosts = pair(access);
    let folder = access.scratch();
    let known = ssh::known_hosts(access, &[&jump, &hosts[0], &hosts[1]], "host");
    let more = format!("{LISTS}\njump = \"{}\"", jump.name());
    let rig = Rig::new(&ssh::settings(access, &[&hosts[0], &hosts[1]], &more)).file("known_hosts", &known);
    let big = "x".repeat(3_000_000);
    let lines = format!(
        r#"
        for turn in 0..3 {{ check "all", web.exec("echo $RIG_HOST").ok.len() == 2; }}
        web.upload("big.txt", "{0}/$RIG", #{{ hosts: ["{1}"] }});
        check "from", web.exec("echo $SSH_CONNECTION").ok.len() == 2;
        "#,
        folder.path().display(),
        hosts[0].name()
    );
    exec(rig.file("big.txt", &big), &lines).1.expect(0);
    assert_eq!(std::fs::read_to_string(folder.path().join("$RIG")).unwrap().len(), big.len());
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1, "{}", jump.log());
    // A host that the jump cannot reach is said to be, and the jump itself too.
    let mut gone = Host::start(access);
    gone.kill();
    let known = format!("{known}{}", ssh::known_hosts(access, &[&gone], "host"));
    let rig = Rig::new(&ssh::settings(access, &[&gone], &more)).file("known_hosts", &known);
    exec(rig, "web.exec(\"true\");").1.expect(1).says(&format!("through {}", jump.name()));
    let more = format!("{LISTS}\njump = \"{}\"", gone.name());
    let rig = Rig::new(&ssh::settings(access, &[&hosts[0]], &more)).file("known_hosts", &known);
    exec(rig, "web.exec(\"true\");").1.expect(1).says(&format!("{} cannot be reached", gone.name()));
}
