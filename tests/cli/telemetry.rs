//! Logs with ids, and traces: run, step and effect as spans at a real receiver, and the context that services are told.

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::otlp::{Collector, text};

const SCRIPT: &str = r#"//! Trace me.
//!
//! uses = ["http.api:write", "files.out:write"]
step "Outer" {
    step "Inner" {
        http("api").get("/version");
        files("out").put("one.txt", "1");
    }
    try { http("api").post("/broken", #{}); } catch {}
}
"#;

fn rig(server: &Http, more: &str) -> Rig {
    let settings = format!(
        "[env.local.http.api]\nurl = \"{}\"\naccess = \"write\"\n[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n{more}",
        server.url()
    );
    server.tell("/version", &[Answer::new(200, "{\"version\":1}")]);
    server.tell("/broken", &[Answer::new(500, "no")]);
    Rig::new(&settings).file("trace.rhai", SCRIPT)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_run_is_a_trace_and_the_services_that_it_calls_are_told_theirs() {
    let (server, collector) = (Http::start(), Collector::start());
    let rig =
        rig(&server, &format!("[telemetry]\nendpoint = \"{}/\"\nservice = \"deploys\"\n", collector.url()));
    rig.run(&["exec", "trace.rhai"]).expect(0);
    assert_eq!(collector.service(), "deploys");
    let spans = collector.spans();
    let of = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
    };
    let (run, outer, inner) = (of("playbook trace.rhai"), of("Outer"), of("Inner"));
    let (get, put, post) = (of("http.api.get"), of("files.out.put"), of("http.api.post"));
    assert_eq!(spans.len(), 6);
    assert!(spans.iter().all(|span| span.trace_id == run.trace_id && span.start_time_unix_nano <= span.end_time_unix_nano));
    assert!(
        run.parent_span_id.is_empty()
            && outer.parent_span_id == run.span_id
            && inner.parent_span_id == outer.span_id
    );
    assert!(
        get.parent_span_id == inner.span_id
            && put.parent_span_id == inner.span_id
            && post.parent_span_id == outer.span_id
    );
    assert_eq!(text(&run.attributes, "playbook.environment"), "local");
    assert_eq!(
        (text(&put.attributes, "playbook.effect"), text(&put.attributes, "playbook.position")),
        ("write".into(), "0/0/1".into())
    );
    let status = post.status.clone().unwrap();
    assert!(status.code == 2 && status.message.contains("500"), "{status:?}");
    // Each call of a service names the span of just that call.
    let parents: Vec<String> = server.got().iter().map(|got| got.headers["traceparent"].clone()).collect();
    let wanted = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
    };
    assert_eq!(parents, [wanted(get), wanted(post)]);
}

#[test]
fn the_environment_names_the_collector_and_the_trace_that_a_run_belongs_to() {
    let (server, collector) = (Http::start(), Collector::start());
    let rig = rig(&server, "[telemetry]\nendpoint = \"http://127.0.0.1:1\"\n")
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .variable("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    rig.run(&["exec", "trace.rhai"]).expect(0);
    let spans = collector.spans();
    let run = spans.iter().find(|span| span.name == "playbook trace.rhai").unwrap();
    assert_eq!(
        (hex(&run.trace_id), hex(&run.parent_span_id)),
        ("0af7651916cd43dd8448eb211c80319c".into(), "b7ad6b7169203331".into())
    );
}

#[test]
fn without_a_collector_nobody_is_told_and_one_that_is_down_fails_no_run() {
    let server = Http::start();
    let plain = rig(&server, "");
    plain.run(&["exec", "trace.rhai"]).expect(0);
    assert!(server.got().iter().all(|got| !got.headers.contains_key("traceparent")));
    let down = rig(&server, "[telemetry]\nendpoint = \"http://127.0.0.1:1\"\n");
    down.run(&["exec", "trace.rhai"]).expect(0);
    let wrong = rig(&server, "[telemetry]\nendpoint = \"not an address\"\nport = 1\n");
    wrong.run(&["exec", "trace.rhai"]).expect(2).says("`port` is no key of `telemetry`");
}

#[test]
fn a_log_line_has_the_ids_of_run_step_and_call() {
    let server = Http::start();
    let rig = rig(&server, "");
    let seen = rig.run(&["exec", "trace.rhai", "--log-format", "json"]).expect(0);
    let lines: Vec<Value> = seen
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let run = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
    let run: Value = serde_json::from_str(&run).unwrap();
    let put = lines
        .iter()
        .find(|line| {
            line["event"] == "effect_ended" && line["body"].as_str().unwrap().contains("files.out.put")
        })
        .unwrap_or_else(|| panic!("no put in {lines:?}"));
    assert_eq!(put["run"], run[0]["id"]);
    assert_eq!(
        (put["step"].as_str(), put["step_name"].as_str(), put["call"].as_str()),
        (Some("0/0"), Some("Inner"), Some("0/0/1"))
    );
    assert!(lines.iter().all(|line| line["target"] != "playbook" || line["run"] == run[0]["id"]));
    rig.run(&["exec", "trace.rhai", "--log-format", "xml"]).expect(2);
}
