//! What goes wrong between two machines, each told as what it is.

use std::net::TcpListener;
use std::time::Instant;

use super::{exec, project};
use crate::rig::free_port;
use crate::rig::servers::http::{Answer, Http};

#[test]
fn a_change_that_was_never_sent_has_nothing_to_take_back() {
    let url = format!("http://127.0.0.1:{}", free_port());
    exec(project(&url, ""), r#"api.post("/x", #{ json: #{ a: 1 } });"#)
        .expect(1)
        .says("nothing listens")
        .hides("taken back");
}

#[test]
fn nobody_listens() {
    let seen = exec(project(&format!("http://127.0.0.1:{}", free_port()), ""), r#"api.get("/x");"#).expect(1);
    seen.says("GET /x of `http.api` failed: nothing listens at 127.0.0.1:")
        .says("Connection refused")
        .says("fix: start the server");
}

#[test]
fn no_such_host() {
    let seen = exec(project("http://no-such-host.invalid:8080", ""), r#"api.get("/x");"#).expect(1);
    seen.says("the host `no-such-host.invalid` was not found").says("fix: correct `url`");
}

#[test]
fn a_server_that_never_answers_is_left_at_the_deadline() {
    let server = Http::start();
    server.tell("/slow", &[Answer::never()]);
    let begin = Instant::now();
    exec(project(&server.url(), ""), r#"api.get("/slow", #{ timeout: "300ms" });"#).expect(4).says("300ms");
    assert!(begin.elapsed().as_secs() < 10, "it took {:?}", begin.elapsed());
}

#[test]
fn a_connection_that_is_closed_without_a_word() {
    let server = Http::start();
    server.tell("/x", &[Answer::slam()]);
    exec(project(&server.url(), ""), r#"api.get("/x");"#)
        .expect(1)
        .says("closed the connection without an answer");
}

#[test]
fn a_download_that_breaks_off() {
    let server = Http::start();
    server.tell("/half", &[Answer::new(200, &"x".repeat(5000)).half()]);
    let seen = exec(project(&server.url(), ""), r#"api.get("/half");"#).expect(1);
    seen.says("the answer to GET /half of `http.api` broke off after 4.9 KiB").says("why: ");
}

#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let server = Http::start();
    server.tell("/endless", &[Answer::endless()]);
    let seen = exec(project(&server.url(), ""), r#"api.get("/endless");"#).expect(1);
    seen.says("the answer to GET /endless of `http.api` is longer than 1.0 MiB").says("raise `largest_body`");
    let small = project(&server.url(), "largest_body = \"4 KiB\"");
    exec(small, r#"api.get("/endless");"#).expect(1).says("is longer than 4.0 KiB");
}

#[test]
fn bytes_that_are_no_text() {
    let server = Http::start();
    server.tell("/bytes", &[Answer::bytes(200, b"abc\xff\xfe")]);
    let seen = exec(project(&server.url(), ""), r#"api.get("/bytes");"#).expect(1);
    seen.says("is not UTF-8 text").says("the first wrong byte stands at offset 3");
}

#[test]
fn something_that_does_not_speak_http() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let speaker = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
        std::io::Write::write_all(&mut stream, b"500 what do you want?\r\n").unwrap();
    });
    exec(project(&url, ""), r#"api.get("/x");"#)
        .expect(1)
        .says("GET /x of `http.api` failed")
        .says("invalid HTTP version");
    speaker.join().unwrap();
}

#[test]
fn what_a_playbook_may_not_say() {
    let server = Http::start();
    let run = |script: &str| exec(project(&server.url(), ""), script).expect(1);
    run(r#"api.post("/x", #{ json: 1, text: "1" });"#).says("a request has one body");
    run(r#"api.get("/x", #{ query: #{ deep: [1] } });"#).says("`deep` is [1]");
    run(r#"api.get("/x", #{ headers: #{ "a b": "c" } });"#).says("`a b` is no name of a header");
    run(r#"api.get("/x", #{ headers: #{ a: "c\r\nHost: evil" } });"#)
        .says("characters that a header cannot carry");
    run(r#"let long = "60s"; api.health("/x", #{ holds_for: long });"#)
        .says("it cannot hold for 60s within 30s");
    run(r#"let none = 0; api.load("/x", #{ requests: none });"#).says("give 1 to 10000000 `requests`");
    assert!(server.got().is_empty(), "{:?}", server.got());
}

#[test]
fn a_base_address_with_a_password_in_it() {
    let seen = exec(project("http://ada:l0velace@127.0.0.1:1", ""), r#"api.get("/x");"#).expect(1);
    seen.says("`url` of `http.api` holds a user or a password");
}
