//! Signing in through an OpenID provider: who is let in, and what of a provider's answer is not believed.

use serde_json::{Value, json};

use super::{DEPLOY, PROJECT, Page};
use crate::rig::Rig;
use crate::rig::servers::issuer::Issuer;

fn rig(issuer: &Issuer, more: &str) -> Rig {
    let oidc = format!(
        "[serve.oidc]\nissuer = \"{}\"\nclient_id = \"playbook\"\nclient_secret = \"env:OIDC_SECRET\"\n{more}",
        issuer.url
    );
    Rig::new(&format!("{PROJECT}{oidc}"))
        .file("deploy.rhai", DEPLOY)
        .variable("OIDC_SECRET", "a-secret-of-the-client-0001")
}

/// Goes to the provider and back; gives the status, the body and the session's cookie.
fn come(
    page: &Page,
    issuer: &Issuer,
    spoil: impl Fn(&str, &str) -> (String, String),
) -> (u16, String, String) {
    let begun = page.request("GET", "oidc/begin?to=/playbooks").send().unwrap();
    assert_eq!(begun.status(), 303, "{}", begun.text().unwrap());
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let back = issuer.agree(begun.headers()["location"].to_str().unwrap());
    let path = back.strip_prefix(&page.url).unwrap().to_owned();
    let (path, cookie) = spoil(&path, &cookie);
    let answer = page.request("GET", &path).header("cookie", cookie).send().unwrap();
    let session = answer.headers().get_all("set-cookie").iter().filter_map(|one| one.to_str().ok());
    let session = session.filter(|one| one.starts_with("playbook_session=")).collect::<String>();
    let session = session.split(';').next().unwrap_or_default().to_owned();
    (answer.status().as_u16(), answer.text().unwrap(), session)
}

fn plainly(path: &str, cookie: &str) -> (String, String) {
    (path.to_owned(), cookie.to_owned())
}

#[test]
fn a_person_of_the_file_comes_in_as_who_they_are() {
    let issuer = Issuer::start(json!({ "email": "CY@example.com", "email_verified": true }));
    let rig = rig(&issuer, "");
    let page = Page::serve(&rig, &[]);
    assert!(page.text("sign-in").contains("Sign in with your account"));
    let (status, _, session) = come(&page, &issuer, plainly);
    assert_eq!(status, 303);
    let home = page.request("GET", "").header("cookie", &session).send().unwrap();
    assert_eq!(home.status(), 200);
    assert!(home.text().unwrap().contains("<p class=\"who\">cy"));
    issuer.say(json!({ "email": "eve@example.com" }));
    let (status, body, session) = come(&page, &issuer, plainly);
    assert!(status == 403 && session.is_empty() && body.contains("is no person of playbook.toml"), "{body}");
    issuer.say(json!({ "email": "cy@example.com", "email_verified": false }));
    assert_eq!(come(&page, &issuer, plainly).0, 403, "an address that nobody has verified is nobody's");
}

#[test]
fn others_may_look_where_the_file_says_so() {
    let issuer = Issuer::start(json!({ "email": "eve@example.com" }));
    let rig = rig(&issuer, "others = true\n");
    let page = Page::serve(&rig, &[]);
    let (status, _, session) = come(&page, &issuer, plainly);
    assert_eq!(status, 303);
    let home = page.request("GET", "").header("cookie", &session).send().unwrap();
    assert!(home.text().unwrap().contains("eve@example.com"));
}

#[test]
fn what_is_not_the_providers_own_answer_is_not_believed() {
    let good = || json!({ "email": "cy@example.com" });
    let issuer = Issuer::start(good());
    let rig = rig(&issuer, "");
    let page = Page::serve(&rig, &[]);
    let refused = |claims: Value| {
        issuer.say(claims);
        let (status, body, session) = come(&page, &issuer, plainly);
        assert!(session.is_empty() && (status == 403 || status == 502), "{status} {body}");
    };
    refused(json!({ "email": "cy@example.com", "aud": "another" }));
    refused(json!({ "email": "cy@example.com", "iss": "http://another.example" }));
    refused(json!({ "email": "cy@example.com", "exp": 1_000_000_000 }));
    refused(json!({ "email": "cy@example.com", "nonce": "another" }));
    refused(json!({ "email": "cy@example.com", "signed": "not" }));
    refused(json!({ "email": "cy@example.com", "signed": "secret" }));
    issuer.say(good());
    // Another browser's sign-in, a state that nobody was sent with, the same code twice, and a refusal.
    let spoiled = |spoil: fn(&str, &str) -> (String, String)| come(&page, &issuer, spoil).0;
    assert_eq!(spoiled(|path, _| (path.to_owned(), "playbook_oidc=other".to_owned())), 403);
    assert_eq!(spoiled(|path, _| (path.to_owned(), "x=y".to_owned())), 403);
    assert_eq!(spoiled(|path, cookie| (path.replace("state=", "state=0"), cookie.to_owned())), 403);
    assert_eq!(spoiled(|path, cookie| (path.replace("code=", "code=0"), cookie.to_owned())), 502);
    assert_eq!(
        spoiled(|path, cookie| (path.replace("?code", "?error=access_denied&code"), cookie.to_owned())),
        403
    );
    assert_eq!(spoiled(plainly), 303);
}
