//! Incidents of a pager, against a recorder that answers what PagerDuty's and Opsgenie's manuals say.

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

const KEY: &str = "hunter2hunter2hunter2hunter2hunt";
const QUEUED: &str = r#"{"status":"success","message":"Event processed","dedup_key":"deploy-api"}"#;
const ACCEPTED: &str = r#"{"result":"Request will be processed","took":0.1,"requestId":"43a29c5c"}"#;

fn pager(server: &Http, kind: &str) -> Rig {
    let settings = format!(
        "[env.local.pager.oncall]\nkind = \"{kind}\"\nkey = \"env:KEY\"\nurl = \"{}\"\naccess = \"write\"\n",
        server.url()
    );
    Rig::new(&settings).variable("KEY", KEY)
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Test.\n//! uses = [\"pager.oncall:write\"]\nlet oncall = pager(\"oncall\");\n{body}\n"
    ))
}

fn bodies(server: &Http) -> Vec<Value> {
    server
        .got()
        .iter()
        .filter(|got| got.method == "POST")
        .map(|got| serde_json::from_str(&got.body).unwrap())
        .collect()
}

#[test]
fn an_incident_of_pagerduty_lives_by_its_key() {
    let server = Http::start();
    server.tell("/v2/enqueue", &[Answer::new(202, QUEUED)]);
    let long = "x".repeat(3000);
    let (_, seen) = exec(
        pager(&server, "pagerduty"),
        &format!(
            r#"let incident = oncall.trigger("{long}", #{{ severity: "critical", key: "deploy-api", fields: #{{ version: "v2" }} }});
               check "sent", incident.sent && incident.key == "deploy-api";
               oncall.acknowledge(incident.key); check "resolved", oncall.resolve("deploy-api").sent;"#
        ),
    );
    seen.expect(0).hides("hunter2");
    let sent = bodies(&server);
    assert_eq!(
        sent.iter().map(|one| one["event_action"].as_str().unwrap()).collect::<Vec<_>>(),
        ["trigger", "acknowledge", "resolve"]
    );
    assert!(sent.iter().all(|one| one["dedup_key"] == "deploy-api" && one["routing_key"] == KEY));
    let payload = &sent[0]["payload"];
    assert_eq!(
        (&payload["severity"], &payload["source"], &payload["custom_details"]["version"]),
        (&"critical".into(), &"playbook".into(), &"v2".into())
    );
    assert!(payload["summary"].as_str().unwrap().chars().count() <= 1024);
}

#[test]
fn a_run_that_fails_resolves_what_it_triggered() {
    let server = Http::start();
    server.tell("/v2/enqueue", &[Answer::new(202, QUEUED)]);
    let (_, seen) =
        exec(pager(&server, "pagerduty"), r#"oncall.trigger("the checks fail"); check "fails", false;"#);
    seen.expect(1).says("taken back");
    let sent = bodies(&server);
    assert_eq!((sent.len(), &sent[1]["event_action"]), (2, &"resolve".into()));
    assert_eq!(sent[0]["dedup_key"], sent[1]["dedup_key"]);
    assert!(sent[0]["dedup_key"].as_str().unwrap().starts_with("playbook-local-2"));
    // What could not be resolved is said: somebody is still being called.
    server.tell("/v2/enqueue", &[Answer::new(202, QUEUED), Answer::new(500, "down")]);
    exec(pager(&server, "pagerduty"), r#"oncall.trigger("the checks fail"); check "fails", false;"#)
        .1
        .expect(6)
        .says("500");
}

#[test]
fn what_pagerduty_refuses_fails_nothing_unless_it_must() {
    let server = Http::start();
    let refused = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
    server.tell("/v2/enqueue", &[Answer::new(400, refused)]);
    let (rig, seen) = exec(
        pager(&server, "pagerduty"),
        r#"check "not sent", !oncall.trigger("x").sent; check "never", !oncall.resolve(oncall.trigger("y").key).sent;"#,
    );
    seen.expect(0).says("should be 32 characters");
    let (_, seen) = exec(rig, r#"oncall.trigger("x", #{ must: true });"#);
    seen.expect(1).says("Event object is invalid");
    server.tell("/v2/enqueue", &[Answer::never()]);
    exec(
        pager(&server, "pagerduty"),
        r#"check "not sent", !oncall.trigger("x", #{ timeout: "300ms" }).sent;"#,
    )
    .1
    .expect(0);
}

#[test]
fn an_alert_of_opsgenie_lives_by_its_alias() {
    let server = Http::start();
    server.tell("POST /v2/alerts", &[Answer::new(202, ACCEPTED)]);
    server.tell(
        "GET /v2/alerts/deploy-api",
        &[Answer::new(404, r#"{"message":"Alert with alias [deploy-api] does not exist"}"#)],
    );
    for verb in ["acknowledge", "close"] {
        server.tell(&format!("POST /v2/alerts/deploy-api/{verb}"), &[Answer::new(202, ACCEPTED)]);
    }
    let body = r#"check "sent", oncall.trigger("slow", #{ severity: "warning", key: "deploy-api" }).sent;
                  oncall.acknowledge("deploy-api", #{ note: "we look" }); check "fails", false;"#;
    exec(pager(&server, "opsgenie"), body).1.expect(1).says("taken back");
    let got = server.got();
    assert!(got.iter().all(|got| got.headers["authorization"] == format!("GenieKey {KEY}")));
    let sent = bodies(&server);
    assert_eq!((&sent[0]["alias"], &sent[0]["priority"]), (&"deploy-api".into(), &"P3".into()));
    assert!(got.last().unwrap().path.starts_with("/v2/alerts/deploy-api/close?identifierType=alias"));
}

#[test]
fn an_alert_that_was_open_before_is_left_open() {
    let server = Http::start();
    server.tell("POST /v2/alerts", &[Answer::new(202, ACCEPTED)]);
    server
        .tell("GET /v2/alerts/shared", &[Answer::new(200, r#"{"data":{"status":"open","alias":"shared"}}"#)]);
    exec(pager(&server, "opsgenie"), r#"oncall.trigger("x", #{ key: "shared" }); check "fails", false;"#)
        .1
        .expect(1);
    assert!(!server.got().iter().any(|got| got.path.contains("close")), "somebody else's alert was closed");
}

#[test]
fn a_plan_wakes_nobody_and_the_doctor_looks_at_the_key() {
    let server = Http::start();
    let script =
        "//! T.\n//! uses = [\"pager.oncall:write\"]\npager(\"oncall\").trigger(\"x\", #{ key: \"k\" });\n";
    let rig = pager(&server, "pagerduty").file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("page oncall: x");
    assert!(bodies(&server).is_empty());
    rig.run(&["doctor"]).expect(0).says("PagerDuty Events API v2");
    rig.variable("KEY", "short-hunter2").run(&["doctor"]).expect(1).says("13 characters").hides("hunter2");
    server.tell("/v2/alerts/count", &[Answer::new(401, r#"{"message":"Could not authenticate"}"#)]);
    pager(&server, "opsgenie")
        .run(&["doctor"])
        .expect(1)
        .says("not permitted")
        .says("Could not authenticate");
    assert!(bodies(&server).is_empty());
}

#[test]
fn after_a_crash_nobody_is_woken_twice() {
    let server = Http::start();
    server.tell("/v2/enqueue", &[Answer::new(202, QUEUED)]);
    for line in ["oncall.trigger(\"slow\")", "oncall.acknowledge(\"k\")", "oncall.resolve(\"k\")"] {
        for moment in [crate::rig::crash::BEFORE, crate::rig::crash::AFTER] {
            let before = bodies(&server).len();
            let rig = crashed(pager(&server, "pagerduty"), moment, &format!("check \"sent\", {line}.sent;"));
            rig.run(&["resume", "last"]).expect(0);
            // Its own API tells nothing of what is open: the same event goes again, and adds to the incident of its key.
            let sent = bodies(&server).split_off(before);
            assert_eq!(sent.len(), if moment == crate::rig::crash::BEFORE { 1 } else { 2 }, "{line}");
            assert!(sent.iter().all(|one| *one == sent[0]), "{sent:?}");
        }
    }
}

#[test]
fn after_a_crash_opsgenie_is_asked_for_the_alert() {
    let server = Http::start();
    server.tell("POST /v2/alerts", &[Answer::new(202, ACCEPTED)]);
    server.tell(
        "GET /v2/alerts/k",
        &[Answer::new(404, r#"{"message":"Alert with alias [k] does not exist"}"#)],
    );
    let body =
        r#"let alert = oncall.trigger("slow", #{ key: "k" }); check "sent", alert.sent && alert.key == "k";"#;
    let rig = crashed(pager(&server, "opsgenie"), crate::rig::crash::AFTER, body);
    server.tell("GET /v2/alerts/k", &[Answer::new(200, r#"{"data":{"status":"open","alias":"k"}}"#)]);
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(bodies(&server).len(), 1, "it was made twice");
    server.tell("POST /v2/alerts/k/close", &[Answer::new(202, ACCEPTED)]);
    rig.run(&["rollback", "last"]).expect(0);
    let rig = crashed(
        pager(&server, "opsgenie"),
        crate::rig::crash::AFTER,
        r#"check "sent", oncall.resolve("k").sent;"#,
    );
    server.tell("GET /v2/alerts/k", &[Answer::new(200, r#"{"data":{"status":"closed","alias":"k"}}"#)]);
    let count = bodies(&server).len();
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(bodies(&server).len(), count, "it was closed twice");
}

fn crashed(rig: Rig, moment: &str, body: &str) -> Rig {
    let script =
        format!("//! Test.\n//! uses = [\"pager.oncall:write\"]\nlet oncall = pager(\"oncall\");\n{body}\n");
    let rig = rig.file("test.rhai", &script);
    rig.killed(moment);
    rig
}
