//! An account of AWS against `moto_server`, which emulates the control APIs: who one is, and what every request to it
//! has in common. What the emulation cannot refuse or break is refused and broken by a proxy before it, in AWS's own
//! words.

mod doctor;
mod secrets;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto};
use crate::rig::servers::proxy::{Fault, Proxy};

/// What AWS says to keys that may not, where it answers in XML.
pub const DENIED_XML: Fault = Fault::Say(
    403,
    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
     arn:aws:iam::123456789012:user/deploy is not authorized to perform this action because no identity-based policy \
     allows it</Message></Error><RequestId>4d1b6a1c-denied</RequestId></ErrorResponse>",
);
/// The same where it answers in JSON.
pub const DENIED_JSON: Fault = Fault::Say(
    400,
    r#"{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/deploy is not authorized to perform this action because no identity-based policy allows it"}"#,
);
/// What AWS says when it is asked too often, in XML.
pub const THROTTLED_XML: Fault = Fault::Say(
    400,
    "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>\
     <RequestId>throttled-1</RequestId></ErrorResponse>",
);
/// The same in JSON.
pub const THROTTLED_JSON: Fault =
    Fault::Say(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);

/// A project whose `aws.main` is behind that port, with more lines of settings.
pub fn project(port: u16, more: &str) -> Rig {
    Rig::new(&settings(port, more))
        .variable("RIG_ACCESS", "AKIARIGRIGRIG")
        .variable("RIG_SECRET", "aws-s3cret-k3y")
}

/// The `playbook.toml` of such a project.
pub fn settings(port: u16, more: &str) -> String {
    format!(
        "[env.local.aws.main]\nendpoint = \"http://127.0.0.1:{port}\"\nregion = \"us-east-1\"\n\
         access_key = \"env:RIG_ACCESS\"\nsecret_key = \"env:RIG_SECRET\"\nrequest_timeout = \"2s\"\n{more}\n"
    )
}

/// A name that no other test of this process uses.
pub fn fresh(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A playbook that uses `uses`.
pub fn script(uses: &str, body: &str) -> String {
    format!("//! Test.\n//!\n//! uses = [\"{uses}\"]\n{body}\n")
}

fn identity(port: u16, more: &str, body: &str) -> Seen {
    project(port, more).exec(&script("aws.main:read", body)).1
}

#[test]
fn one_is_told_who_one_is() {
    let Some(moto) = moto::shared() else { return };
    let body = r#"
        let who = aws("main").identity();
        check "account", who.account == "123456789012";
        check "arn", who.arn.starts_with("arn:aws:sts::123456789012:");
        check "region", who.region == "us-east-1";
    "#;
    identity(moto.port, "", body).expect(0).hides("aws-s3cret-k3y");
}

#[test]
fn a_role_is_taken_on() {
    let Some(moto) = moto::shared() else { return };
    let role = "role = \"arn:aws:iam::123456789012:role/release\"";
    let body =
        r#"check "as the role", aws("main").identity().arn.contains("assumed-role/release/playbook-");"#;
    identity(moto.port, role, body).expect(0);
}

#[test]
fn the_keys_of_the_environment_are_found() {
    let Some(moto) = moto::shared() else { return };
    let settings = format!("[env.local.aws.main]\nendpoint = \"http://127.0.0.1:{}\"\n", moto.port);
    let body = r#"check "asked", aws("main").identity().account == "123456789012";"#;
    let rig = || {
        Rig::new(&settings)
            .variable("AWS_EC2_METADATA_DISABLED", "true")
            .variable("AWS_CONFIG_FILE", "/dev/null")
            .variable("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    };
    let keyed =
        rig().variable("AWS_ACCESS_KEY_ID", "AKIA").variable("AWS_SECRET_ACCESS_KEY", "s3cret-of-env");
    keyed.exec(&script("aws.main:read", body)).1.expect(0);
    let seen = rig().exec(&script("aws.main:read", body)).1.expect(1);
    seen.says("there are no keys for `aws.main`").says("fix: set `access_key` and `secret_key`");
}

#[test]
fn a_refusal_comes_with_code_words_request_and_what_to_allow() {
    let Some(moto) = moto::shared() else { return };
    let proxy = Proxy::http(moto.port);
    proxy.when_said("GetCallerIdentity", DENIED_XML, 1);
    let seen = identity(proxy.port, "", "aws(\"main\").identity();").expect(1);
    seen.says("`aws.main` could not tell who its keys belong to")
        .says("why: AccessDenied: User: arn:aws:iam::123456789012:user/deploy is not authorized")
        .says("(HTTP 403, request 4d1b6a1c-denied)")
        .says("do `sts:GetCallerIdentity`")
        .hides("aws-s3cret-k3y");
    let body = r#"
        try { aws("main").identity(); } catch (error) {
            check "details", error.details.code == "AccessDenied" && error.details.status == 403;
        }
    "#;
    proxy.when_said("GetCallerIdentity", DENIED_XML, 1);
    identity(proxy.port, "", body).expect(0);
}

#[test]
fn throttling_and_bad_luck_are_tried_again() {
    let Some(moto) = moto::shared() else { return };
    let proxy = Proxy::http(moto.port);
    let body = r#"check "in the end", aws("main").identity().account == "123456789012";"#;
    proxy.when_said("GetCallerIdentity", THROTTLED_XML, 3);
    identity(proxy.port, "", body).expect(0);
    proxy.when("", "/", Fault::Answer(503), 2);
    identity(proxy.port, "", body).expect(0);
    proxy.when("", "/", Fault::Half(20), 2);
    identity(proxy.port, "", body).expect(0);
    proxy.when("", "/", Fault::Answer(503), 3);
    identity(proxy.port, "", body).expect(1).says("(HTTP 503)");
}

#[test]
fn a_server_that_hangs_is_left_after_the_patience_of_a_request() {
    let Some(server) = Moto::start() else { return };
    server.warden().hang();
    let seen = identity(server.port, "", "aws(\"main\").identity();").expect(4);
    server.warden().go_on();
    seen.says("STS gave no answer within 2.0s").says("`request_timeout` of [env.local.aws.main]");
}

#[test]
fn nobody_listens() {
    let port = crate::rig::free_port();
    let seen = identity(port, "", "aws(\"main\").identity();").expect(1);
    seen.says("nothing listens at 127.0.0.1:")
        .says("fix: check `region` and `endpoint` of [env.local.aws.main]");
}

#[test]
fn something_that_is_not_aws() {
    let server = crate::rig::servers::http::Http::start();
    server.tell("/", &[crate::rig::servers::http::Answer::new(200, "<html><p>hello</html>")]);
    let port = server.url().rsplit(':').next().unwrap().parse().unwrap();
    identity(port, "", "aws(\"main\").identity();").expect(1).says("speaks for AWS");
}

#[test]
fn wrong_settings_are_shown_at_their_place() {
    let rig = project(1, "profile = \"p\"").file("test.rhai", &script("aws.main:read", ""));
    rig.run(&["check", "test.rhai"]).expect(2).says("two ways to say who one is").says("^");
    let rig = project(1, "rolle = \"x\"").file("test.rhai", &script("aws.main:read", ""));
    rig.run(&["check", "test.rhai"]).expect(2).says("did you mean `role`?");
}
