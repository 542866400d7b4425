//! `playbook doctor`: what can be used, what cannot, and what to do about it; it changes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn found<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("nothing on {name}: {all:?}"))
}

const WELL: &str = "[env.local.files.box]\npath = \"box\"\naccess = \"write\"\n[env.local.program.git]\nread = [[\"--version\"]]\n";

#[test]
fn what_is_well_is_said_in_a_table_and_nothing_is_made() {
    let rig = Rig::new(WELL);
    let seen = rig.run(&["doctor"]).expect(0);
    assert!(seen.stderr.is_empty(), "{seen}");
    let text = &seen.stdout;
    for says in [
        "✔ playbook.toml",
        "✔ journal",
        "✔ files.box",
        "✔ program.git",
        "git version",
        "everything that was looked at",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let left: Vec<_> = std::fs::read_dir(rig.folder()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["playbook.toml"], "doctor made something");
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let settings = "[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\ntoken = \"env:NO_SUCH_TOKEN\"\n\
                    [env.local.http.gone]\nurl = \"http://127.0.0.1:1\"\n\
                    [env.local.sqlite.main]\npath = \"none.db\"\n[env.local.program.none]\npath = \"no-such-program\"\n\
                    [env.local.flags.main]\ndatabase = \"sqlite.main\"\n";
    let seen = Rig::new(settings).run(&["doctor", "--env", "local"]).expect(1);
    insta::assert_snapshot!(crate::rig::seen::normalise(&seen.stdout)
        .lines().filter(|line| !line.contains("journal ")).map(|line| {
            // The rig's folder has another name each time.
            regex_lite::Regex::new(r"/\S*/rig-[^/\s]+").unwrap().replace_all(line, "[project]").into_owned() + "\n"
        }).collect::<String>(), @"
    local

      ✔ playbook.toml  ok                   1 environment · 5 resources in `local`
      ! secrets        trouble              1 of 1 without a value
      ✗ flags.main     missing      read
      ✗ http.api       missing      read
      ✗ http.gone      unreachable  read
      ✗ program.none   missing      read
      ✗ sqlite.main    missing      read

    flags.main: `sqlite.main` has no database at [project]/none.db
      fix: check `path` of [env.local.sqlite.main] in playbook.toml; `create = true` lets a write make a new one

    http.api: the secret `env:NO_SUCH_TOKEN` of `http.api` has no value
      fix: export NO_SUCH_TOKEN before running playbook

    http.gone: GET / of `http.gone` failed: nothing listens at 127.0.0.1:[port]
      why: tcp connect error: Connection refused (os error 111)
      fix: start the server, or correct `url` of that resource in playbook.toml

    program.none: there is no program `no-such-program` for `program.none`
      fix: install it, or name its path in [env.local.program.none] of playbook.toml

    6 of 8 need attention: secrets, flags.main, http.api, http.gone, program.none, sqlite.main
    ");
}

#[test]
fn machines_get_a_line_for_each_and_a_last_one() {
    let server = Http::start();
    server.tell(
        "/",
        &[Answer::new(200, "hello")
            .header("server", "shop/3")
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")],
    );
    server.tell("/closed", &[Answer::new(401, "who are you")]);
    let settings = format!(
        "[env.local.http.api]\nurl = \"{url}\"\naccess = \"write\"\n[env.local.http.closed]\nurl = \"{url}/closed\"\n[env.local.http.gone]\nurl = \"http://127.0.0.1:1\"\n",
        url = server.url()
    );
    let seen = Rig::new(&settings).run(&["doctor", "--output", "json"]).expect(1);
    let all = lines(&seen.stdout);
    let api = found(&all, "http.api");
    assert_eq!(
        (&api["state"], &api["version"], &api["access"]),
        (&"ok".into(), &"shop/3".into(), &"write".into())
    );
    let closed = found(&all, "http.closed");
    assert_eq!(
        (&closed["state"], &closed["reached"], &closed["permitted"]),
        (&"not_permitted".into(), &true.into(), &false.into())
    );
    assert!(closed["troubles"][0]["fix"].as_str().unwrap().contains("token"), "{closed}");
    assert_eq!(found(&all, "http.gone")["state"], "unreachable");
    // A clock of 1994 is not ours.
    assert_eq!(found(&all, "clock")["state"], "trouble");
    let last = all.last().unwrap();
    assert_eq!((&last["event"], &last["exit"], &last["wrong"]), (&"doctor".into(), &1.into(), &3.into()));
    assert!(server.got().iter().all(|got| got.method == "GET"));
}

#[test]
fn all_are_asked_at_once_and_each_has_its_time() {
    let server = Http::start();
    server.tell("/", &[Answer::never()]);
    let one = |name: &str| format!("[env.local.http.{name}]\nurl = \"{}\"\n", server.url());
    let settings: String = (0..8).map(|n| one(&format!("slow{n}"))).collect();
    let begin = Instant::now();
    let seen = Rig::new(&settings).run(&["doctor", "--timeout", "700ms", "--output", "json"]).expect(1);
    assert!(begin.elapsed() < Duration::from_secs(5), "one after the other: {:?}", begin.elapsed());
    let all = lines(&seen.stdout);
    assert!((0..8).all(|n| found(&all, &format!("http.slow{n}"))["state"] == "no_answer"), "{seen}");
}

#[test]
fn only_what_is_named_is_looked_at() {
    let settings = format!("{WELL}[env.local.http.gone]\nurl = \"http://127.0.0.1:1\"\n");
    let rig = Rig::new(&settings);
    rig.run(&["doctor", "files.box"]).expect(0).hides("http.gone");
    rig.run(&["doctor", "files.bix"]).expect(2).says("no resource").says("`files.box`");
    rig.run(&["doctor", "--env", "prod"]).expect(2).says("no environment");
    rig.run(&["doctor", "--timeout", "soon"]).expect(2).says("no duration");
}

#[test]
fn a_secret_is_looked_for_and_never_shown() {
    let server = Http::start();
    server.tell("/", &[Answer::new(500, "token hunter2-hunter2 is odd").header("server", "hunter2-hunter2")]);
    let settings = format!("[env.local.http.api]\nurl = \"{}\"\ntoken = \"env:TOKEN\"\n", server.url());
    let rig = Rig::new(&settings).variable("TOKEN", "hunter2-hunter2");
    rig.run(&["doctor"]).expect(1).says("the only one has a value").hides("hunter2");
    rig.run(&["doctor", "--output", "json"]).expect(1).hides("hunter2");
}

#[test]
fn a_journal_that_cannot_be_written_is_named() {
    let rig = Rig::new(WELL).exec("//! T.\nlog(\"x\");\n").0;
    let seen = rig.run(&["doctor"]).expect(0);
    assert!(seen.stdout.contains("last run "), "{seen}");
    let journal = rig.path(".playbook/journal.db");
    std::fs::write(&journal, "no database at all, only a text that is long enough to be read as a header …")
        .unwrap();
    std::fs::set_permissions(&journal, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _ = std::fs::remove_file(rig.path(".playbook/journal.db-wal"));
    rig.run(&["doctor"]).expect(1).says("! journal").says("1 of 4 needs attention: journal");
}
