//! `upload`, `restore`, `download`: whole or not at all, and back again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    ssh::chown(path);
}

#[test]
fn a_file_arrives_whole_with_its_mode_and_replaces_what_was_there() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let (old, new) = (folder.path().join("old file's.txt"), folder.path().join("new.sh"));
    write(&old, "before\n");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
    let lines = format!(
        r#"
        let done = web.upload("a.txt", "{}");
        check "did", done.did == "replaced" && done.bytes == 6 && done.sha256.len() == 64;
        check "same", web.upload("a.txt", "{}").did == "same";
        check "created", web.upload("a.txt", "{}", #{{ mode: "755" }}).did == "created";
        check "home", web.upload("a.txt", "~/playbook-rig-home.txt").ok.len() == 1;
        "#,
        old.display(),
        old.display(),
        new.display()
    );
    exec(project(access, &[&hosts[0]], "").file("a.txt", "after\n"), &lines).1.expect(0);
    assert_eq!((std::fs::read_to_string(&old).unwrap().as_str(), mode(&old)), ("after\n", 0o600));
    assert_eq!((std::fs::read_to_string(&new).unwrap().as_str(), mode(&new)), ("after\n", 0o755));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    std::fs::remove_file("/home/playbook-rig/playbook-rig-home.txt").unwrap();
}

#[test]
fn an_upload_is_taken_back_to_what_was_there() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let (old, new) = (folder.path().join("old.txt"), folder.path().join("new.txt"));
    write(&old, "before\n");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o640)).unwrap();
    let lines = |more: &str| {
        format!(
            "web.upload(\"a.txt\", \"{}\", #{{ mode: \"755\" }});\nweb.upload(\"a.txt\", \"{}\");\n{more}\nfail(\"no\");",
            old.display(),
            new.display()
        )
    };
    exec(project(access, &[&hosts[0]], "").file("a.txt", "after\n"), &lines("")).1.expect(1);
    assert_eq!((std::fs::read_to_string(&old).unwrap().as_str(), mode(&old)), ("before\n", 0o640));
    assert!(!new.exists());
    // What somebody changed since is left, and said.
    let change = format!("web.exec(\"echo changed >{}\", #{{ undo: \"true\" }});", new.display());
    let (_, seen) = exec(project(access, &[&hosts[0]], "").file("a.txt", "after\n"), &lines(&change));
    seen.expect(6).says("somebody has changed");
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "before\n");
    assert_eq!(std::fs::read_to_string(&new).unwrap(), "changed\n");
    // Without a copy there is no way back, and that is said before.
    let lines = format!("web.upload(\"a.txt\", \"{}\", #{{ keep: false }}); fail(\"no\");", old.display());
    exec(project(access, &[&hosts[0]], "").file("a.txt", "after\n"), &lines).1.expect(6).says("keep: false");
}

#[test]
fn a_finished_run_is_taken_back_on_every_host() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let path = folder.path().join("shared.txt");
    let lines = format!("web.upload(\"a.txt\", \"{}\");\nfail(\"no\");", path.display());
    // Both hosts are this machine: the second finds the file of the first, and either way back ends the same.
    exec(project(access, &[&hosts[0], &hosts[1]], "").file("a.txt", "x"), &lines).1.expect(1);
    assert!(!path.exists());
}

#[test]
fn what_cannot_be_written_says_why_and_leaves_nothing() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let f = folder.path().display();
    for (line, says) in [
        (format!("web.upload(\"a.txt\", \"{f}/no/such.txt\");"), "there is no folder"),
        (format!("web.upload(\"a.txt\", \"{f}\");"), "is a folder"),
        ("web.upload(\"a.txt\", \"/etc/playbook-rig.txt\");".to_owned(), "Permission denied"),
        (format!("web.upload(\"a.txt\", \"{f}/a.txt\", #{{ mode: \"rwx!\" }});"), "is no mode of a file"),
    ] {
        let (_, seen) = exec(project(access, &[&hosts[0]], "").file("a.txt", "x"), &line);
        seen.expect(1).says(says);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (_, seen) = exec(project(access, &[&hosts[0]], ""), &format!("web.upload(\"none.txt\", \"{f}/a\");"));
    seen.expect(1).says("there is no file");
    let (_, seen) =
        exec(project(access, &[&hosts[0]], ""), &format!("web.upload(\"../secret\", \"{f}/a\");"));
    seen.expect(3).says("outside the project");
}

#[test]
fn a_file_comes_into_a_store() {
    let access = need_ssh!();
    let hosts = pair(access);
    let folder = access.scratch();
    let path = folder.path().join("app.log");
    let text = "a line of the log\n".repeat(100_000);
    write(&path, &text);
    let store = "\n[env.local.files.logs]\npath = \"logs\"\naccess = \"destroy\"\n";
    let project = |hosts: &[&Host]| {
        Rig::new(&(ssh::settings(access, hosts, LISTS) + store))
            .file("known_hosts", &ssh::known_hosts(access, hosts, "host"))
    };
    let script = |lines: &str| {
        format!(
            "//! D.\n//!\n//! uses = [\"ssh.web:read\", \"files.logs:write\"]\nlet web = ssh(\"web\");\n{lines}\n"
        )
    };
    let get = |more: &str| format!("web.download(\"{}\", files(\"logs\"), #{{ {more} }})", path.display());
    let (rig, seen) = project(&[&hosts[0]]).exec(&script(&format!(
        "let got = {}; check \"bytes\", got.bytes == {}; check \"key\", got.key == \"app.log\";",
        get("name: \"app.log\""),
        text.len()
    )));
    seen.expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("logs/app.log")).unwrap(), text);
    // It is taken back, and what cannot be had leaves nothing.
    let (rig, seen) =
        project(&[&hosts[0]]).exec(&script(&format!("{};\nfail(\"no\");", get("name: \"b.log\""))));
    seen.expect(1);
    assert!(!rig.path("logs/b.log").exists());
    let missing = "web.download(\"/no/such.log\", files(\"logs\"));";
    let (rig, seen) = project(&[&hosts[0]]).exec(&script(missing));
    seen.expect(1).says("there is no file /no/such.log");
    assert_eq!(
        std::fs::read_dir(rig.path("logs")).map_or(0, |all| all
            .flatten()
            .filter(|e| !e.file_name().to_string_lossy().starts_with('.'))
            .count()),
        0
    );
    let (_, seen) = project(&[&hosts[0], &hosts[1]]).exec(&script(&format!("{};", get(""))));
    seen.expect(1).says("a file comes from one").says(&format!("host: \"{}\"", hosts[0].name()));
}

#[test]
fn a_crash_around_an_upload_is_survived_and_a_command_is_asked_about() {
    let access = need_ssh!();
    let [host, _] = pair(access);
    let folder = access.scratch();
    let path = folder.path().join("app.toml");
    std::fs::write(&path, "old").unwrap();
    ssh::chown(&path);
    let rig = || project(access, &[host], "").file("new.toml", "new");
    let line = format!("ssh(\"web\").upload(\"new.toml\", \"{}\");", path.display());
    crate::rig::crash::survives(rig, "ssh.web:destroy", &line, || std::fs::read_to_string(&path).unwrap());
    let to = tempfile::tempdir().unwrap();
    let out = format!("[env.local.files.out]\npath = \"{}\"\naccess = \"destroy\"\n", to.path().display());
    let with_out = || {
        let settings = std::fs::read_to_string(rig().path("playbook.toml")).unwrap();
        rig().file("playbook.toml", &format!("{settings}\n{out}"))
    };
    let line = format!(
        "let got = ssh(\"web\").download(\"{}\", files(\"out\"), #{{ name: \"got.toml\" }}); check \"told\", got.bytes == 3;",
        path.display()
    );
    let uses = "ssh.web:destroy\", \"files.out:destroy";
    let there = || std::fs::read_to_string(to.path().join("got.toml")).ok();
    crate::rig::crash::survives_at(crate::rig::crash::AFTER_COMMIT, with_out, uses, &line, there);
    // Nothing on a host tells whether a command has run.
    let mark = folder.path().join("mark");
    let line = format!("ssh(\"web\").exec([\"touch\", \"{}\"]);", mark.display());
    let text = format!("//! T.\n//! uses = [\"ssh.web:write\"]\n{line}\n");
    for moment in [crate::rig::crash::BEFORE, crate::rig::crash::AFTER] {
        let rig = rig().file("test.rhai", &text);
        rig.killed(moment);
        rig.run(&["resume", "last"]).expect(5).says("it is not known whether `ssh.web.exec` was done");
        rig.run(&["resume", "last", "--on-doubt", "retry"]).expect(0);
        assert!(mark.exists());
    }
}
