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
    let script = r#"api.load("/", #{ requests: 10, concurrency: 2, within: "400ms" });"#;
    exec(project(&server.url(), ""), script)
        .expect(1)
        .says("only 2 of 10 requests to / of `http.api` were answered within 400ms");
}
