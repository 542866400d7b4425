//! A secret that a run used is looked for in everything that tells of runs: page, stream, report, metrics, log, traces.

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{PROJECT, Page, last};
use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::otlp::Collector;

const SECRET: &str = "s3cr&t/with \"quotes\"+x";

/// Says the secret wherever a playbook can say something.
const TELL: &str = r#"//! Use a secret.
//!
//! uses = ["program.tool:write", "http.api:read", "files.out:write"]
step "Use it" {
    let said = program("tool").run(["-c", "printf '%s\n' \"$TOKEN\"; printf %s \"$TOKEN\" | base64; while ! [ -e end ]; do sleep 0.05; done"]);
    log(`it said ${said.stdout}`);
    let answer = http("api").get("/echo");
    metric "echo", answer.body != "";
    check `as said: ${answer.body}`, answer.body != said.stdout;
    step `inside ${answer.body}` { log("here"); }
    try { fail(answer.body); } catch {}
    retry 2 every "1ms" { fail(`again ${answer.body}`); }
}
"#;

/// The secret and its escaped forms.
fn forms() -> Vec<String> {
    let url: String =
        SECRET
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") }
            })
            .collect();
    let json = serde_json::to_string(SECRET).unwrap();
    let html = SECRET.replace('&', "&amp;").replace('"', "&quot;");
    let json = json.trim_matches('"').to_owned();
    vec![SECRET.to_owned(), STANDARD.encode(SECRET), URL_SAFE_NO_PAD.encode(SECRET), url, json, html]
}

#[track_caller]
fn holds_none(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} is empty");
    for form in forms() {
        assert!(!text.contains(&form), "{what} holds `{form}`:\n{text}");
    }
}

#[test]
fn a_secret_stands_in_nothing_that_tells_of_the_run() {
    let server = Http::start();
    server.tell("/echo", &[Answer::new(200, &format!("you are {SECRET}"))]);
    let collector = Collector::start();
    let settings = format!(
        "{}env = {{ TOKEN = \"env:TOKEN\" }}\n[env.local.http.api]\nurl = \"{}\"\ntoken = \"env:TOKEN\"\n[telemetry]\nendpoint = \"{}\"\n",
        PROJECT,
        server.url(),
        collector.url()
    );
    let rig = Rig::new(&settings).file("tell.rhai", TELL).variable("TOKEN", SECRET);
    let page = Page::serve(&rig, &[]);
    let mut command =
        rig.command(&["exec", "tell.rhai", "--log-format", "json", "--log", "debug", "--no-rollback"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::rig::wait_until("the run has begun", 30, || rig.run(&["runs"]).stdout.contains("tell.rhai"));
    let run = last(&rig);
    // What streams while it runs, until it has ended.
    let mut stream = TcpStream::connect(("127.0.0.1", page.port())).unwrap();
    let head = format!("GET /runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", page.port());
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let (mut streamed, mut buffer) = (Vec::new(), [0; 4096]);
    let mut is_told = false;
    while !String::from_utf8_lossy(&streamed).contains("\"live\":false") {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0);
        streamed.extend_from_slice(&buffer[..read]);
        if !is_told && String::from_utf8_lossy(&streamed).contains("event: lines") {
            std::fs::write(rig.path("end"), "").unwrap();
            is_told = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let streamed = String::from_utf8_lossy(&streamed);
    assert!(streamed.contains("event: lines"), "the output was streamed: {streamed}");
    holds_none("the stream", &streamed);
    holds_none("the output", &out);
    holds_none("the log", &log);
    for path in
        ["", &format!("runs/{run}"), &format!("runs/{run}/timeline"), "metrics", "playbooks/tell.rhai"]
    {
        holds_none(path, &page.text(path));
    }
    for form in ["md", "html", "json", "junit"] {
        holds_none(form, &rig.run(&["report", &run, "--format", form]).expect(0).stdout);
    }
    holds_none("the traces", &format!("{:?}", collector.spans()));
    assert!(!collector.spans().is_empty());
    rig.keeps_no(SECRET);
    assert!(server.got().iter().all(|got| format!("{got:?}").to_lowercase().contains("traceparent")));
}
