//! Prometheus: queries, conditions and lists, against a real one that scrapes two real releases.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::prometheus::{self, Prometheus};
use crate::rig::servers::release::{Release, get};

const RULES: &str = "groups: [{name: g, rules: [
    {alert: Down, expr: up == 0, labels: {severity: page}, annotations: {summary: 'no answer'}},
    {record: 'requests:sum', expr: sum(requests_total)}]}]";

/// A Prometheus that has looked at least once at a release and at a port where nobody is.
fn start() -> Option<(Prometheus, Release)> {
    prometheus::is_here().then(|| {
        let release = Release::start("blue");
        for _ in 0..10 {
            get(release.port, "/").unwrap();
        }
        let prometheus =
            Prometheus::start(&[("blue", release.port), ("gone", crate::rig::free_port())], RULES);
        prometheus.wait_for("requests_total%3E0");
        prometheus.wait_for("ALERTS%7Balertstate=%22firing%22%7D");
        (prometheus, release)
    })
}

fn script(lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"prometheus.main:read\"]\nlet metrics = prometheus(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn exec(prometheus: &Prometheus, lines: &str) -> Seen {
    Rig::new(&prometheus.settings()).exec(&script(lines)).1
}

#[test]
fn a_query_has_a_name_in_the_settings() {
    let Some((prometheus, _release)) = start() else { return };
    let queries =
        "[env.local.prometheus.main.queries]\nserved = \"sum(requests_total)\"\nup_all = \"sum(up) >= 1\"\n";
    let lines = r#"
        check "value", metrics.value("served") == 10;
        check "query", metrics.query("served")[0].value == 10;
        check "range", metrics.query_range("served", "10s", #{ step: "1s" })[0].last == 10;
        metrics.holds("up_all", #{ within: "5s" });
        check "another", metrics.value("served * 2", #{ otherwise: 7 }) == 7;
    "#;
    let settings = format!("{}{queries}", prometheus.settings());
    Rig::new(&settings).exec(&script(lines)).1.expect(0).says("ask for served");
}

#[test]
fn what_is_measured_is_read() {
    let Some((prometheus, _release)) = start() else { return };
    exec(
        &prometheus,
        r#"
        check "a number", metrics.value("sum(requests_total)") == 10;
        check "a plain number", metrics.value("1 + 1") == 2;
        check "nothing, otherwise", metrics.value("no_such_series", #{ otherwise: 7 }) == 7;
        check "no number", metrics.value("0 / 0") == ();
        check "a vector", metrics.query("up").map(|sample| sample.labels.colour + " " + sample.value) == ["blue 1.0", "gone 0.0"]
            || metrics.query("sort(up)").map(|sample| sample.value) == [0.0, 1.0];
        check "empty", metrics.query("no_such_series") == [];
        let series = metrics.query_range("sum(requests_total)", "10s", #{ step: "1s" });
        check "a range", series.len() == 1 && series[0].max == 10 && series[0].last == 10 && series[0].points.len() > 0;

        let rules = metrics.rules();
        check "rules", rules.map(|rule| rule.name) == ["Down", "requests:sum"] && rules[0].state == "firing" && rules[0].health == "ok";
        let down = metrics.targets().filter(|target| target.health == "down");
        check "one is down", down.len() == 1 && down[0].labels.colour == "gone" && down[0].error.contains("connection refused");
        check "of a job", metrics.targets("app").len() == 2 && metrics.targets("other") == [];
        let alerts = metrics.alerts();
        check "alerts", alerts.len() == 1 && alerts[0].name == "Down" && alerts[0].state == "firing";
        "#,
    )
    .expect(0);
}

#[test]
fn wrong_questions_are_told_in_the_servers_words() {
    let Some((prometheus, _release)) = start() else { return };
    for (line, code, says) in [
        ("metrics.query(\"up +\");", 1, "unexpected end of input"),
        ("metrics.value(\"no_such_series\");", 1, "no series matches"),
        ("metrics.value(\"up\");", 1, "gives 2 numbers"),
        ("metrics.query(\"up[5m]\");", 1, "whole series"),
        ("metrics.query_range(\"up\", \"5s\", #{ step: \"1m\" });", 1, "shorter than `last`"),
        ("metrics.holds(\"up +\", #{ within: \"9s\" });", 1, "unexpected end of input"),
        ("metrics.holds(\"up\", #{ for: \"9s\", within: \"9s\" });", 2, "more time than `for`"),
        (
            "let long = \"9s\"; metrics.holds(\"up\", #{ for: long, within: long });",
            1,
            "more time than `for`",
        ),
    ] {
        exec(&prometheus, line).expect(code).says(says);
    }
}

#[test]
fn a_condition_has_to_hold_for_as_long_as_it_is_said() {
    let Some((prometheus, release)) = start() else { return };
    exec(
        &prometheus,
        r#"
        let held = metrics.holds("sum(requests_total) >= 10", #{ for: "3s", within: "30s", every: "100ms" });
        check "looked", held.looks >= 3 && held.took_ms >= 3000 && held.samples[0].value == 10;
        check "at once", metrics.holds("min(up) == 0").looks == 1;
        "#,
    )
    .expect(0);
    exec(
        &prometheus,
        "metrics.holds(\"sum(requests_total) < 10\", #{ within: \"700ms\", every: \"100ms\" });",
    )
    .expect(1)
    .says("sum(requests_total) < 10 did not hold at `prometheus.main` within 700ms")
    .says("nothing");
    // It comes true while it is waited for.
    let port = release.port;
    let later = std::thread::spawn(move || get(port, "/").unwrap());
    exec(
        &prometheus,
        "metrics.holds(\"sum(requests_total) == 11\", #{ within: \"20s\", every: \"100ms\" });",
    )
    .expect(0);
    later.join().unwrap();
    // A plan only tells of it.
    let rig = Rig::new(&prometheus.settings())
        .file("test.rhai", &script("metrics.holds(\"up == 7\", #{ for: \"5m\" });"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("wait until up == 7 holds for 5m, at most 10m");
}

#[test]
fn one_that_is_away_for_a_moment_is_asked_again() {
    let Some((prometheus, _release)) = start() else { return };
    let proxy = crate::rig::servers::proxy::Proxy::http(prometheus.port);
    proxy.when("GET", "/query", crate::rig::servers::proxy::Fault::Answer(503), 3);
    let settings = format!("[env.local.prometheus.main]\nurl = \"http://127.0.0.1:{}\"\n", proxy.port);
    let line = "check \"it came back\", metrics.holds(\"sum(requests_total) > 0\", #{ within: \"10s\", every: \"50ms\" }).looks == 4;";
    Rig::new(&settings).exec(&script(line)).1.expect(0);
}

#[test]
fn without_the_password_nobody_is_let_in() {
    if !prometheus::is_here() {
        return;
    }
    let prometheus = Prometheus::with_password(&[]);
    let line = "check \"asked\", metrics.value(\"1 + 1\") == 2;";
    exec(&prometheus, line)
        .expect(1)
        .says("401 Unauthorized")
        .says("check `token`, or `user` and `password`");
    let settings = format!("{}user = \"deploy\"\npassword = \"env:PASSWORD\"\n", prometheus.settings());
    let rig = |word: &str| Rig::new(&settings).variable("PASSWORD", word);
    rig("open sesame").exec(&script(line)).1.expect(0);
    rig("open barley").exec(&script(line)).1.expect(1).says("401").hides("open barley");
    rig("open sesame").well("prometheus.main", "Prometheus 2.");
    assert_eq!(rig("open barley").look("prometheus.main")["state"], "not_permitted");
    prometheus.hang();
    let line = "metrics.query(\"up\", #{ timeout: \"300ms\" });";
    rig("open sesame").exec(&script(line)).1.expect(4).says("300ms").hides("in doubt");
    prometheus.go_on();
}

#[test]
fn one_that_is_not_there_or_is_another_is_said_to_be() {
    let port = crate::rig::free_port();
    let settings = |url: &str| format!("[env.local.prometheus.main]\nurl = \"{url}\"\n");
    let nowhere = settings(&format!("http://127.0.0.1:{port}"));
    for line in ["metrics.query(\"up\");", "metrics.rules();", "metrics.targets();", "metrics.alerts();"] {
        Rig::new(&nowhere).exec(&script(line)).1.expect(1).says("nothing listens at");
    }
    let other = Http::start();
    other.tell(
        "/api/v1/query",
        &[Answer::new(200, "<html>a page</html>"), Answer::new(200, "{}"), Answer::never()],
    );
    let other = settings(&other.url());
    Rig::new(&other).exec(&script("metrics.query(\"up\");")).1.expect(1).says("is no JSON").says("<html>");
    Rig::new(&other).exec(&script("metrics.query(\"up\");")).1.expect(1).says("as no Prometheus does");
    Rig::new(&other)
        .exec(&script("metrics.query(\"up\", #{ timeout: \"300ms\" });"))
        .1
        .expect(4)
        .says("300ms");
    let secret = "[env.local.prometheus.main]\nurl = \"http://u:pw@x\"\n";
    Rig::new(secret)
        .exec(&script("metrics.query(\"up\");"))
        .1
        .expect(1)
        .says("set `user` and `password`")
        .hides("pw@");
}
