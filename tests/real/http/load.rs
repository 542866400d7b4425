//! Smoke loads.

use super::{exec, project};
use crate::rig::servers::http::{Answer, Http};

#[test]
fn figures_are_of_what_was_answered() {
    let server = Http::start();
    server.tell("/", &[Answer::new(200, "ok").after(5)]);
    let script = r#"
        let load = api.load("/", #{ requests: 60, concurrency: 6 });
        check "requests", load.requests == 60;
        check "failed", load.failed == 0;
        metric "errors", load.error_rate == 0.0;
        metric "p50 (ms)", load.p50_ms >= 5.0;
        check "order", load.p50_ms <= load.p95_ms && load.p95_ms <= load.p99_ms && load.p99_ms <= load.max_ms;
        metric "per second", load.per_second > 1.0;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
    assert_eq!(server.got().len(), 60);
    let most = server.most_at_once();
    assert!((2..=6).contains(&most), "{most} at once");
}

#[test]
fn failures_are_counted_and_the_first_is_told() {
    let server = Http::start();
    let mut answers = vec![Answer::new(200, "ok"); 15];
    answers.extend(vec![Answer::new(503, ""); 5]);
    server.tell("/", &answers);
    let script = r#"
        let load = api.load("/", #{ requests: 20, concurrency: 1 });
        check "failed", load.failed == 5;
        check "first", load.first_error == "503 Service Unavailable";
        metric "errors", load.error_rate == 0.25;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
}

#[test]
fn a_service_that_hangs_does_not_hang_the_load() {
    let server = Http::start();
    server.tell("/", &[Answer::new(200, ""), Answer::new(200, ""), Answer::never()]);
    let script = r#"api.load("/", #{ requests: 10, concurrency: 2, within: "3s" });"#;
    exec(project(&server.url(), ""), script)
        .expect(1)
        .says("only 2 of 10 requests to / of `http.api` were answered within 3.0s");
}

#[test]
fn a_load_for_a_time_at_a_rate_begins_as_many_as_are_due() {
    let server = Http::start();
    server.tell("/", &[Answer::new(200, "ok")]);
    let script = r#"
        let load = api.load("/", #{ lasts: "500ms", rate: 100, concurrency: 4, headers: #{ "X-Load": "yes" } });
        metric "requests", load.requests == 50;
        check "statuses", load.statuses["200"] == 50 && load.unanswered == 0 && load.bytes == 100;
        metric "took (ms)", load.took_ms >= 480.0;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
    let got = server.got();
    assert!(
        got.iter()
            .all(|got| got.headers["x-load"] == "yes" && got.headers["user-agent"].starts_with("playbook/"))
    );
}

#[test]
fn at_a_rate_a_stall_is_felt_by_those_who_came_meanwhile() {
    let server = Http::start();
    // One answer stalls for 400 ms; at 100 a second over one connection, 40 others are due meanwhile.
    let mut answers = vec![Answer::new(200, ""); 10];
    answers.push(Answer::new(200, "").after(400));
    answers.extend(vec![Answer::new(200, ""); 89]);
    server.tell("/", &answers);
    let script = r#"
        let load = api.load("/", #{ requests: 100, rate: 100, concurrency: 1 });
        metric "P95 (ms)", load.p95_ms > 300.0;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
    // Without a rate only the one request that met it knows of the stall.
    server.tell("/", &answers);
    let script = r#"
        let load = api.load("/", #{ requests: 100, concurrency: 1 });
        metric "P95 (ms)", load.p95_ms < 300.0;
        metric "max (ms)", load.max_ms >= 400.0;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
}

#[test]
fn broken_connections_are_counted_and_made_anew() {
    let server = Http::start();
    server.tell(
        "/",
        &[
            Answer::new(200, ""),
            Answer::slam(),
            Answer::new(200, ""),
            Answer::new(200, "x").half(),
            Answer::new(302, "").header("location", "/away"),
        ],
    );
    let script = r#"
        let load = api.load("/", #{ requests: 6, concurrency: 1 });
        check `figures ${load}`, load.unanswered == 2 && load.failed == 4 && load.statuses["200"] == 2 && load.statuses["302"] == 2;
        check "first", load.first_error == "the connection was closed without an answer";
    "#;
    exec(project(&server.url(), ""), script).expect(0);
    let nobody = format!("http://127.0.0.1:{}", crate::rig::free_port());
    let script = r#"let load = api.load("/", #{ requests: 10 }); check "failed", load.failed == 10; fail(load.first_error);"#;
    exec(project(&nobody, ""), script).expect(1).says("nothing listens at 127.0.0.1:");
}

#[test]
fn a_load_that_changes_something_is_a_write_that_is_planned_and_cannot_be_taken_back() {
    let server = Http::start();
    server.tell("/carts", &[Answer::new(201, "{}")]);
    let script = r#"
        let load = api.load_changes("/carts", "post", #{ json: #{ item: 7 }, requests: 8, status: 201 });
        check "answered", load.requests == 8 && load.failed == 0;
        fail("later");
    "#;
    exec(project(&server.url(), ""), script)
        .expect(6)
        .says("what a load changed is the service's own to remove");
    let got = server.got();
    assert_eq!(got.len(), 8);
    assert_eq!((got[0].method.as_str(), got[0].body.as_str()), ("POST", r#"{"item":7}"#));
    assert_eq!(got[0].headers["content-type"], "application/json");
    let script = "//! T.\n//! uses = [\"http.api:write\"]\nlet api = http(\"api\");\napi.load(\"/carts\");\n\
                  api.load_changes(\"/carts\", \"delete\", #{ lasts: \"1s\", rate: 5 });\n";
    let rig = project(&server.url(), "").file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(3).says("http.api:destroy");
    let rig = project(&server.url(), "").file("test.rhai", &script.replace("\"delete\"", "\"put\""));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("load /carts of http.api: 100 requests, 4 at once")
        .says("load /carts of http.api by PUT: requests for 1s, 5 a second, 4 at once");
    assert_eq!(server.got().len(), 8, "a plan sent something");
    for (options, says) in
        [("requests: 5, lasts: \"1s\"", "both `requests` and `lasts`"), ("concurrency: 1 - 1", "0 at once")]
    {
        exec(project(&server.url(), ""), &format!("api.load(\"/\", #{{ {options} }});")).expect(1).says(says);
    }
}
