//! Who is let in, and who is believed: host keys, keys, passphrases, passwords, agents.

use std::process::Command;

use super::*;

#[test]
fn an_unknown_host_is_refused_unless_the_first_use_is_trusted() {
    let access = need_ssh!();
    let hosts = pair(access);
    let name = hosts[0].name();
    let settings = ssh::settings(access, &[&hosts[0]], LISTS);
    let (rig, seen) = exec(Rig::new(&settings), "web.exec(\"true\");");
    seen.expect(1)
        .says(&format!("the key of {name} is not known"))
        .says("ssh-ed25519 SHA256:")
        .says(&format!("ssh-keyscan -p {} 127.0.0.1", hosts[0].port));
    assert!(!rig.path("known_hosts").exists());
    let trusting = format!("{settings}trust_on_first_use = true\n");
    let (rig, seen) = exec(Rig::new(&trusting), "web.exec(\"true\");");
    seen.expect(0);
    let noted = std::fs::read_to_string(rig.path("known_hosts")).unwrap();
    assert_eq!(noted, ssh::known_hosts(access, &[&hosts[0]], "host"));
    // From then on it is known, and the note is the only one.
    let (rig, seen) = exec(rig.file("playbook.toml", &settings), "web.exec(\"true\");");
    seen.expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("known_hosts")).unwrap(), noted);
}

#[test]
fn a_changed_key_is_refused_even_where_the_first_use_is_trusted() {
    let access = need_ssh!();
    let host = Host::with(access, "other_host", &[]);
    let settings = ssh::settings(access, &[&host], &format!("{LISTS}\ntrust_on_first_use = true"));
    let known = ssh::known_hosts(access, &[&host], "host");
    let (rig, seen) = exec(Rig::new(&settings).file("known_hosts", &known), "web.exec(\"true\");");
    seen.expect(1)
        .says("shows another key than before")
        .says("line 1 of")
        .says("somebody may stand in between")
        .says("ssh-keygen -R");
    assert_eq!(std::fs::read_to_string(rig.path("known_hosts")).unwrap(), known);
    assert!(!host.log().contains("Accepted"), "{}", host.log());
    let revoked = format!("@revoked {}", ssh::known_hosts(access, &[&host], "other_host"));
    let rig = Rig::new(&settings).file("known_hosts", &revoked);
    exec(rig, "web.exec(\"true\");").1.expect(1).says("shows a revoked key");
}

#[test]
fn hashed_names_patterns_and_several_kinds_of_keys_are_understood() {
    let access = need_ssh!();
    let hosts = pair(access);
    let settings = ssh::settings(access, &[&hosts[0]], LISTS);
    let plain = ssh::known_hosts(access, &[&hosts[0]], "host");
    let rig = Rig::new(&settings).file("known_hosts", &plain);
    let hashed =
        Command::new("ssh-keygen").args(["-q", "-H", "-f", "known_hosts"]).current_dir(rig.folder()).status();
    assert!(hashed.unwrap().success());
    assert!(std::fs::read_to_string(rig.path("known_hosts")).unwrap().starts_with("|1|"));
    exec(rig, "web.exec(\"true\");").1.expect(0);
    let pattern = plain.replace(&format!("[127.0.0.1]:{}", hosts[0].port), "# a comment\n[127.0.0.*]:*");
    let pattern = pattern.replace("# a comment\n[", "[");
    exec(
        Rig::new(&settings).file("known_hosts", &format!("# a comment\n\n{pattern}")),
        "web.exec(\"true\");",
    )
    .1
    .expect(0);
    // A host with two keys shows the one that is known.
    let rsa = format!("HostKey {}", access.key("id_rsa").display());
    let two = Host::with(access, "other_host", &[&rsa]);
    let known = std::fs::read_to_string(access.key("id_rsa.pub")).unwrap();
    let known: Vec<&str> = known.split_whitespace().take(2).collect();
    let rig = Rig::new(&ssh::settings(access, &[&two], LISTS))
        .file("known_hosts", &format!("[127.0.0.1]:{} {}\n", two.port, known.join(" ")));
    exec(rig, "web.exec(\"true\");").1.expect(0);
}

#[test]
fn a_wrong_key_is_said_to_be_and_what_the_host_accepts() {
    let access = need_ssh!();
    let hosts = pair(access);
    let key = |name: &str| format!("key = \"{}\"", access.key(name).display());
    exec(project(access, &[&hosts[0]], &key("wrong")), "web.exec(\"true\");")
        .1
        .expect(1)
        .says(&format!("{} does not let the user `playbook-rig` in", hosts[0].name()))
        .says("it accepts publickey")
        .says("check `user`");
    exec(project(access, &[&hosts[0]], &key("nowhere")), "web.exec(\"true\");")
        .1
        .expect(1)
        .says("the key of `ssh.web` is not there");
    exec(project(access, &[&hosts[0]], &key("id_rsa")), "web.exec(\"true\");").1.expect(0);
    let locked = format!("{}\npassphrase = \"env:PASSPHRASE\"", key("locked"));
    let rig = project(access, &[&hosts[0]], &locked).variable("PASSPHRASE", "a long passphrase");
    exec(rig, "web.exec(\"true\");").1.expect(0);
    let rig = project(access, &[&hosts[0]], &locked).variable("PASSPHRASE", "another passphrase");
    exec(rig, "web.exec(\"true\");").1.expect(1).says("does not let").hides("another passphrase");
    // A key that is a secret.
    let text = std::fs::read_to_string(access.key("id")).unwrap();
    let rig = project(access, &[&hosts[0]], "key = \"env:DEPLOY_KEY\"").variable("DEPLOY_KEY", &text);
    exec(rig, "web.exec(\"true\");").1.expect(0);
}

#[test]
fn a_password_lets_in_and_a_wrong_one_does_not() {
    let access = need_ssh!();
    let host = Host::with(access, "host", &["PasswordAuthentication yes"]);
    let rig = || project(access, &[&host], "password = \"env:SSH_PASSWORD\"");
    exec(rig().variable("SSH_PASSWORD", ssh::PASSWORD), "web.exec(\"true\");").1.expect(0);
    exec(rig().variable("SSH_PASSWORD", "guessed-password"), "web.exec(\"true\");")
        .1
        .expect(1)
        .says("the password: ")
        .says("password")
        .hides("guessed-password");
}

#[test]
fn an_agent_lets_in() {
    let access = need_ssh!();
    let hosts = pair(access);
    let agent = crate::rig::servers::warden::Warden::start("agent", |folder| {
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(folder.join("socket"));
        command
    });
    let socket = agent.folder().join("socket");
    crate::rig::wait_until("the agent listens", 10, || socket.exists());
    let add = |key: &str| {
        let added =
            Command::new("ssh-add").arg("-q").arg(access.key(key)).env("SSH_AUTH_SOCK", &socket).output();
        assert!(added.unwrap().status.success());
    };
    add("wrong");
    let settings = ssh::settings(access, &[&hosts[0]], LISTS);
    let settings: String =
        settings.lines().filter(|line| !line.starts_with("key")).map(|l| format!("{l}\n")).collect();
    let rig = || {
        Rig::new(&settings)
            .file("known_hosts", &ssh::known_hosts(access, &[&hosts[0]], "host"))
            .variable("SSH_AUTH_SOCK", socket.to_str().unwrap())
    };
    exec(rig(), "web.exec(\"true\");").1.expect(1).says("the agent's key");
    add("id");
    exec(rig(), "web.exec(\"true\");").1.expect(0);
}
