//! Grafana: dashboards and annotations, against what its documented API answers.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::grafana::{Grafana, TOKEN};

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"grafana.main:{access}\"]\nlet boards = grafana(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn exec_as(token: &str, server: &Grafana, lines: &str) -> Seen {
    Rig::new(&server.settings("write")).variable("GRAFANA", token).exec(&script("write", lines)).1
}

fn exec(server: &Grafana, lines: &str) -> Seen {
    exec_as(TOKEN, server, lines)
}

#[test]
fn dashboards_are_found() {
    let server = Grafana::start();
    exec(
        &server,
        r#"
        check "well", boards.health() == #{ database: "ok", version: "11.2.0" };
        check "by its tag and folder", boards.dashboards(#{ tag: "api", folder: "Production" }).map(|one| one.uid) == ["api-overview"];
        check "in no other folder", boards.dashboards(#{ folder: "Staging" }) == [];
        check "by its title", boards.dashboards("overview")[0].title == "API overview" && boards.dashboards("other") == [];
        check "by its uid", boards.dashboard("api-overview").panels == ["Errors"];
        "#,
    )
    .expect(0);
    exec(&server, "boards.dashboard(\"api-overwiev\");")
        .expect(1)
        .says("no dashboard `api-overwiev`")
        .says("Dashboard not found");
    exec(&server, "boards.dashboard(\"../admin\");").expect(1).says("no uid of a dashboard");
}

#[test]
fn a_deployment_is_annotated_and_gets_its_end() {
    let server = Grafana::start();
    exec(
        &server,
        r#"
        let mark = boards.annotate("API v2", #{ tags: ["deployment", "api"], dashboard: "api-overview", panel: 1 });
        check "made", mark.created && mark.id == 1;
        check "once", !boards.annotate("API v2", #{ tags: ["deployment", "api"], dashboard: "api-overview", panel: 1 }).created;
        let region = boards.finish(mark.id);
        check "a region", region.to >= region.from;
        "#,
    )
    .expect(0);
    let all = server.annotations();
    assert_eq!(
        (all.len(), all[0]["text"].as_str(), all[0]["dashboardUID"].as_str()),
        (1, Some("API v2"), Some("api-overview"))
    );
    assert_eq!(all[0]["tags"].as_array().unwrap().len(), 3);
}

#[test]
fn a_run_that_fails_takes_its_annotations_back() {
    let server = Grafana::start();
    exec(&server, "boards.annotate(\"earlier\", #{ from: 1000, to: 2000 });").expect(0);
    let before = server.annotations();
    exec(
        &server,
        r#"
        let mark = boards.annotate("API v2");
        boards.finish(1);
        boards.finish(mark.id);
        fail("no");
        "#,
    )
    .expect(1)
    .says("remove the annotation playbook:")
    .hides("NOT");
    assert_eq!(server.annotations(), before);
    // What was removed is written again.
    exec(&server, "boards.unannotate(1); fail(\"no\");").expect(1).hides("NOT");
    let after = server.annotations();
    assert_eq!(
        (&after[0]["text"], &after[0]["time"], &after[0]["timeEnd"]),
        (&before[0]["text"], &before[0]["time"], &before[0]["timeEnd"])
    );
    let line = format!("check \"gone\", boards.unannotate({}).removed == 1;", after[0]["id"]);
    exec(&server, &line).expect(0);
    assert!(server.annotations().is_empty());
}

#[test]
fn plan_grants_refusals_and_silence() {
    let server = Grafana::start();
    let line = "boards.annotate(\"API v2\");";
    let rig = Rig::new(&server.settings("write"))
        .variable("GRAFANA", TOKEN)
        .file("test.rhai", &script("write", line));
    rig.run(&["plan", "test.rhai"]).expect(0).says("annotate the dashboards: API v2");
    Rig::new(&server.settings("read"))
        .variable("GRAFANA", TOKEN)
        .exec(&script("write", line))
        .1
        .expect(3)
        .says("grafana.main:write");
    exec_as("glsa_wrong", &server, line)
        .expect(1)
        .says("Invalid API key")
        .says("check `token`")
        .hides("glsa_wrong");
    exec_as("glsa_viewer", &server, line).expect(1).says("additional permissions").says("give more rights");
    exec(&server, "boards.finish(77);").expect(1).says("Annotation not found");
    exec(&server, "boards.unannotate();").expect(1).says("give one of the two");
    assert!(server.annotations().is_empty());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = server
        .settings("write")
        .replace(&server.port.to_string(), &silent.local_addr().unwrap().port().to_string());
    let quiet = Rig::new(&settings).variable("GRAFANA", TOKEN);
    quiet.exec(&script("read", "boards.health(#{ timeout: \"300ms\" });")).1.expect(4).says("300ms");
}

#[test]
fn an_answer_that_never_comes_leaves_it_in_doubt_and_is_settled() {
    let server = Grafana::start();
    let proxy = crate::rig::servers::proxy::Proxy::http(server.port);
    proxy.when("POST", "/annotations", crate::rig::servers::proxy::Fault::Half(0), 1);
    let settings = server.settings("write").replace(&server.port.to_string(), &proxy.port.to_string());
    let (_, seen) =
        Rig::new(&settings).variable("GRAFANA", TOKEN).exec(&script("write", "boards.annotate(\"API v2\");"));
    assert_ne!(seen.code, 0, "{seen}");
    seen.says("in doubt");
    assert!(server.annotations().is_empty(), "the doubtful one was removed with the run");
}

#[test]
fn a_crash_around_an_annotation_is_survived() {
    use crate::rig::crash::{AFTER, AFTER_COMMIT, survives_at};
    let server = Grafana::start();
    let rig = || Rig::new(&server.settings("write")).variable("GRAFANA", TOKEN);
    let told = |one: &serde_json::Value| format!("{} {} {}", one["text"], one["time"], one["timeEnd"]);
    let texts = || server.annotations().iter().map(|one| one["text"].to_string()).collect::<Vec<_>>();
    let all = || server.annotations().iter().map(told).collect::<Vec<_>>();
    survives_at(AFTER, rig, "grafana.main:write", "grafana(\"main\").annotate(\"API v2\");", texts);
    exec(&server, "boards.annotate(\"earlier\", #{ from: 1000 });").expect(0);
    let kept = server.annotations().remove(0);
    let end = format!(
        "let end = grafana(\"main\").finish({0}); check \"id\", end.id == {0} && end.to > 1000;",
        kept["id"]
    );
    survives_at(AFTER_COMMIT, rig, "grafana.main:write", &end, all);
    let end = end.replace(&format!("finish({}", kept["id"]), &format!("finish({}, 5000", kept["id"]));
    survives_at(AFTER, rig, "grafana.main:write", &end, all);
    let mark = kept["tags"].as_array().unwrap().last().unwrap().as_str().unwrap();
    let remove = format!(
        "let gone = grafana(\"main\").unannotate(#{{ mark: \"{mark}\" }}); check \"one\", gone.removed == 1;"
    );
    survives_at(AFTER_COMMIT, rig, "grafana.main:write", &remove, all);
    // By its number, of which there is none any more.
    let line = format!("check \"one\", boards.unannotate({}).removed == 1;", server.annotations()[0]["id"]);
    let rig = rig().file("test.rhai", &script("write", &line));
    rig.killed("5:before");
    assert!(server.annotations().is_empty());
    rig.run(&["resume", "last"]).expect(0);
}
