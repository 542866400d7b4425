//! A release that is taken back, a reload that was cut off, and a pm2 that does not run.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::*;
use crate::rig::{free_port, wait_until};

/// A project whose application answers with what its file held when it was started.
fn site(pm2: &Pm2, port: u16, more: &str) -> Rig {
    let server = "const text = require('fs').readFileSync('site/VERSION', 'utf8');\n\
                  require('http').createServer((_, out) => out.end(text)).listen(+process.env.PORT, '127.0.0.1');\n";
    let apps = format!(
        "module.exports = {{ apps: [{{ name: 'site', script: 'site.js', instances: 2, exec_mode: 'cluster',\n\
         env: {{ PORT: '{port}' }} }}] }};\n"
    );
    let more = format!("{more}\n[env.local.files.site]\npath = \"site\"\naccess = \"destroy\"");
    let rig = Rig::new(&pm2.settings(&more)).file("site.js", server).file("site.config.js", &apps);
    let rig = rig.file("site/VERSION", "old");
    pm2.run(&["start", "site.config.js"], rig.folder());
    wait_until("the site answers", 20, || answer(port) == "old");
    rig
}

fn answer(port: u16) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let mut text = String::new();
    let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    let _ = stream.read_to_string(&mut text);
    text.rsplit("\r\n").next().unwrap_or_default().to_owned()
}

fn release(rig: Rig, lines: &str) -> (Rig, Seen) {
    let uses = "//! T.\n//! uses = [\"pm2.app:destroy\", \"files.site:write\"]\n";
    rig.exec(&format!("{uses}let app = pm2(\"app\");\nstep \"release\" {{\n{lines}\n}}\n"))
}

#[test]
fn a_release_that_is_taken_back_runs_what_there_was_before() {
    let pm2 = fresh(need_pm2!());
    let port = free_port();
    let mut rig = site(&pm2, port, "");
    for change in
        ["reload(\"site\")", "restart(\"site\")", "start(\"site.config.js\", #{ only: [\"site\"] })"]
    {
        let before = pids(&pm2, "site");
        let lines = format!("files(\"site\").put(\"VERSION\", \"bad\"); app.{change}; fail(\"no\");");
        let (same, seen) = release(rig, &lines);
        seen.expect(1).says("make site what it was").hides("NOT");
        rig = same;
        assert_eq!(std::fs::read_to_string(rig.path("site/VERSION")).unwrap(), "old");
        assert_eq!(answer(port), "old", "after {change}");
        assert_eq!(statuses(&pm2, "site"), ["online", "online"]);
        assert!(pids(&pm2, "site").iter().all(|pid| !before.contains(pid)), "after {change}");
    }
    // What is brought up again after a stop is not stopped by what takes the start back.
    let (rig, seen) = release(rig, "app.stop(\"site\"); app.start(\"site\"); fail(\"no\");");
    seen.expect(1).hides("NOT");
    assert_eq!(statuses(&pm2, "site"), ["online", "online"]);
    // A stop after the release brings back the old one too.
    let (_, seen) =
        release(rig, "files(\"site\").put(\"VERSION\", \"bad\"); app.stop(\"site\"); fail(\"no\");");
    seen.expect(1).hides("NOT");
    assert_eq!(answer(port), "old");
}

#[test]
fn a_reload_that_was_cut_off_is_waited_for_and_what_nothing_touched_is_left_alone() {
    let pm2 = fresh(need_pm2!());
    let port = free_port();
    let rig = site(&pm2, port, "env = { PM2_RELOAD_LOCK_TIMEOUT = \"600000\" }");
    let before = pids(&pm2, "site");
    // What a reload leaves that was killed.
    let cut_off = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        std::fs::write(pm2.home().join("reload.lock"), now.to_string()).unwrap();
    };
    cut_off();
    let (rig, seen) = release(rig, "app.reload(\"site\", #{ timeout: \"20s\" });");
    seen.expect_any(&[1, 4]).says("Reload already in progress").says("try again in").hides("NOT");
    assert_eq!(pids(&pm2, "site"), before, "it was restarted although nothing had touched it");
    let settings = std::fs::read_to_string(rig.path("playbook.toml")).unwrap().replace("600000", "6000");
    let rig = rig.file("playbook.toml", &settings);
    let begin = Instant::now();
    cut_off();
    let (_, seen) = release(rig, "app.reload(\"site\");");
    seen.expect(0);
    assert!(begin.elapsed().as_secs() >= 4, "it did not wait");
    assert!(pids(&pm2, "site").iter().all(|pid| !before.contains(pid)));
}

#[test]
fn nothing_that_only_looks_starts_a_pm2() {
    let pm2 = fresh(need_pm2!());
    let nowhere = pm2.home().join("nowhere");
    let home = format!("home = \"{}\"", pm2.home().display());
    let settings = pm2.settings("").replace(&home, &format!("home = \"{}\"", nowhere.display()));
    let rig = Rig::new(&settings);
    let (what, why) = ("pm2 does not run on", "there is no folder");
    rig.run(&["doctor", "pm2.app"]).expect(1).says(what).says(why).says("correct `home`");
    let mut rig = rig;
    for line in ["app.list();", "app.describe(\"api\");", "app.reload(\"api\");", "app.stop(\"api\");"] {
        let (same, seen) = exec(rig, line);
        seen.expect(1).says(what).says(why);
        rig = same;
    }
    let plan = rig.file("test.rhai", &script("app.start(\"ecosystem.config.js\", #{ only: [\"api\"] });"));
    plan.run(&["plan", "test.rhai"]).expect(0);
    assert!(!nowhere.exists(), "a pm2 was started");
    // A daemon that has ended, whose number is another program's now.
    std::fs::write(pm2.home().join("pm2.pid"), std::process::id().to_string()).unwrap();
    exec(Rig::new(&pm2.settings("")), "app.list();").1.expect(1).says(what).says("has ended");
    assert!(!pm2.home().join("rpc.sock").exists(), "a pm2 was started");
    std::fs::remove_file(pm2.home().join("pm2.pid")).unwrap();
    let gone = pm2.settings("folder = \"no/such\"");
    exec(Rig::new(&gone), "app.list();")
        .1
        .expect(1)
        .says("cannot work in no/such")
        .says("make the folder there");
}
