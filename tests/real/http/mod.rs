//! `http` against a real server that answers as it is told.

mod failures;
mod health;
mod load;
mod tls;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

/// A project with `server` as `http.api`, everything granted, and more lines of settings.
fn project(url: &str, more: &str) -> Rig {
    Rig::new(&format!("[env.local.http.api]\nurl = \"{url}\"\naccess = \"destroy\"\n{more}\n"))
}

/// Runs `script` with `api` for the service.
fn exec(rig: Rig, script: &str) -> Seen {
    let script =
        format!("//! Test.\n//!\n//! uses = [\"http.api:destroy\"]\nlet api = http(\"api\");\n{script}\n");
    rig.exec(&script).1
}

#[test]
fn an_answer_comes_as_status_headers_body_json_and_time() {
    let server = Http::start();
    server.tell("/v1/users", &[Answer::new(200, r#"{"users":[{"name":"ada"}]}"#).header("X-Page", "3")]);
    server.tell("/v1/text", &[Answer::new(200, "no json")]);
    let script = r#"
        let a = api.get("/users", #{ query: #{ q: "a b", n: 2 }, headers: #{ "X-Trace": "t1" } });
        check "status", a.status == 200;
        check "json", a.json.users[0].name == "ada";
        check "body", a.body.contains("ada");
        check "header", a.headers["x-page"] == "3";
        check "time", a.ms > 0.0;
        check "no json", !("json" in api.get("text"));
    "#;
    exec(project(&format!("{}/v1/", server.url()), ""), script).expect(0);
    let got = server.got();
    assert_eq!((got[0].path.as_str(), got[0].headers["x-trace"].as_str()), ("/v1/users?n=2&q=a+b", "t1"));
    assert!(got[0].headers["user-agent"].starts_with("playbook/"));
}

#[test]
fn bodies_go_as_json_text_or_form() {
    let server = Http::start();
    for path in ["/a", "/b", "/c", "/d"] {
        server.tell(path, &[Answer::new(201, "")]);
    }
    let script = r#"
        api.post("/a", #{ json: #{ n: 1, list: [true] } });
        api.put("/b", #{ text: "grüße" });
        api.patch("/c", #{ form: #{ q: "a&b", n: 7 } });
        api.delete("/d");
    "#;
    exec(project(&server.url(), ""), script).expect(0);
    let got = server.got();
    let seen: Vec<_> = got
        .iter()
        .map(|got| {
            (
                got.method.as_str(),
                got.headers.get("content-type").map_or("", String::as_str),
                got.body.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("POST", "application/json", r#"{"list":[true],"n":1}"#),
            ("PUT", "text/plain; charset=utf-8", "grüße"),
            ("PATCH", "application/x-www-form-urlencoded", "n=7&q=a%26b"),
            ("DELETE", "", ""),
        ]
    );
}

#[test]
fn a_bad_status_is_an_error_unless_it_is_expected() {
    let server = Http::start();
    server.tell("/busy", &[Answer::new(503, "<h1>down for\n repairs</h1>")]);
    let seen = exec(project(&server.url(), ""), r#"api.get("/busy");"#).expect(1);
    seen.says("GET /busy of `http.api` answered 503 Service Unavailable")
        .says("why: <h1>down for repairs</h1>");
    let script = r#"
        check "expected", api.get("/busy", #{ expect: [503] }).status == 503;
        try { api.get("/busy"); } catch (error) { check "details", error.details.status == 503; }
        api.get("/missing", #{ expect: [200, 204] });
    "#;
    exec(project(&server.url(), ""), script).expect(1).says("answered 404 Not Found, wanted 200 or 204");
}

#[test]
fn a_write_is_taken_back_by_its_undo_and_one_without_says_so() {
    let server = Http::start();
    server.tell("/mode", &[Answer::new(200, "")]);
    let script = r#"
        step "Maintenance" {
            api.post("/mode", #{ json: #{ on: true }, undo: #{ method: "put", path: "/mode", json: #{ on: false } } });
        }
        step "Bad" { fail("no"); }
    "#;
    exec(project(&server.url(), ""), script).expect(1).says("taken back");
    let got = server.got();
    assert_eq!((got[1].method.as_str(), got[1].body.as_str()), ("PUT", r#"{"on":false}"#));
    let seen = exec(project(&server.url(), ""), r#"api.post("/mode"); fail("no");"#).expect(6);
    seen.says("could NOT be taken back").says("say it with `undo: #{ method, path, json }`");
}

#[test]
fn a_change_that_was_sent_and_not_answered_is_in_doubt() {
    let server = Http::start();
    server.tell("/deploy", &[Answer::slam()]);
    exec(project(&server.url(), ""), r#"api.post("/deploy");"#)
        .says("in doubt")
        .says("closed the connection without an answer");
    // Twice is the same as once here, so it may be tried again.
    server.tell("/limits", &[Answer::slam(), Answer::new(200, "")]);
    exec(project(&server.url(), ""), r#"api.put("/limits", #{ json: 1, retry: 2 });"#).expect(0);
}

#[test]
fn secrets_travel_only_to_the_service() {
    let server = Http::start();
    server.tell("/", &[Answer::new(500, "you sent Bearer t0p-s3cret-token")]);
    let settings =
        "token = \"env:API_TOKEN\"\nheaders = { \"X-Key\" = \"env:API_KEY\", \"X-Plain\" = \"p\" }";
    let rig = project(&server.url(), settings)
        .variable("API_TOKEN", "t0p-s3cret-token")
        .variable("API_KEY", "k3y-value");
    exec(rig, r#"api.get("/");"#)
        .expect(1)
        .hides("t0p-s3cret")
        .hides("k3y-value")
        .says("you sent Bearer [secret]");
    let headers = &server.got()[0].headers;
    assert_eq!(
        (headers["authorization"].as_str(), headers["x-key"].as_str()),
        ("Bearer t0p-s3cret-token", "k3y-value")
    );

    let settings = "user = \"ada\"\npassword = \"file:secrets/pw\"";
    let rig = project(&server.url(), settings).file("secrets/pw", "l0velace\n");
    exec(rig, r#"api.get("/", #{ expect: [500] });"#).expect(0);
    assert_eq!(server.got()[1].headers["authorization"], "Basic YWRhOmwwdmVsYWNl");
}

#[test]
fn redirects_stay_on_the_host() {
    let (server, other) = (Http::start(), Http::start());
    server.tell("/old", &[Answer::new(302, "").header("location", "/new")]);
    server.tell("/new", &[Answer::new(200, "here")]);
    server.tell("/round", &[Answer::new(302, "").header("location", "/round")]);
    server.tell("/away", &[Answer::new(302, "").header("location", &format!("{}/x", other.url()))]);
    exec(project(&server.url(), ""), r#"check "followed", api.get("/old").body == "here";"#).expect(0);
    exec(project(&server.url(), "follow = 0"), r#"check "not followed", api.get("/old").status == 302;"#)
        .expect(0);
    exec(project(&server.url(), ""), r#"api.get("/round");"#).expect(1).says("more than 5 redirects");
    exec(project(&server.url(), ""), r#"api.get("/away");"#).expect(1).says("which is another host");
    assert!(other.got().is_empty(), "the other host was asked: {:?}", other.got());
}

#[test]
fn a_path_cannot_lead_away() {
    let server = Http::start();
    for path in ["//127.0.0.1:1/x", "http://127.0.0.1:1/", "/../up", "/%2e%2e/up"] {
        let rig = project(&format!("{}/v1", server.url()), "");
        // Computed, so that no check stands before the request.
        exec(rig, &format!("let path = \"{path}\";\napi.get(path);"))
            .expect(1)
            .says("is no path of that resource");
    }
    assert!(server.got().is_empty(), "{:?}", server.got());
}

#[test]
fn a_plan_reads_and_does_not_write() {
    let server = Http::start();
    server.tell("/version", &[Answer::new(200, r#"{"n":1}"#)]);
    let script = "//! Test.\n//!\n//! uses = [\"http.api:write\"]\nlet api = http(\"api\");\n\
        check \"version\", api.get(\"/version\").json.n == 1;\napi.post(\"/deploy\", #{ json: 1 });\napi.health(\"/version\");\n";
    let rig = project(&server.url(), "").file("test.rhai", script);
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("POST /deploy of http.api")
        .says("wait until /version of http.api answers 200");
    let got = server.got();
    assert!(got.len() == 1 && got[0].path == "/version", "{got:?}");
}
