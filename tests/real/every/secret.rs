//! A secret that a resource uses stands nowhere afterwards, even where the other side gives back all that it was told: on no
//! output, in no log, trace, record, report or file, and among the arguments of no process; neither as it is nor encoded.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::example::Example;
use super::far::Echo;
use super::{One, each, known, world};
use crate::rig::seen::Seen;
use crate::rig::servers::otlp::Collector;

const SECRET: &str = "s3cr&t/with+all=kinds";

/// Where a resource of the family takes a secret, beyond what every test of the register gives it.
fn secrets(family: &str) -> &'static str {
    match family {
        "http" | "prometheus" | "alertmanager" => "token = \"env:TOKEN\"\n",
        "webhook" => "secret = \"env:TOKEN\"\nheaders = { x-key = \"env:TOKEN\" }\n",
        "postgres" | "amqp" => "password = \"env:TOKEN\"\n",
        "registry" => "user = \"app\"\npassword = \"env:TOKEN\"\n",
        "redis" => "user = \"app\"\npassword = \"env:TOKEN\"\n",
        "kafka" => "user = \"app\"\npassword = \"env:TOKEN\"\nmechanism = \"SCRAM-SHA-512\"\n",
        "program" | "pm2" | "service" => "env = { TOKEN = \"env:TOKEN\" }\n",
        _ => "",
    }
}

/// What takes none.
const NONE: &[(&str, &str)] = &[
    ("sqlite", "a file of this machine asks for no password"),
    ("files", "a folder of this machine asks for no password"),
    ("disk", "a disk of this machine asks for no password"),
    ("journal", "the record is the run's own file"),
    ("git", "it logs in with what the machine has"),
    ("haproxy", "its runtime interface knows no password"),
    ("nginx", "it is asked by a program of this machine"),
    ("tcp", "a port is opened and nothing said"),
    ("tls", "only what the server shows is read"),
    ("dns", "name servers answer everybody here"),
    ("grpc", "the health service asks for no password"),
    ("mail", "a password is told over TLS alone: its own tests do that"),
];

/// Families whose changes certainly give it to the other side, and tell what comes back: else the test would see nothing.
const TOLD_BACK: &[&str] =
    &["http", "prometheus", "grafana", "chat", "github", "statuspage", "webhook", "program"];

fn forms() -> Vec<String> {
    let url = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let url: String = SECRET.bytes().map(url).collect();
    let html = SECRET.replace('&', "&amp;");
    vec![SECRET.to_owned(), STANDARD.encode(SECRET), URL_SAFE_NO_PAD.encode(SECRET), url, html]
}

fn holds_none(what: &str, text: &str) -> Result<(), String> {
    match forms().into_iter().find(|form| text.contains(form)) {
        Some(form) => Err(format!("{what} tells the secret as `{form}`:\n{text}")),
        None => Ok(()),
    }
}

fn keep(one: One, echo: &Echo, traces: &str) -> Result<(), String> {
    let example = Example::of(one)?.hurried().heeded()?.option("timeout: \"3s\"")?;
    let rig = world::project_with(&example, &echo.far, "destroy", &secrets)
        .file("t.rhai", &example.script("destroy"))
        .variable("TOKEN", SECRET);
    let settings = std::fs::read_to_string(rig.path("playbook.toml")).unwrap();
    let settings = format!("{settings}[telemetry]\nendpoint = \"{traces}\"\n");
    std::fs::write(rig.path("playbook.toml"), settings).unwrap();
    let told = rig.run(&["exec", "t.rhai", "--no-input"]);
    let json = rig.run(&[
        "exec",
        "t.rhai",
        "--no-input",
        "--output",
        "json",
        "--log-format",
        "json",
        "--log",
        "debug",
    ]);
    let report = rig.run(&["report", "last", "--format", "html"]);
    let shown = rig.run(&["show", "last"]);
    let all: [(&str, &Seen); 4] =
        [("the terminal", &told), ("JSON and log", &json), ("the report", &report), ("`show`", &shown)];
    for (what, seen) in all {
        holds_none(what, &seen.all())?;
    }
    for form in forms() {
        // What a service itself writes goes into its log without passing through here: it outlives the run.
        let found = rig.holds(form.as_bytes()).filter(|path| !path.ends_with("services/app.log"));
        if let Some(path) = found {
            return Err(format!("{} holds `{form}`", path.display()));
        }
    }
    if rig.path("in-arguments").exists() {
        return Err("a process has the secret among its arguments".to_owned());
    }
    let is_masked = told.all().contains("[secret]");
    // A load counts the answers, and tells none.
    let tells = TOLD_BACK.contains(&one.family.name) && one.entry.name != "load_changes";
    if tells && !one.entry.effect.is_read() && !is_masked {
        return Err(format!("it was not given the secret, or did not tell what came back: {told}"));
    }
    Ok(())
}

#[test]
fn no_secret_is_told_by_any() {
    let echo = Echo::start();
    known(&[NONE]);
    let (collector, count) = (Collector::start(), AtomicUsize::new(0));
    let test = |one| {
        count.fetch_add(2, Ordering::Relaxed);
        keep(one, &echo, &collector.url())
    };
    each(|one| !one.is_among(NONE), test);
    let spans = collector.spans();
    let runs = spans.iter().filter(|span| span.parent_span_id.is_empty()).count();
    assert_eq!(runs, count.into_inner(), "each run is told with its spans");
    holds_none("a trace", &format!("{spans:?}")).unwrap();
}
