//! Who may come in: nobody from outside without TLS and a token, each with their own rights.

use std::process::Command;

use super::{DEPLOY, PROJECT, Page, begin, between};
use crate::rig::Rig;

const ADA: &str = "ada-ada-ada-ada-ada-ada-ada-0001";
const CY: &str = "cy-cy-cy-cy-cy-cy-cy-cy-cy-0002";
const EYE: &str = "eye-eye-eye-eye-eye-eye-eye-0003";

fn rig(more: &str) -> Rig {
    let tokens = "[serve.tokens.cy]\ntoken = \"env:TOKEN_CY\"\nperson = \"cy\"\nrole = \"approver\"\n\
         [serve.tokens.dan]\ntoken = \"env:TOKEN_ADA\"\nperson = \"dan\"\nrole = \"approver\"\n[serve.tokens.eye]\ntoken = \"env:TOKEN_EYE\"\n";
    Rig::new(&format!("{PROJECT}{tokens}{more}"))
        .file("deploy.rhai", DEPLOY)
        .variable("TOKEN_ADA", ADA)
        .variable("TOKEN_CY", CY)
        .variable("TOKEN_EYE", EYE)
}

/// Signs in; gives the cookie.
fn sign_in(page: &Page, token: &str) -> String {
    let request = page.request("POST", "sign-in").body(format!("token={token}&to=%2Fruns%2Fx"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/runs/x");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn what_would_let_strangers_in_is_refused() {
    let plain = Rig::new(PROJECT);
    let serve = |rig: &Rig, more: &[&str]| rig.run(&[&["serve"], more].concat());
    serve(&plain, &["--listen", "0.0.0.0:0"]).expect(3).says("there is no TLS").says("--certificate");
    let behind = Rig::new(&format!("{PROJECT}[serve]\nurl = \"https://deploy.example.com\"\n"));
    serve(&behind, &["--listen", "127.0.0.1:0"]).expect(3).says("nobody has to sign in").says("[serve.oidc]");
    serve(&plain, &["--listen", "here"]).expect(2).says("`here` is no address to listen at");
    let empty = Rig::new(&format!("{PROJECT}[serve.tokens.x]\ntoken = \"env:NOT_SET\"\n"));
    serve(&empty, &["--listen", "127.0.0.1:0"]).expect(2).says("`env:NOT_SET` of [serve] has no value");
    let wrong = Rig::new(
        "[people.ada]\n[serve]\nport = 1\n[serve.tokens.x]\ntoken = \"clear\"\nrole = \"boss\"\nperson = \"adda\"\n[serve.oidc]\nissuer = \"x\"\n",
    );
    wrong.run(&["check", "x.rhai"]).hides("clear");
    let seen = Rig::new(
        "[people.ada]\n[serve]\nport = 1\n[serve.tokens.x]\ntoken = \"clear\"\nrole = \"boss\"\nperson = \"adda\"\n[serve.oidc]\nissuer = \"x\"\n",
    )
    .file("x.rhai", "//! X.\n")
    .run(&["check", "x.rhai"])
    .expect(2);
    seen.says("`port` is no key of `serve`")
        .says("`boss` is no role")
        .says("`adda` is no person of this file")
        .says("a secret may not stand in clear")
        .says("`oidc` needs an issuer and a client");
}

#[test]
fn a_token_lets_in_with_the_rights_that_it_has() {
    let rig = rig("");
    let page = Page::serve(&rig, &[]);
    // Without one there is nothing to see.
    for path in ["", "runs/x", "metrics", "events", "playbooks"] {
        let answer = page.request("GET", path).send().unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    let sent = page.get("runs/x?y=1");
    assert_eq!(
        (sent.status().as_u16(), sent.headers()["location"].to_str().unwrap()),
        (303, "/sign-in?to=/runs/x%3Fy%3D1")
    );
    let form = page.request("POST", "sign-in").body("token=wrong-wrong-wrong-wrong");
    let wrong = form.header("content-type", "application/x-www-form-urlencoded").send().unwrap();
    assert!(wrong.status() == 403 && wrong.headers().get("set-cookie").is_none());
    assert_eq!(
        page.request("GET", "metrics").bearer_auth("wrong-wrong-wrong-wrong").send().unwrap().status(),
        401
    );
    assert_eq!(page.request("GET", "metrics").bearer_auth(EYE).send().unwrap().status(), 200);
    assert_eq!(page.text("healthz"), "ok\n");

    let (mut child, run) = begin(&rig);
    let path = format!("runs/{run}/gates");
    let gates =
        |cookie: &str| page.request("GET", &path).header("cookie", cookie).send().unwrap().text().unwrap();
    let eye = sign_in(&page, EYE);
    let text = gates(&eye);
    assert!(text.contains("Go / No-Go") && !text.contains("<form"), "who may only look has no form: {text}");
    let (dan, cy) = (sign_in(&page, ADA), sign_in(&page, CY));
    assert!(!gates(&dan).contains("<form"), "dan is not asked");
    let form = gates(&cy);
    let (csrf, gate) = (
        between(&form, "name=\"csrf\" value=\"", "\"").to_owned(),
        between(&form, "name=\"gate\" value=\"", "\"").to_owned(),
    );
    let send = |cookie: &str, csrf: &str| {
        let body = format!("gate={gate}&decision=approve&comment=fine&csrf={csrf}");
        let request = page.request("POST", &path).header("cookie", cookie).body(body);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    // The form of one is no form of another, and rights are asked again when it is sent.
    assert_eq!(send(&eye, &csrf).0, 403);
    assert_eq!(send("playbook_session=guessed", &csrf).0, 401);
    let machine = |token: &str| {
        let body = format!("gate={gate}&decision=approve");
        let request = page.request("POST", &path).bearer_auth(token).body(body);
        request.header("content-type", "application/x-www-form-urlencoded").send().unwrap()
    };
    assert_eq!(machine(EYE).status(), 403);
    let refused = machine(ADA);
    assert!(refused.status() == 403 && refused.text().unwrap().contains("`dan` is not asked"));
    assert_eq!(send(&cy, &csrf).0, 303);
    assert!(child.wait().unwrap().success());
    rig.run(&["show", &run]).expect(0).says("cy approved").says("fine");
}

#[test]
fn who_signs_out_has_to_sign_in_again() {
    let rig = rig("");
    let page = Page::serve(&rig, &[]);
    let cy = sign_in(&page, CY);
    let home = page.request("GET", "").header("cookie", &cy).send().unwrap().text().unwrap();
    let csrf = between(&home, "name=\"csrf\" value=\"", "\"").to_owned();
    let out = |csrf: &str| {
        let request = page.request("POST", "sign-out").header("cookie", &cy).body(format!("csrf={csrf}"));
        request.header("content-type", "application/x-www-form-urlencoded").send().unwrap().status().as_u16()
    };
    assert_eq!((out("guessed"), out(&csrf)), (403, 303));
    assert_eq!(page.request("GET", "").header("cookie", &cy).send().unwrap().status(), 401);
}

#[test]
fn a_person_with_a_key_is_told_to_sign_with_it() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    let settings = PROJECT.replace("[people.cy]\n", &format!("[people.cy]\nkey = \"{key}\"\n"));
    let token = "[serve.tokens.cy]\ntoken = \"env:TOKEN_CY\"\nperson = \"cy\"\nrole = \"approver\"\n";
    let rig = Rig::new(&format!("{settings}{token}")).file("deploy.rhai", DEPLOY).variable("TOKEN_CY", CY);
    let page = Page::serve(&rig, &[]);
    let (child, run) = begin(&rig);
    let gates =
        page.request("GET", &format!("runs/{run}/gates")).bearer_auth(CY).send().unwrap().text().unwrap();
    let gate = between(&gates, "name=\"gate\" value=\"", "\"");
    let request = page.request("POST", &format!("runs/{run}/gates")).bearer_auth(CY);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(format!("gate={gate}&decision=approve")).send().unwrap();
    let (status, text) = (answer.status(), answer.text().unwrap());
    assert!(
        status == 403 && text.contains("signs with a key") && text.contains("playbook approve"),
        "{text}"
    );
    crate::rig::interrupt(&child);
    let _ = { child }.wait();
}

#[test]
fn with_tls_it_may_be_reached_from_elsewhere() {
    let rig = rig("");
    let make = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "3",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
        .arg(rig.path("key.pem"))
        .arg("-out")
        .arg(rig.path("cert.pem"))
        .output()
        .unwrap();
    assert!(make.status.success());
    let page = Page::serve(&rig, &["--certificate", "cert.pem", "--key", "key.pem"]);
    assert!(page.url.starts_with("https://"));
    let answer = page.request("GET", "").bearer_auth(EYE).send().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["strict-transport-security"].to_str().unwrap().contains("max-age"));
    let request = page.request("POST", "sign-in").body(format!("token={EYE}"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("; Secure"));
    // Who speaks no TLS is let go, and nobody else waits for them.
    let plain = std::net::TcpStream::connect(("127.0.0.1", page.port())).unwrap();
    assert_eq!(page.request("GET", "healthz").send().unwrap().status(), 200);
    drop(plain);
    rig.run(&["serve", "--certificate", "cert.pem"]).expect(2).says("TLS needs both");
    rig.run(&["serve", "--certificate", "cert.pem", "--key", "cert.pem"])
        .expect(2)
        .says("holds no private key");
}
