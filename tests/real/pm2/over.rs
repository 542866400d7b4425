//! pm2 on the hosts of an `ssh` resource.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::rig::servers::ssh::{self, Host};

/// A copy of what runs pm2 that the user of the hosts may read, which the cache of root is not.
fn copy(program: &Path, into: &Path) -> PathBuf {
    let modules = program.parent().unwrap().parent().unwrap();
    let copied = Command::new("cp").arg("-a").arg(modules).arg(into).status().unwrap();
    assert!(copied.success());
    let owned =
        Command::new("chown").args(["-R", &format!("{0}:{0}", ssh::USER)]).arg(into).status().unwrap();
    assert!(owned.success());
    into.join("node_modules/.bin/pm2")
}

#[test]
fn every_host_of_a_group_is_taken_one_after_the_other() {
    let program = need_pm2!();
    let Some(access) = ssh::access() else { return };
    let hosts = [Host::start(access), Host::start(access)];
    let folder = access.scratch();
    let remote = copy(program, folder.path());
    for (name, text) in FILES {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // Both hosts are this machine, and so is their pm2; one of them is enough to see that it works over there.
    let settings = format!(
        "{}\n[env.local.pm2.app]\nover = \"ssh.web\"\nhosts = [\"{}\"]\nprogram = \"{}\"\nhome = \"{}\"\nfolder = \"{}\"\n\
         settle = \"500ms\"\naccess = \"destroy\"\n",
        ssh::settings(access, &[&hosts[0], &hosts[1]], ""),
        hosts[0].name(),
        remote.display(),
        folder.path().join("state").display(),
        folder.path().display(),
    );
    let known = ssh::known_hosts(access, &[&hosts[0], &hosts[1]], "host");
    let rig = Rig::new(&settings).file("known_hosts", &known);
    let lines = format!(
        r#"
        let up = app.start("ecosystem.config.js", #{{ only: ["worker"] }});
        check "there", up.len() == 1 && up[0].host == "{}" && up[0].status == "online";
        let fresh = app.restart("worker")[0].pid;
        check "new", fresh != up[0].pid;
        check "log", app.logs("worker")[0].out.contains("listening");
        app.stop("worker");
        fail("no");
        "#,
        hosts[0].name()
    );
    let (rig, seen) = exec(rig, &lines);
    seen.expect(1).says("✔ there").says("✔ new").says("✔ log");
    let (rig, seen) = exec(rig, "check \"forgotten\", app.list().is_empty();");
    seen.expect(0);
    rig.well("pm2.app", "pm2 ");
    // The group itself is not opened by that.
    let (rig, seen) = rig.exec("//! T.\n//! uses = [\"pm2.app:write\"]\nssh(\"web\").ping();\n");
    seen.expect(3).says("ssh.web:read");
    let missing = settings.replace("/.bin/pm2", "/.bin/pm3");
    let (rig, seen) = exec(rig.file("playbook.toml", &missing), "app.list();");
    seen.expect(1).says("pm2 cannot be run on").says("name its path as `program`");
    let strange = settings.replace("over = \"ssh.web\"", "over = \"pm2.app\"");
    exec(rig.file("playbook.toml", &strange), "app.list();").1.expect(1).says("no commands can be run on");
    kill(&remote, &folder.path().join("state"));
}

/// Ends the pm2 of a host.
fn kill(program: &Path, home: &Path) {
    let ended = Command::new("setpriv")
        .args(["--reuid", ssh::USER, "--regid", ssh::USER, "--clear-groups"])
        .arg(program)
        .arg("kill")
        .env("PM2_HOME", home)
        .env("HOME", home)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn a_change_goes_over_all_hosts_of_a_group_and_comes_back_from_all() {
    let program = need_pm2!();
    let Some(access) = ssh::access() else { return };
    let folder = access.scratch();
    let remote = copy(program, folder.path());
    for (name, text) in FILES {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // Each host has a pm2 of its own, although both are this machine.
    let homes = ["one", "two"].map(|name| folder.path().join(name));
    let host = |home: &Path| Host::with(access, "host", &[&format!("SetEnv PM2_HOME={}", home.display())]);
    let mut hosts = [host(&homes[0]), host(&homes[1])];
    let settings = format!(
        "{}\n[env.local.pm2.app]\nover = \"ssh.web\"\nprogram = \"{}\"\nfolder = \"{}\"\nsettle = \"500ms\"\naccess = \"destroy\"\n",
        ssh::settings(access, &[&hosts[0], &hosts[1]], ""),
        remote.display(),
        folder.path().display(),
    );
    let known = ssh::known_hosts(access, &[&hosts[0], &hosts[1]], "host");
    let rig = Rig::new(&settings).file("known_hosts", &known);
    let lines = r#"
        let up = app.start("ecosystem.config.js", #{ only: ["worker"] });
        check "on both", up.len() == 2 && up[0].host != up[1].host && up.all(|one| one.status == "online");
        let fresh = app.reload("worker");
        check "both anew", fresh.len() == 2 && fresh[0].pid != up[0].pid && fresh[1].pid != up[1].pid;
    "#;
    let (rig, seen) = exec(rig, lines);
    seen.expect(0);
    rig.well("pm2.app", "pm2 ");
    let (rig, seen) = exec(
        rig,
        "app.stop(\"worker\"); check \"stopped\", app.list().all(|one| one.status == \"stopped\"); fail(\"no\");",
    );
    seen.expect(1).says("✔ stopped").hides("NOT");
    let (rig, seen) = exec(
        rig,
        "check \"back on both\", app.list().len() == 2 && app.list().all(|one| one.status == \"online\");",
    );
    seen.expect(0);
    let gone = hosts[1].name();
    hosts[1].kill();
    let (rig, seen) = exec(rig, "app.list();");
    seen.expect(1).says(&gone).says("cannot be reached").says("start its sshd");
    assert_eq!(rig.look("pm2.app")["state"], "unreachable");
    homes.iter().for_each(|home| kill(&remote, home));
}

/// What `doctor` says within this time of the pm2 of a project with these settings: its state, the first trouble's words, and its fix.
fn diagnosed_within(within: &str, settings: &str, known: &str) -> (String, String, String) {
    let rig = Rig::new(settings).file("known_hosts", known);
    let seen = rig.run(&["doctor", "pm2.app", "--timeout", within, "--output", "json"]).expect(1);
    let found = seen.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let found = found.into_iter().find(|one| one["name"] == "pm2.app").unwrap_or_else(|| panic!("{seen}"));
    let trouble = &found["troubles"][0];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&found["state"]),
        format!("{}: {}", text(&trouble["what"]), text(&trouble["why"])),
        text(&trouble["fix"]),
    )
}

fn diagnosed(settings: &str, known: &str) -> (String, String, String) {
    diagnosed_within("20s", settings, known)
}

#[test]
fn the_doctor_tells_a_missing_pm2_from_a_missing_host() {
    let Some(access) = ssh::access() else { return };
    let mut host = Host::start(access);
    let known = ssh::known_hosts(access, &[&host], "host");
    let of = |host: &Host, ssh: &str, pm2: &str| {
        format!(
            "{}\n[env.local.pm2.app]\nover = \"ssh.web\"\n{pm2}access = \"write\"\n",
            ssh::settings(access, &[host], ssh)
        )
    };
    #[track_caller]
    fn expect(found: &(String, String, String), state: &str, says: &[&str], fix: &str) {
        assert_eq!(found.0, state, "{found:?}");
        assert!(says.iter().all(|text| found.1.contains(text)), "{found:?}");
        assert!(!found.2.is_empty() && found.2.contains(fix), "{found:?}");
    }
    // The host is there, and pm2 is not: neither by its name nor by a path.
    for program in ["", "program = \"/no/such/pm2\"\n"] {
        let found = diagnosed(&of(&host, "", program), &known);
        expect(
            &found,
            "missing",
            &["pm2 cannot be run on", "not found"],
            "install it, or name its path as `program`",
        );
    }
    // No daemon of it runs, and none is started to look.
    let found = diagnosed(&of(&host, "", "program = \"/bin/echo\"\nhome = \"/no/such\"\n"), &known);
    expect(&found, "missing", &["pm2 does not run on", "there is no folder /no/such"], "correct `home`");
    let found = diagnosed(&of(&host, "", "program = \"/bin/echo\"\nfolder = \"/no/such\"\n"), &known);
    expect(&found, "missing", &["pm2 cannot work in /no/such"], "make the folder there");
    // A host that lets nobody in, one that is not the one that it was, and one that the group does not have.
    let wrong = format!("key = \"{}\"\n", access.key("wrong").display());
    let found = diagnosed(&of(&host, &wrong, ""), &known);
    expect(&found, "not_permitted", &[&host.name(), "does not let the user"], "authorized_keys");
    let other = ssh::known_hosts(access, &[&host], "other_host");
    let found = diagnosed(&of(&host, "", ""), &other);
    expect(&found, "unreachable", &["shows another key than before"], "ssh-keygen -R");
    let found = diagnosed(&of(&host, "", "hosts = [\"web9\"]\n"), &known);
    expect(&found, "misconfigured", &["names `web9`, which is no host"], &host.name());
    // It hangs, and it is gone.
    host.hang();
    let found = diagnosed_within("2s", &of(&host, "", ""), &known);
    host.go_on();
    expect(&found, "no_answer", &["2.0s"], "");
    host.kill();
    let found = diagnosed(&of(&host, "", ""), &known);
    expect(&found, "unreachable", &[&host.name(), "cannot be reached"], "");
}
