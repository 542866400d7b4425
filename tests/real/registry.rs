//! Images and tags of a real registry; the dance of tokens against a recorder.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::registry;

fn project(url: &str, more: &str) -> Rig {
    Rig::new(&format!("[env.local.registry.main]\nurl = \"{url}\"\naccess = \"destroy\"\n{more}"))
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Test.\n//! uses = [\"registry.main:destroy\"]\nlet main = registry(\"main\");\n{body}\n"
    ))
}

#[test]
fn images_are_found_by_tag_and_digest() {
    let Some(server) = registry::shared() else { return };
    let digest = server.push("team/read", "v1", "one");
    server.push("team/read", "v2", "two");
    let body = format!(
        r#"check "digest", main.digest("team/read", "v1") == "{digest}";
           check "there", main.exists("team/read", "v1") && main.exists("team/read", "{digest}") && !main.exists("team/read", "v9") && !main.exists("no/such", "v1");
           check "tags", main.tags("team/read") == ["v1", "v2"] && main.tags("no/such") == [];
           check "waited", main.wait_for("team/read", "v2").starts_with("sha256:");"#
    );
    let (rig, seen) = exec(project(&server.url(), ""), &body);
    seen.expect(0);
    let (rig, seen) = exec(rig, r#"main.digest("team/read", "v3");"#);
    seen.expect(1).says("no image team/read:v3").says("`v");
    let (rig, seen) = exec(rig, r#"main.digest("../team", "v1");"#);
    seen.expect(1).says("no name of an image");
    exec(rig, r#"main.wait_for("team/read", "v9", #{ timeout: "500ms" });"#).1.expect(4);
}

#[test]
fn a_promoted_tag_is_moved_back() {
    let Some(server) = registry::shared() else { return };
    let (old, new) = (server.push("team/promote", "v1", "one"), server.push("team/promote", "v2", "two"));
    let (rig, seen) = exec(
        project(&server.url(), ""),
        r#"let done = main.promote("team/promote", "v1", "production"); check "moved", done.changed && done.before == ();
           check "same", !main.promote("team/promote", "v1", "production").changed;"#,
    );
    seen.expect(0);
    let (rig, seen) = exec(
        rig,
        &format!(
            r#"let done = main.promote("team/promote", "v2", "production"); check "moved", done.before == "{old}" && done.digest == "{new}";
               check "there", main.digest("team/promote", "production") == "{new}"; check "fails", false;"#
        ),
    );
    seen.expect(1).says("taken back");
    let (rig, seen) =
        exec(rig, &format!(r#"check "back", main.digest("team/promote", "production") == "{old}";"#));
    seen.expect(0);
    exec(rig, r#"main.promote("team/promote", "v9", "production");"#)
        .1
        .expect(1)
        .says("no image team/promote:v9");
}

#[test]
fn a_registry_that_cannot_remove_a_tag_says_so() {
    let Some(server) = registry::shared() else { return };
    server.push("team/untag", "v1", "one");
    let (rig, seen) = exec(project(&server.url(), ""), r#"main.untag("team/untag", "v1");"#);
    seen.expect(1).says("cannot remove a tag alone");
    exec(rig, r#"check "none", !main.untag("team/untag", "v9").changed; check "stays", main.exists("team/untag", "v1");"#).1.expect(0);
    // So a new tag cannot be taken back there, which is told.
    let (_, seen) =
        exec(project(&server.url(), ""), r#"main.promote("team/untag", "v1", "new"); check "fails", false;"#);
    seen.expect(6).says("cannot remove a tag alone");
}

#[test]
fn a_password_opens_it_and_a_wrong_one_does_not() {
    let Some(server) = registry::with_password() else { return };
    let login = "user = \"deploy\"\npassword = \"env:PASSWORD\"\n";
    let rig = project(&server.url(), login).variable("PASSWORD", "hunter2");
    exec(rig, r#"check "none", !main.exists("team/api", "v1");"#).1.expect(0).hides("hunter2");
    let rig = project(&server.url(), login).variable("PASSWORD", "hunter3");
    let (rig, seen) = exec(rig, r#"main.exists("team/api", "v1");"#);
    seen.expect(1).says("check `user` and `password`").hides("hunter3");
    rig.run(&["doctor"]).expect(1).says("not permitted").hides("hunter3");
    exec(project(&server.url(), ""), r#"main.exists("team/api", "v1");"#).1.expect(1).says("who asks");
    project(&server.url(), login)
        .variable("PASSWORD", "hunter2")
        .run(&["doctor"])
        .expect(0)
        .says("registry 2.0")
        .says("the password is good");
}

const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let server = Http::start();
    let challenge = format!("Bearer realm=\"{}/token\",service=\"registry.example.com\"", server.url());
    let refused =
        Answer::new(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#).header("www-authenticate", &challenge);
    let there = Answer::new(200, MANIFEST).header("content-type", "application/vnd.oci.image.index.v1+json");
    server.tell("HEAD /v2/team/api/manifests/v1", &[refused.clone(), there.clone()]);
    server.tell("GET /v2/team/api/manifests/v1", &[there]);
    server.tell("/token", &[Answer::new(200, r#"{"token":"hunter2-jwt","expires_in":300}"#)]);
    let rig = project(&server.url(), "user = \"deploy\"\npassword = \"env:PASSWORD\"\n")
        .variable("PASSWORD", "hunter2-password");
    let (_, seen) = exec(
        rig,
        r#"check "digest", main.digest("team/api", "v1").starts_with("sha256:"); main.digest("team/api", "v1");"#,
    );
    seen.expect(0).hides("hunter2");
    let got = server.got();
    let token: Vec<_> = got.iter().filter(|got| got.path.starts_with("/token")).collect();
    assert_eq!(token.len(), 1, "the token is kept");
    assert!(
        token[0].path.contains("scope=repository%3Ateam%2Fapi%3Apull")
            && token[0].path.contains("service=registry.example.com"),
        "{}",
        token[0].path
    );
    assert!(token[0].headers["authorization"].starts_with("Basic "));
    assert!(
        got.iter()
            .filter(|got| got.method == "GET" && got.path.starts_with("/v2"))
            .all(|got| got.headers["authorization"] == "Bearer hunter2-jwt")
    );
}

#[test]
fn a_password_goes_to_no_other_host_in_clear() {
    let server = Http::start();
    let challenge = "Bearer realm=\"http://elsewhere.example.com/token\",service=\"x\"";
    server.tell("/v2/team/api/manifests/v1", &[Answer::new(401, "").header("www-authenticate", challenge)]);
    let rig = project(&server.url(), "user = \"deploy\"\npassword = \"env:PASSWORD\"\n")
        .variable("PASSWORD", "hunter2-password");
    exec(rig, r#"main.exists("team/api", "v1");"#).1.expect(1).says("another host, and not encrypted");
}

#[test]
fn a_plan_moves_nothing_and_a_silent_registry_is_given_up() {
    let server = Http::start();
    server.tell("/v2/team/api/manifests/v1", &[Answer::never()]);
    let rig = project(&server.url(), "");
    exec(rig, r#"main.exists("team/api", "v1", #{ timeout: "300ms" });"#).1.expect(4);
    let script = "//! T.\n//! uses = [\"registry.main:write\"]\nregistry(\"main\").promote(\"team/api\", \"v1\", \"production\");\n";
    let Some(server) = registry::shared() else { return };
    server.push("team/plan", "v1", "one");
    let rig = project(&server.url(), "").file("test.rhai", &script.replace("team/api", "team/plan"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("tag team/plan:v1 of main as production");
    exec(rig, r#"check "not there", !main.exists("team/plan", "production");"#).1.expect(0);
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(server) = registry::shared() else { return };
    server.push("team/crash", "v1", "one");
    server.push("team/crash", "v2", "two");
    server.push("team/crash", "production", "one");
    let state = || {
        let accept = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json\r\n";
        let port: u16 = server.url().rsplit(':').next().unwrap().parse().unwrap();
        crate::rig::servers::ask(port, "GET", "/v2/team/crash/manifests/production", accept, "")
    };
    let line = "registry(\"main\").promote(\"team/crash\", \"v2\", \"production\");";
    crate::rig::crash::survives(|| project(&server.url(), ""), "registry.main:destroy", line, state);
    // Where a tag can be removed alone: by `untag`, and on the way back from a new one.
    let url = server.that_untags();
    for line in [
        "registry(\"main\").untag(\"team/crash\", \"production\");",
        "registry(\"main\").promote(\"team/crash\", \"v1\", \"candidate\");",
    ] {
        let state = || (state(), server.tags("team/crash"));
        crate::rig::crash::survives(|| project(&url, ""), "registry.main:destroy", line, state);
    }
}
