//! Workflows, checks and releases of GitHub, against a recorder that answers what GitHub's manual says.

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

const ACTIVE: &str = r#"{"id":1,"name":"Deploy","state":"active"}"#;
const NOT_FOUND: &str = r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}"#;

const RUNS: &str = "/repos/shop/api/actions/workflows/deploy.yml/runs";

/// The runs of the workflow, the newest first.
fn runs(ids: &[u64]) -> Answer {
    let all: Vec<String> = ids.iter().map(|id| format!("{{\"id\":{id},\"html_url\":\"u{id}\"}}")).collect();
    Answer::new(200, &format!("{{\"workflow_runs\":[{}]}}", all.join(",")))
}

fn repository(server: &Http) -> Rig {
    server.tell("/repos/shop/api/actions/workflows/deploy.yml", &[Answer::new(200, ACTIVE)]);
    server.tell(RUNS, &[runs(&[])]);
    let settings = format!(
        "[env.local.github.app]\nrepository = \"shop/api\"\ntoken = \"env:TOKEN\"\nurl = \"{}\"\naccess = \"destroy\"\n",
        server.url()
    );
    Rig::new(&settings).variable("TOKEN", "ghp_hunter2")
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Test.\n//! uses = [\"github.app:destroy\"]\nlet app = github(\"app\");\n{body}\n"))
}

fn run(status: &str, conclusion: &str) -> Answer {
    let conclusion = if conclusion.is_empty() { "null".to_owned() } else { format!("\"{conclusion}\"") };
    let body = format!(
        "{{\"id\":7,\"status\":\"{status}\",\"conclusion\":{conclusion},\"run_attempt\":1,\"head_branch\":\"main\",\"html_url\":\"https://github.com/shop/api/actions/runs/7\"}}"
    );
    Answer::new(200, &body)
}

fn jobs(conclusion: &str) -> Answer {
    Answer::new(
        200,
        &format!(
            "{{\"jobs\":[{{\"name\":\"build\",\"status\":\"completed\",\"conclusion\":\"{conclusion}\",\"steps\":[{{\"name\":\"cargo test\",\"conclusion\":\"{conclusion}\"}}]}}]}}"
        ),
    )
}

fn sent(server: &Http, method: &str) -> Vec<(String, Value)> {
    let got = server.got().into_iter().filter(|got| got.method == method);
    got.map(|got| (got.path, serde_json::from_str(&got.body).unwrap_or_default())).collect()
}

#[test]
fn a_workflow_is_dispatched_and_its_run_waited_for() {
    let server = Http::start();
    let details = r#"{"workflow_run_id":7,"run_url":"https://api.github.com/x","html_url":"https://github.com/shop/api/actions/runs/7"}"#;
    server.tell("/repos/shop/api/actions/workflows/deploy.yml/dispatches", &[Answer::new(200, details)]);
    server.tell("/repos/shop/api/actions/runs/7", &[run("in_progress", ""), run("completed", "success")]);
    server.tell("/repos/shop/api/actions/runs/7/jobs", &[jobs("success")]);
    let (_, seen) = exec(
        repository(&server),
        r#"let it = app.dispatch("deploy.yml", #{ inputs: #{ version: "v2", dry: false, count: 3 }, undo: #{ inputs: #{ version: "v1" } } });
           check "run", it.run == 7; check "done", app.wait_for_run(it.run).conclusion == "success"; check "read", app.run(7).branch == "main";"#,
    );
    seen.expect(0).says("build: success").hides("hunter2");
    let body = &sent(&server, "POST")[0].1;
    assert_eq!(
        (&body["ref"], &body["inputs"]["dry"], &body["inputs"]["count"]),
        (&"main".into(), &"false".into(), &"3".into())
    );
    assert!(server.got().iter().all(|got| got.headers["authorization"] == "Bearer ghp_hunter2"
        && got.headers.contains_key("x-github-api-version")));
}

#[test]
fn an_older_server_is_asked_which_run_it_became() {
    let server = Http::start();
    let rig = repository(&server);
    server.tell("/repos/shop/api/actions/workflows/deploy.yml/dispatches", &[Answer::new(204, "")]);
    server.tell(RUNS, &[runs(&[6]), runs(&[6]), runs(&[7, 6])]);
    exec(rig, r#"check "run", app.dispatch("deploy.yml", #{ undo: #{} }).run == 7;"#).1.expect(0);
    let asked = server.got().into_iter().find(|got| got.path.contains("/runs?")).unwrap().path;
    assert!(asked.contains("event=workflow_dispatch") && asked.contains("branch=main"), "{asked}");
}

#[test]
fn a_run_that_fails_dispatches_its_way_back() {
    let server = Http::start();
    server.tell(
        "/repos/shop/api/actions/workflows/deploy.yml/dispatches",
        &[Answer::new(200, r#"{"workflow_run_id":7}"#)],
    );
    let body = r#"app.dispatch("deploy.yml", #{ inputs: #{ version: "v2" }, undo: #{ inputs: #{ version: "v1" } } }); check "fails", false;"#;
    exec(repository(&server), body).1.expect(1);
    let versions: Vec<String> =
        sent(&server, "POST").iter().map(|(_, body)| body["inputs"]["version"].to_string()).collect();
    assert_eq!(versions, ["\"v2\"", "\"v1\""]);
    exec(repository(&server), r#"app.dispatch("deploy.yml"); check "fails", false;"#)
        .1
        .expect(6)
        .says("undo: #{");
}

#[test]
fn a_run_that_went_wrong_names_job_and_step() {
    let server = Http::start();
    server.tell("/repos/shop/api/actions/runs/7", &[run("completed", "failure")]);
    server.tell("/repos/shop/api/actions/runs/7/jobs", &[jobs("failure")]);
    let (rig, seen) = exec(repository(&server), "app.wait_for_run(7);");
    seen.expect(1).says("ended with failure").says("build: failure, at cargo test").says("actions/runs/7");
    let (rig, seen) = exec(
        rig,
        r#"check "accepted", app.wait_for_run(7, #{ accept: ["success", "failure"] }).conclusion == "failure";"#,
    );
    seen.expect(0);
    server.tell("/repos/shop/api/actions/runs/7", &[run("in_progress", "")]);
    exec(rig, r#"app.wait_for_run(7, #{ timeout: "400ms" });"#).1.expect(4);
}

#[test]
fn checks_of_both_kinds_count_together() {
    let server = Http::start();
    let runs = |state: &str| {
        Answer::new(
            200,
            &format!(
                "{{\"check_runs\":[{{\"name\":\"test\",\"status\":\"completed\",\"conclusion\":\"{state}\",\"html_url\":\"https://x/1\"}}]}}"
            ),
        )
    };
    let statuses = |state: &str| {
        Answer::new(
            200,
            &format!(
                "{{\"statuses\":[{{\"context\":\"lint\",\"state\":\"{state}\",\"target_url\":\"https://x/2\"}}]}}"
            ),
        )
    };
    server.tell("/repos/shop/api/commits/v2/check-runs", &[runs("success")]);
    server.tell("/repos/shop/api/commits/v2/status", &[statuses("pending")]);
    let (rig, seen) = exec(
        repository(&server),
        r#"let all = app.checks("v2"); check "pending", all.state == "pending" && all.checks.len == 2;
           check "one", app.checks("v2", #{ only: ["test"] }).state == "success"; check "missing", app.checks("v2", #{ only: ["none"] }).state == "pending";
           check "waited", app.wait_for_checks("v2", #{ only: ["test"] }).state == "success";"#,
    );
    seen.expect(0);
    server.tell("/repos/shop/api/commits/v2/status", &[statuses("failure")]);
    exec(rig, r#"app.wait_for_checks("v2");"#).1.expect(1).says("lint: https://x/2");
}

const RELEASE: &str = r#"{"id":9,"tag_name":"v2","name":"v2","body":"x","draft":false,"prerelease":false,"html_url":"https://github.com/shop/api/releases/v2","assets":[{"name":"a.zip"}]}"#;

#[test]
fn a_release_is_created_and_taken_back_with_the_tag_it_made() {
    let server = Http::start();
    let rig = repository(&server);
    server
        .tell("/repos/shop/api/releases/tags/v2", &[Answer::new(404, NOT_FOUND), Answer::new(200, RELEASE)]);
    server.tell("GET /repos/shop/api/releases", &[Answer::new(200, "[]")]);
    server.tell("POST /repos/shop/api/releases", &[Answer::new(201, RELEASE)]);
    server.tell("/repos/shop/api/git/ref/tags/v2", &[Answer::new(404, NOT_FOUND), Answer::new(200, "{}")]);
    server.tell("DELETE /repos/shop/api/releases/9", &[Answer::new(204, "")]);
    server.tell("DELETE /repos/shop/api/git/refs/tags/v2", &[Answer::new(204, "")]);
    let (_, seen) = exec(
        rig,
        r#"check "made", app.create_release("v2", #{ text: "new", notes: true }).assets == ["a.zip"]; check "fails", false;"#,
    );
    seen.expect(1).says("taken back");
    let deleted: Vec<String> = sent(&server, "DELETE").into_iter().map(|(path, _)| path).collect();
    assert_eq!(deleted, ["/repos/shop/api/releases/9", "/repos/shop/api/git/refs/tags/v2"]);
    // One that is there already is refused before anything is begun.
    let count = sent(&server, "POST").len();
    exec(repository(&server), r#"app.create_release("v2");"#).1.expect(1).says("has a release v2 already");
    assert_eq!(sent(&server, "POST").len(), count);
}

#[test]
fn githubs_own_words_and_limits_are_heeded() {
    let server = Http::start();
    let rig = repository(&server);
    server.tell("/repos/shop/api/actions/workflows/no.yml", &[Answer::new(404, NOT_FOUND)]);
    let (rig, seen) = exec(rig, r#"app.dispatch("no.yml");"#);
    seen.expect(1).says("Not Found").says("shop/api");
    let invalid = r#"{"message":"Unexpected inputs provided: [\"verison\"]"}"#;
    server.tell("/repos/shop/api/actions/workflows/deploy.yml/dispatches", &[Answer::new(422, invalid)]);
    let (rig, seen) = exec(rig, r#"app.dispatch("deploy.yml", #{ inputs: #{ verison: "v2" }, undo: #{} });"#);
    seen.expect(1).says("Unexpected inputs provided");
    let soon = (jiff::Timestamp::now().as_second() + 1).to_string();
    let spent = |reset: &str| {
        Answer::new(403, r#"{"message":"API rate limit exceeded for user ID 1."}"#)
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", reset)
    };
    server.tell("/repos/shop/api/actions/runs/7", &[spent(&soon), run("completed", "success")]);
    let (rig, seen) = exec(rig, r#"check "waited", app.run(7).conclusion == "success";"#);
    seen.expect(0).says("asked to wait");
    let late = (jiff::Timestamp::now().as_second() + 3000).to_string();
    server.tell("/repos/shop/api/actions/runs/7", &[spent(&late)]);
    exec(rig, "app.run(7);").1.expect(1).says("API rate limit exceeded").hides("hunter2");
}

#[test]
fn a_plan_changes_nothing_and_the_doctor_looks_at_the_token() {
    let server = Http::start();
    let script = "//! T.\n//! uses = [\"github.app:write\"]\nlet it = github(\"app\").dispatch(\"deploy.yml\");\ngithub(\"app\").wait_for_run(it.run);\n";
    let rig = repository(&server).file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("run the workflow deploy.yml of app on main");
    assert!(sent(&server, "POST").is_empty());
    let own = |push: bool| {
        Answer::new(200, &format!("{{\"default_branch\":\"main\",\"permissions\":{{\"push\":{push}}}}}"))
            .header("x-ratelimit-remaining", "4999")
            .header("x-ratelimit-limit", "5000")
    };
    server.tell("/repos/shop/api", &[own(true)]);
    rig.run(&["doctor"]).expect(0).says("4999 of 5000 requests left");
    server.tell("/repos/shop/api", &[own(false)]);
    rig.run(&["doctor"]).expect(1).says("may only read");
    server.tell("/repos/shop/api", &[Answer::new(401, r#"{"message":"Bad credentials"}"#)]);
    rig.run(&["doctor"]).expect(1).says("Bad credentials").hides("hunter2");
}

fn crashed(rig: Rig, moment: &str, body: &str) -> Rig {
    let script =
        format!("//! Test.\n//! uses = [\"github.app:destroy\"]\nlet app = github(\"app\");\n{body}\n");
    let rig = rig.file("test.rhai", &script);
    rig.killed(moment);
    rig
}

#[test]
fn a_workflow_is_dispatched_once_wherever_the_process_dies() {
    use crate::rig::crash::{AFTER_COMMIT, BEFORE};
    let body = r#"check "run", app.dispatch("deploy.yml", #{ undo: #{} }).run == 7;"#;
    for moment in [BEFORE, AFTER_COMMIT] {
        let server = Http::start();
        let details = r#"{"workflow_run_id":7,"html_url":"u7"}"#;
        server.tell("/repos/shop/api/actions/workflows/deploy.yml/dispatches", &[Answer::new(200, details)]);
        let rig = repository(&server);
        server.tell(RUNS, &[runs(&[6])]);
        let rig = crashed(rig, moment, body);
        assert_eq!(sent(&server, "POST").is_empty(), moment == BEFORE);
        if moment == AFTER_COMMIT {
            server.tell(RUNS, &[runs(&[7, 6])]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(sent(&server, "POST").len(), 1, "at {moment}");
    }
    // Whose run it is cannot be told where there are several.
    let server = Http::start();
    let rig = repository(&server);
    server.tell("/repos/shop/api/actions/workflows/deploy.yml/dispatches", &[Answer::new(204, "")]);
    server.tell(RUNS, &[runs(&[6]), runs(&[7, 6])]);
    let rig = crashed(rig, AFTER_COMMIT, body);
    server.tell(RUNS, &[runs(&[8, 7, 6])]);
    rig.run(&["resume", "last"]).expect(5).says("deploy.yml was dispatched several times since");
    assert_eq!(sent(&server, "POST").len(), 1);
}

#[test]
fn a_crash_around_a_release_is_survived() {
    use crate::rig::crash::{AFTER, BEFORE};
    let there = "/repos/shop/api/releases/tags/v2";
    for moment in [BEFORE, AFTER] {
        let server = Http::start();
        let rig = repository(&server);
        server.tell(there, &[Answer::new(404, NOT_FOUND)]);
        server.tell("GET /repos/shop/api/releases", &[Answer::new(200, "[]")]);
        server.tell("POST /repos/shop/api/releases", &[Answer::new(201, RELEASE)]);
        let rig = crashed(rig, moment, r#"check "made", app.create_release("v2").assets == ["a.zip"];"#);
        if moment == AFTER {
            server.tell(there, &[Answer::new(200, RELEASE)]);
        }
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(sent(&server, "POST").len(), 1, "at {moment}");
    }
    // A release that is gone while its tag is still there was not deleted whole.
    let server = Http::start();
    let rig = repository(&server);
    server.tell(there, &[Answer::new(200, RELEASE)]);
    server.tell("GET /repos/shop/api/releases", &[Answer::new(200, "[]")]);
    server.tell("/repos/shop/api/git/ref/tags/v2", &[Answer::new(200, "{}")]);
    server.tell("DELETE /repos/shop/api/git/refs/tags/v2", &[Answer::new(204, "")]);
    let rig = crashed(rig, BEFORE, r#"app.delete_release("v2", #{ with_tag: true });"#);
    server.tell(there, &[Answer::new(404, NOT_FOUND)]);
    rig.run(&["resume", "last"]).expect(0);
    let deleted: Vec<String> = sent(&server, "DELETE").into_iter().map(|(path, _)| path).collect();
    assert_eq!(deleted, ["/repos/shop/api/git/refs/tags/v2"]);
}
