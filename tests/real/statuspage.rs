//! Incidents and components of a status page, against a recorder that answers what Statuspage's manual says.

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

const COMPONENTS: &str = r#"[{"id":"c1","name":"API","status":"operational"},{"id":"c2","name":"Web","status":"degraded_performance"}]"#;
const INCIDENT: &str =
    r#"{"id":"i1","name":"Slow","status":"investigating","impact":"minor","shortlink":"https://stspg.io/x"}"#;

fn page(server: &Http) -> Rig {
    server.tell("GET /v1/pages/p1", &[Answer::new(200, r#"{"id":"p1","name":"Shop"}"#)]);
    server.tell("GET /v1/pages/p1/components", &[Answer::new(200, COMPONENTS)]);
    server.tell("GET /v1/pages/p1/incidents/unresolved", &[Answer::new(200, "[]")]);
    server.tell("GET /v1/pages/p1/incidents/i1", &[Answer::new(200, INCIDENT)]);
    server.tell("POST /v1/pages/p1/incidents", &[Answer::new(201, INCIDENT)]);
    server.tell(
        "PATCH /v1/pages/p1/incidents/i1",
        &[Answer::new(200, &INCIDENT.replace("investigating", "resolved"))],
    );
    for id in ["c1", "c2"] {
        server.tell(&format!("PATCH /v1/pages/p1/components/{id}"), &[Answer::new(200, "{}")]);
    }
    let settings = format!(
        "[env.local.statuspage.public]\npage = \"p1\"\ntoken = \"env:TOKEN\"\nurl = \"{}/v1\"\naccess = \"write\"\n",
        server.url()
    );
    Rig::new(&settings).variable("TOKEN", "hunter2-token")
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Test.\n//! uses = [\"statuspage.public:write\"]\nlet page = statuspage(\"public\");\n{body}\n"
    ))
}

/// The changes that arrived: method, the end of the path, and the body.
fn changes(server: &Http) -> Vec<(String, String, Value)> {
    let got = server.got().into_iter().filter(|got| got.method != "GET");
    got.map(|got| {
        let path = got.path.trim_start_matches("/v1/pages/p1/").to_owned();
        (got.method, path, serde_json::from_str(&got.body).unwrap())
    })
    .collect()
}

#[test]
fn an_incident_is_created_updated_and_resolved() {
    let server = Http::start();
    let (_, seen) = exec(
        page(&server),
        r#"let incident = page.create("Slow", #{ text: "We look.", components: #{ API: "partial_outage" } });
           check "sent", incident.sent && incident.id == "i1" && incident.url.contains("stspg");
           page.update(incident.id, "Found it.", #{ status: "identified" });
           check "resolved", page.resolve(incident.id, "Over.", #{ components: #{ API: "operational" } }).status == "resolved";
           check "read", page.components() == #{ API: "operational", Web: "degraded_performance" };
           check "none open", page.incidents().len == 0;"#,
    );
    seen.expect(0).hides("hunter2");
    assert!(server.got().iter().all(|got| got.headers["authorization"] == "OAuth hunter2-token"));
    let all = changes(&server);
    let created = &all[0].2["incident"];
    assert_eq!(
        (&created["status"], &created["components"]["c1"]),
        (&"investigating".into(), &"partial_outage".into())
    );
    assert!(created["metadata"]["playbook"]["key"].as_str().unwrap().starts_with("playbook-local-2"));
    assert_eq!(
        (all[1].0.as_str(), all[1].1.as_str(), &all[1].2["incident"]["status"]),
        ("PATCH", "incidents/i1", &"identified".into())
    );
    assert_eq!(all[2].2["incident"]["status"], "resolved");
}

#[test]
fn a_run_that_fails_resolves_its_incident_and_restores_components() {
    let server = Http::start();
    let rig = page(&server);
    let after = COMPONENTS.replace("degraded_performance", "major_outage");
    server.tell(
        "GET /v1/pages/p1/components",
        &[Answer::new(200, COMPONENTS), Answer::new(200, COMPONENTS), Answer::new(200, &after)],
    );
    let body = r#"page.component("Web", "major_outage"); page.component("API", "operational");
                  page.create("Slow", #{ components: #{ API: "partial_outage" } }); check "fails", false;"#;
    // The rig cannot know the key before the run, so it finds nothing open, and only the components are restored.
    exec(rig, body).1.expect(1).says("taken back");
    let all = changes(&server);
    let shown: Vec<String> = all.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(
        shown,
        ["PATCH components/c2", "POST incidents", "PATCH components/c1", "PATCH components/c2"]
    );
    assert_eq!(all[2].2["component"]["status"], "operational");
    assert_eq!(all[3].2["component"]["status"], "degraded_performance");
}

#[test]
fn what_is_said_of_an_incident_is_taken_back_by_its_state_before() {
    let server = Http::start();
    exec(page(&server), r#"page.resolve("i1"); check "fails", false;"#).1.expect(1);
    let all = changes(&server);
    assert_eq!(all[0].2["incident"]["status"], "resolved");
    assert_eq!(
        (all[1].1.as_str(), &all[1].2["incident"]["status"]),
        ("incidents/i1", &"investigating".into())
    );
}

#[test]
fn a_refusal_fails_nothing_unless_it_must_and_names_the_near_component() {
    let server = Http::start();
    let rig = page(&server);
    server.tell("POST /v1/pages/p1/incidents", &[Answer::new(422, r#"{"error":["Name can't be blank"]}"#)]);
    let (rig, seen) = exec(
        rig,
        r#"check "not sent", !page.create("").sent; let lost = page.component("Wep", "operational");
           check "named", lost.what.contains("Wep") && lost.fix.contains("`Web`");
           check "nothing to resolve", !page.resolve(page.create("").id).changed;"#,
    );
    seen.expect(0).says("Name can't be blank");
    exec(rig, r#"page.component("Wep", "operational", #{ must: true });"#)
        .1
        .expect(1)
        .says("no component `Wep`");
    let rig = page(&server);
    server.tell(
        "GET /v1/pages/p1/components",
        &[Answer::new(420, "Enhance Your Calm").header("retry-after", "1"), Answer::new(200, COMPONENTS)],
    );
    exec(rig, r#"check "waited", page.component("Web", "operational").changed;"#)
        .1
        .expect(0)
        .says("asked to wait");
    server.tell("GET /v1/pages/p1/components", &[Answer::never()]);
    exec(
        page_again(&server),
        r#"check "not sent", !page.component("Web", "operational", #{ timeout: "300ms" }).sent;"#,
    )
    .1
    .expect(0);
}

/// The same project, the answers as they are.
fn page_again(server: &Http) -> Rig {
    let settings = format!(
        "[env.local.statuspage.public]\npage = \"p1\"\ntoken = \"env:TOKEN\"\nurl = \"{}/v1\"\naccess = \"write\"\n",
        server.url()
    );
    Rig::new(&settings).variable("TOKEN", "hunter2-token")
}

#[test]
fn a_plan_changes_nothing_and_the_doctor_reads_the_page() {
    let server = Http::start();
    let script = "//! T.\n//! uses = [\"statuspage.public:write\"]\nlet page = statuspage(\"public\");\nlet i = page.create(\"Slow\");\npage.resolve(i.id);\npage.component(\"API\", \"under_maintenance\");\n";
    let rig = page(&server).file("test.rhai", script);
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("create an incident on public: Slow")
        .says("show API as under maintenance");
    rig.run(&["doctor"]).expect(0).says("Shop").says("2 components");
    assert!(changes(&server).is_empty());
    server.tell("GET /v1/pages/p1", &[Answer::new(401, r#"{"error":"Could not authenticate"}"#)]);
    rig.run(&["doctor"]).expect(1).says("not permitted").says("Could not authenticate").hides("hunter2");
}

#[test]
fn after_a_crash_the_page_is_asked_what_it_shows() {
    use crate::rig::crash::{AFTER, BEFORE};
    let shown = |more: &str| Answer::new(200, &INCIDENT.replace("\"name\"", &format!("{more},\"name\"")));
    for moment in [BEFORE, AFTER] {
        let server = Http::start();
        let body = r#"let made = page.create("Slow"); check "told", made.sent && made.id == "i1";"#;
        let rig = crashed(page(&server), moment, body);
        if moment == AFTER {
            let key = changes(&server)[0].2["incident"]["metadata"]["playbook"]["key"].to_string();
            let own = INCIDENT
                .replace("\"name\"", &format!("\"metadata\":{{\"playbook\":{{\"key\":{key}}}}},\"name\""));
            server.tell("GET /v1/pages/p1/incidents/unresolved", &[Answer::new(200, &format!("[{own}]"))]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(changes(&server).len(), 1, "create at {moment}");

        // The same state as before, so that only its words tell.
        let server = Http::start();
        let body = r#"check "told", page.update("i1", "We look.", #{ status: "investigating" }).id == "i1";"#;
        let rig = page(&server);
        server.tell("GET /v1/pages/p1/incidents/i1", &[shown("\"incident_updates\":[]")]);
        let rig = crashed(rig, moment, body);
        if moment == AFTER {
            let said = shown("\"incident_updates\":[{\"body\":\"We look.\",\"status\":\"investigating\"}]");
            server.tell("GET /v1/pages/p1/incidents/i1", &[said]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(changes(&server).len(), 1, "update at {moment}");

        let server = Http::start();
        let rig = crashed(page(&server), moment, r#"check "told", page.resolve("i1").sent;"#);
        let after = Answer::new(200, &INCIDENT.replace("investigating", "resolved"));
        if moment == AFTER {
            server.tell("GET /v1/pages/p1/incidents/i1", &[after]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(changes(&server).len(), 1, "resolve at {moment}");

        let server = Http::start();
        let rig =
            crashed(page(&server), moment, r#"check "told", page.component("Web", "operational").sent;"#);
        if moment == AFTER {
            let after = COMPONENTS.replace("degraded_performance", "operational");
            server.tell("GET /v1/pages/p1/components", &[Answer::new(200, &after)]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(changes(&server).len(), 1, "component at {moment}");
    }
}

fn crashed(rig: Rig, moment: &str, body: &str) -> Rig {
    let script = format!(
        "//! Test.\n//! uses = [\"statuspage.public:write\"]\nlet page = statuspage(\"public\");\n{body}\n"
    );
    let rig = rig.file("test.rhai", &script);
    rig.killed(moment);
    rig
}
