//! The pages as they are sent: what stands in them, what keeps others out, and answers at gates.

use super::{DEPLOY, PROJECT, Page, begin, between, last};
use crate::rig::{Rig, wait_until};

const BAD: &str = "//! Fail <b>loudly</b>.\n//!\n//! uses = [\"files.out:write\"]\nstep \"<i>Break</i>\" { files(\"out\").put(\"x\", \"1\"); fail(\"broke\"); }\n";

fn rig() -> Rig {
    Rig::new(PROJECT).file("deploy.rhai", DEPLOY).file("bad.rhai", BAD)
}

#[test]
fn runs_are_listed_found_and_shown() {
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    assert!(page.text("").contains("No runs yet"));
    rig.run(&["exec", "bad.rhai"]).expect(1);
    let run = last(&rig);
    let list = page.text("");
    assert!(list.contains(&run) && list.contains("taken back"), "{list}");
    assert!(page.text("?q=bad%20taken").contains(&run) && page.text("?q=good").contains("Nothing was found"));
    let text = page.text(&format!("runs/{run}"));
    assert!(text.contains("Fail &lt;b&gt;loudly&lt;/b&gt;") && !text.contains("<b>loudly"), "{text}");
    let short = page.get(&format!("runs/{}", &run[run.len() - 4..]));
    assert_eq!(short.headers()["location"].to_str().unwrap(), format!("/runs/{run}"));
    let history = page.text("playbooks/bad.rhai");
    assert!(history.contains("0 % (0 of 1)") && history.contains(&run), "{history}");
    assert!(page.text("playbooks").contains("/playbooks/bad.rhai"));
    let report = page.get(&format!("runs/{run}/report"));
    let policy = report.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("style-src 'sha256-") && report.text().unwrap().contains("Sign-off"));
    assert!(page.text(&format!("runs/{run}/report?format=md")).starts_with("# Fail"));
    assert!(page.text(&format!("runs/{run}/timeline")).contains("<svg"));
    assert_eq!(page.get("runs/nothing").status(), 404);
    assert_eq!(page.get("runs/nothing/events").status(), 404);
    assert_eq!(page.get("elsewhere").status(), 404);
    assert_eq!(page.text("healthz"), "ok\n");
}

#[test]
fn no_other_site_gets_in_and_no_script_in_a_page_runs() {
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    let answer = page.get("");
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("script-src 'self'")
            && !policy.contains("unsafe")
    );
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff".into(), "no-store".into())
    );
    let body = answer.text().unwrap();
    assert!(!body.contains("style=") && !body.contains("onclick") && !body.contains("<script>"), "{body}");
    // Another name that points here, as in DNS rebinding.
    assert_eq!(page.request("GET", "").header("host", "evil.example").send().unwrap().status(), 421);
    let post = |headers: &[(&str, &str)]| {
        let mut request = page.request("POST", "sign-out").body("csrf=x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().unwrap().status().as_u16()
    };
    assert_eq!(post(&[("origin", "https://evil.example")]), 403);
    assert_eq!(post(&[("sec-fetch-site", "cross-site")]), 403);
    for asset in ["assets/page.js", "assets/page.css", "assets/icon.svg"] {
        assert!(page.get(asset).headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
}

#[test]
fn a_gate_is_answered_with_the_rules_of_approve() {
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    let (mut child, run) = begin(&rig);
    let path = format!("runs/{run}");
    let gates = page.text(&format!("{path}/gates"));
    assert!(gates.contains("Go / No-Go") && gates.contains("asks cy"), "{gates}");
    let csrf = between(&gates, "name=\"csrf\" value=\"", "\"").to_owned();
    let gate = between(&gates, "name=\"gate\" value=\"", "\"").to_owned();
    let send = |form: &[(&str, &str)]| {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = page.request("POST", &format!("{path}/gates")).body(body.join("&"));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    let refused = send(&[("gate", &gate), ("decision", "approve"), ("csrf", "guessed")]);
    assert!(refused.0 == 403 && refused.1.contains("not from this page"), "{refused:?}");
    assert_eq!(send(&[("gate", &gate), ("decision", "shrug"), ("csrf", &csrf)]).0, 400);
    assert_eq!(send(&[("gate", "99"), ("decision", "approve"), ("csrf", &csrf)]).0, 400);
    let done = send(&[("gate", &gate), ("decision", "approve"), ("comment", "go+on"), ("csrf", &csrf)]);
    assert_eq!(done.0, 303, "{}", done.1);
    assert!(child.wait().unwrap().success());
    rig.run(&["show", &run]).expect(0).says("cy approved").says("go on");
    assert!(!page.text(&format!("{path}/gates")).contains("Approve"));
    assert_eq!(send(&[("gate", &gate), ("decision", "approve"), ("csrf", &csrf)]).0, 400);
}

#[test]
fn a_run_that_waits_goes_on_once_its_gate_was_answered() {
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    let seen = rig.run(&["exec", "deploy.rhai", "--detach"]).expect(10);
    // On the gate's own line, at the end, and in what is shown of the run.
    assert_eq!(seen.all().matches("`playbook approve ").count(), 2, "{}", seen.all());
    rig.run(&["show", "last"]).expect(0).says("`playbook approve ");
    rig.run(&["approve", "last"]).expect(0);
    wait_until("the page goes on with it", 60, || rig.run(&["runs"]).stdout.contains("done"));
    let others = Page::serve(&rig, &["--no-tick"]);
    assert!(others.text("").contains("done"));
    drop(page);
}
