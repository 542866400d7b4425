//! nginx: weights in the file of an upstream, against a real one before two real servers.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::nginx::{self, Nginx};
use crate::rig::servers::release::{Release, count};

/// An nginx before two releases.
struct Edge {
    nginx: Nginx,
    _blue: Release,
    _green: Release,
}

impl Edge {
    /// `None` when there is no nginx here.
    fn start() -> Option<Self> {
        nginx::is_here().then(|| {
            let (blue, green) = (Release::start("blue"), Release::start("green"));
            Self { nginx: Nginx::start(blue.port, green.port), _blue: blue, _green: green }
        })
    }

    /// Runs `lines` in a step of a playbook.
    fn exec(&self, lines: &str) -> Seen {
        Rig::new(&self.nginx.settings("write")).exec(&script("write", lines)).1
    }
}

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"nginx.edge:{access}\"]\nlet edge = nginx(\"edge\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

#[test]
fn requests_follow_the_weights() {
    let Some(edge) = Edge::start() else { return };
    assert_eq!(count(edge.nginx.port, 10, "green"), 0);
    Rig::new(&edge.nginx.settings("write")).well("nginx.edge", "nginx 1.");
    let workers = edge.nginx.workers();
    edge.exec(
        r#"
        check "before", edge.weights("app") == #{ blue: 100, green: 0 };
        let receipt = edge.set_weights("app", #{ blue: 1, green: 3 });
        check "receipt", receipt == #{ target: "app", before: #{ blue: 100, green: 0 }, after: #{ blue: 1, green: 3 }, changed: true };
        "#,
    )
    .expect(0);
    let now = edge.nginx.workers();
    assert!(now != workers && !now.is_empty(), "{now:?}");
    let green = count(edge.nginx.port, 40, "green");
    assert!((28..=32).contains(&green), "{green}");
    edge.exec("check \"again\", !edge.set_weights(\"app\", #{ green: 3 }).changed;").expect(0);
    assert_eq!(edge.nginx.workers(), now, "read again without need");
    edge.exec("edge.set_weights(\"app\", #{ blue: 0 });").expect(0);
    assert_eq!(count(edge.nginx.port, 10, "green"), 10);
}

#[test]
fn a_run_that_fails_puts_the_file_back() {
    let Some(edge) = Edge::start() else { return };
    let before = edge.nginx.upstream();
    edge.exec(
        r##"
        edge.set_weights("app", #{ blue: 90, green: 10 });
        edge.set_weights("app", #{ blue: 0, green: 10 });
        edge.restore("app", #{ text: "# written by playbook\nupstream app {\n}\n" });
        "##,
    )
    .expect(1)
    .says("put back the file of the upstream `app`")
    .says("no servers are inside upstream");
    assert_eq!(edge.nginx.upstream(), before);
    assert_eq!(count(edge.nginx.port, 10, "blue"), 10);
}

#[test]
fn what_nginx_refuses_is_not_read_and_the_old_file_is_back() {
    let Some(edge) = Edge::start() else { return };
    let (before, workers) = (edge.nginx.upstream(), edge.nginx.workers());
    let settings = edge.nginx.settings("write") + "lines = [\"no_such_directive on;\"]\n";
    let (_, seen) = Rig::new(&settings).exec(&script("write", "edge.set_weights(\"app\", #{ green: 10 });"));
    seen.expect(1)
        .says("`nginx.edge` refuses the new")
        .says("unknown directive \"no_such_directive\"")
        .says("the old file is back")
        .hides("NOT");
    assert_eq!((edge.nginx.upstream(), edge.nginx.workers()), (before.clone(), workers.clone()));
    // A configuration that is broken elsewhere is not read either.
    let conf = edge.nginx.path("nginx.conf");
    let whole = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, whole.replace("access_log off;", "access_lag off;")).unwrap();
    edge.exec("edge.set_weights(\"app\", #{ green: 10 });").expect(1).says("access_lag");
    assert_eq!((edge.nginx.upstream(), edge.nginx.workers()), (before.clone(), workers));
    // One that passes the test and cannot be carried out: nginx keeps its workers, and that is seen.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    std::fs::write(&conf, whole.replace("server {", &format!("server {{ listen 127.0.0.1:{port};"))).unwrap();
    let settings = edge.nginx.settings("write").replace("config =", "reload_within = \"1s\"\nconfig =");
    let (_, seen) = Rig::new(&settings).exec(&script("write", "edge.set_weights(\"app\", #{ green: 10 });"));
    seen.expect(1);
    assert_eq!(edge.nginx.upstream(), before);
}

#[test]
fn what_would_be_lost_or_serve_nobody_is_refused() {
    let Some(edge) = Edge::start() else { return };
    for (line, says) in [
        ("edge.set_weights(\"app\", #{ blue: 0 });", "would be left without a server"),
        ("edge.set_weights(\"app\", #{ gren: 1 });", "did you mean `green`?"),
        ("edge.set_weights(\"ap\", #{ green: 1 });", "did you mean `app`?"),
        ("edge.set_weights(\"app\", #{ green: 70_000 });", "from 0 to 65535"),
        ("edge.restore(\"app\", #{ text: \"server { listen 1; }\" });", "no file of the upstream"),
    ] {
        edge.exec(line).expect(1).says(says);
    }
    edge.exec("edge.set_weights(\"app\", #{ blue: 0 }, #{ allow_empty: true });").expect(0);
    let by_hand = "upstream app { server 127.0.0.1:1; }\n";
    std::fs::write(edge.nginx.path("app.conf"), by_hand).unwrap();
    edge.exec("edge.set_weights(\"app\", #{ green: 1 });").expect(1).says("was not written by playbook");
    assert_eq!(edge.nginx.upstream(), by_hand);
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    let Some(edge) = Edge::start() else { return };
    let settings = edge
        .nginx
        .settings("write")
        .replace("upstreams.app]", "upstreams.app2]")
        .replace("app.conf", "app2.conf");
    let line = "edge.set_weights(\"app2\", #{ green: 1 });";
    let (_, seen) = Rig::new(&settings).exec(&script("write", &format!("{line} fail(\"no\");")));
    seen.expect(1).says("remove the file of the upstream `app2`").hides("NOT");
    assert!(!edge.nginx.path("app2.conf").exists());
    Rig::new(&settings).exec(&script("write", line)).1.expect(0);
    assert!(edge.nginx.path("app2.conf").exists());
}

#[test]
fn a_first_file_that_nginx_needs_is_taken_back_by_one_that_gives_each_the_same() {
    let Some(edge) = Edge::start() else { return };
    std::fs::remove_file(edge.nginx.path("app.conf")).unwrap();
    let text = script("write", "edge.set_weights(\"app\", #{ blue: 90, green: 10 }); fail(\"no\");");
    let rig = Rig::new(&edge.nginx.settings("write")).file("test.rhai", &text);
    rig.run(&["plan", "test.rhai"]).says("taken back, it will give each server the same");
    assert!(!edge.nginx.path("app.conf").exists());
    rig.run(&["exec", "test.rhai"]).expect(1).says("put back the file of the upstream `app`").hides("NOT");
    let text = edge.nginx.upstream();
    assert_eq!(text.matches("weight=1;").count(), 2, "{text}");
}

#[test]
fn plan_grants_and_a_server_that_is_away() {
    let Some(edge) = Edge::start() else { return };
    let line = "edge.set_weights(\"app\", #{ blue: 90, green: 10 });";
    let before = edge.nginx.upstream();
    let rig = Rig::new(&edge.nginx.settings("write")).file("test.rhai", &script("write", line));
    rig.run(&["plan", "test.rhai"]).expect(0).says("set the weights of `app`: blue 90, green 10");
    Rig::new(&edge.nginx.settings("read")).exec(&script("write", line)).1.expect(3).says("nginx.edge:write");
    let settings = edge.nginx.settings("write");
    let gone = settings.replace("nginx.pid", "other.pid");
    Rig::new(&gone)
        .exec(&script("write", line))
        .1
        .expect(1)
        .says("`nginx.edge` does not run")
        .hides("in doubt");
    let missing = settings.replace("config =", "program = \"no-such-nginx\"\nconfig =");
    Rig::new(&missing).exec(&script("write", line)).1.expect(1).says("there is no program `no-such-nginx`");
    assert_eq!(edge.nginx.upstream(), before);
}

#[test]
fn one_that_takes_too_long_leaves_the_old_file() {
    let Some(edge) = Edge::start() else { return };
    let before = edge.nginx.upstream();
    let (slow, first) = (edge.nginx.path("slow"), edge.nginx.path("first"));
    let script = format!(
        "#!/bin/sh\nif mkdir {} 2>/dev/null; then exec sleep 60; fi\nexec nginx \"$@\"\n",
        first.display()
    );
    std::fs::write(&slow, script).unwrap();
    std::fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = edge
        .nginx
        .settings("write")
        .replace("config =", &format!("program = \"{}\"\nconfig =", slow.display()));
    let line = "edge.set_weights(\"app\", #{ green: 10 }, #{ timeout: \"4s\" });";
    Rig::new(&settings).exec(&self::script("write", line)).1.expect(4).says("4.0s").says("in doubt");
    assert_eq!(edge.nginx.upstream(), before);
    assert_eq!(count(edge.nginx.port, 5, "blue"), 5);
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(edge) = Edge::start() else { return };
    let rig = || Rig::new(&edge.nginx.settings("write"));
    let line = "nginx(\"edge\").set_weights(\"app\", #{ blue: 1, green: 3 });";
    crate::rig::crash::survives(rig, "nginx.edge:write", line, || edge.nginx.upstream());
}
