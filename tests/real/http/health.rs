//! Health over a window of time.

use super::{exec, project};
use crate::rig::free_port;
use crate::rig::servers::http::{Answer, Http};

#[test]
fn it_waits_until_the_service_is_well() {
    let server = Http::start();
    let starting = Answer::new(503, "starting");
    server.tell(
        "/health",
        &[starting.clone(), Answer::slam(), starting, Answer::new(200, r#"{"status":"ok","n":1}"#)],
    );
    let script = r#"
        let h = api.health("/health", #{ json: #{ status: "ok" }, body: "ok", every: "10ms", under: "5s" });
        check "attempts", h.attempts == 4;
        check "status", h.status == 200;
        check "times", h.ms > 0.0 && h.took_ms >= h.ms;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
}

#[test]
fn one_good_answer_is_not_enough_when_it_must_hold() {
    let server = Http::start();
    let (good, bad) = (Answer::new(200, "ok"), Answer::new(500, "flap"));
    server.tell("/health", &[good.clone(), good.clone(), bad, good]);
    let script = r#"
        let h = api.health("/health", #{ every: "50ms", holds_for: "3s", within: "30s" });
        check "held", h.took_ms >= 3000.0;
        check "looked again and again", h.attempts > 5;
    "#;
    exec(project(&server.url(), ""), script).expect(0);
}

#[test]
fn a_service_that_flaps_does_not_hold() {
    let server = Http::start();
    let answers: Vec<Answer> = (0..2000)
        .map(|n| if n % 2 == 1 { Answer::new(500, "flap") } else { Answer::new(200, "ok") })
        .collect();
    server.tell("/health", &answers);
    let script = r#"api.health("/health", #{ every: "20ms", holds_for: "500ms", within: "4s" });"#;
    exec(project(&server.url(), ""), script).expect(1).says("500 Internal Server Error: flap");
}

#[test]
fn it_gives_up_and_tells_what_it_saw() {
    let server = Http::start();
    server.tell("/health", &[Answer::new(200, r#"{"db":{"up":false}}"#)]);
    let wait = |options: &str| {
        let script = format!("api.health(\"/health\", #{{ within: \"2s\", every: \"50ms\", {options} }});");
        exec(project(&server.url(), ""), &script)
            .expect(1)
            .says("/health of `http.api` was not healthy within 2s")
    };
    wait("json: #{ db: #{ up: true } }").says("200 OK, `db.up` is false").says("asked ");
    wait("json: #{ cache: 1 }").says("`cache` is missing");
    wait("body: \"ready\"").says("200 OK without `ready`");
    wait("status: 204").says("wanted that it answers 204");
    server.tell("/health", &[Answer::new(200, "").after(60)]);
    wait("under: \"30ms\"").says("200 OK, too slow (in ");
    server.tell("/health", &[Answer::never()]);
    wait("under: \"30ms\"").says("no answer (in ");
}

#[test]
fn a_service_that_is_not_there_is_told_as_that() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let seen =
        exec(project(&url, ""), r#"api.health("/health", #{ within: "2s", every: "20ms" });"#).expect(1);
    seen.says("was not healthy within 2s").says("Connection refused");
}
