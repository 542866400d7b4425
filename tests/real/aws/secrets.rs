//! Secrets that AWS keeps, from an emulation of it to a real server that wants them, and nowhere else.

use serde_json::json;

use super::{DENIED_JSON, THROTTLED_JSON, fresh, project, script};
use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::moto::{self, Moto};
use crate::rig::servers::proxy::Proxy;

const SECRET: &str = "p4ss/w0rd+of the \"sm\"";

fn keep(moto: &Moto, value: &str) -> String {
    let name = fresh("db");
    moto.json(
        "secretsmanager",
        "secretsmanager.CreateSecret",
        &json!({ "Name": name, "SecretString": value }),
    );
    name
}

/// A server that answers with what it was sent, and a project whose `http.api` has that setting.
fn consumer(server: &Http, port: u16, setting: &str) -> Rig {
    server.tell("/", &[Answer::new(500, SECRET)]);
    let url = server.url();
    project(port, &format!("[env.local.http.api]\nurl = \"{url}\"\n{setting}"))
}

fn call(rig: Rig) -> (Rig, Seen) {
    rig.exec(&script("http.api:read", "http(\"api\").get(\"/\");"))
}

#[test]
fn a_secret_reaches_who_wants_it_and_nothing_else() {
    let Some(moto) = moto::shared() else { return };
    let name = keep(moto, SECRET);
    let server = Http::start();
    let (rig, seen) = call(consumer(&server, moto.port, &format!("token = \"aws-sm:{name}\"")));
    seen.expect(1).says("why: [secret]").hides("p4ss");
    assert_eq!(server.got()[0].headers["authorization"], format!("Bearer {SECRET}"));
    rig.keeps_no("p4ss/w0rd");
}

#[test]
fn a_part_of_a_secret_is_named_behind_a_number_sign() {
    let Some(moto) = moto::shared() else { return };
    let name = keep(moto, &json!({ "user": "ada", "password": SECRET, "port": 5432 }).to_string());
    let server = Http::start();
    let proxy = Proxy::http(moto.port);
    let setting = format!("user = \"aws-sm:{name}#user\"\npassword = \"aws-sm:{name}#password\"");
    // Both parts come with one request: a second one would be refused.
    proxy.when_said("NOTHING", DENIED_JSON, 1);
    let (rig, seen) = call(consumer(&server, proxy.port, &setting));
    seen.expect(1).hides("p4ss");
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("ada:{SECRET}"));
    assert_eq!(server.got()[0].headers["authorization"], format!("Basic {basic}"));
    rig.keeps_no("p4ss/w0rd");

    let seen = call(consumer(&server, moto.port, &format!("token = \"aws-sm:{name}#pasword\""))).1.expect(1);
    seen.says("it has no `pasword`").says("did you mean `password`?").hides("p4ss");
    let plain = keep(moto, SECRET);
    let seen = call(consumer(&server, moto.port, &format!("token = \"aws-sm:{plain}#x\""))).1.expect(1);
    seen.says("no JSON object").says("leave out `#x`").hides("p4ss");
}

#[test]
fn a_parameter_is_decrypted() {
    let Some(moto) = moto::shared() else { return };
    let name = format!("/{}/token", fresh("app"));
    let body = json!({ "Name": name, "Value": SECRET, "Type": "SecureString" });
    moto.json("ssm", "AmazonSSM.PutParameter", &body);
    let server = Http::start();
    let (rig, seen) = call(consumer(&server, moto.port, &format!("token = \"aws-ssm:{name}\"")));
    seen.expect(1).hides("p4ss");
    assert_eq!(server.got()[0].headers["authorization"], format!("Bearer {SECRET}"));
    rig.keeps_no("p4ss/w0rd");
}

#[test]
fn what_is_not_there_and_what_is_denied_is_said_before_anything_is_sent() {
    let Some(moto) = moto::shared() else { return };
    let server = Http::start();
    for (setting, says) in [
        ("token = \"aws-sm:none\"", "`aws-sm:none` of `http.api` cannot be had"),
        ("token = \"aws-ssm:/none\"", "`aws-ssm:/none` of `http.api` cannot be had"),
    ] {
        let seen = call(consumer(&server, moto.port, setting)).1.expect(1);
        seen.says(says).says("NotFound").says("us-east-1, the region of [env.local.aws.main]");
    }
    let name = keep(moto, SECRET);
    let proxy = Proxy::http(moto.port);
    proxy.when_said("GetSecretValue", DENIED_JSON, 1);
    let seen = call(consumer(&server, proxy.port, &format!("token = \"aws-sm:{name}\""))).1.expect(1);
    seen.says("is not authorized").says("do `secretsmanager:GetSecretValue`");
    proxy.when_said("GetSecretValue", THROTTLED_JSON, 2);
    call(consumer(&server, proxy.port, &format!("token = \"aws-sm:{name}\""))).1.says("answered 500");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_plan_reads_a_secret_only_when_it_reads_with_it() {
    let Some(moto) = moto::shared() else { return };
    let server = Http::start();
    let rig = consumer(&server, moto.port, "access = \"write\"\ntoken = \"aws-sm:none\"");
    let rig = rig.file("test.rhai", &script("http.api:write", "http(\"api\").post(\"/\");"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("POST / of http.api");
    assert!(server.got().is_empty());
}

#[test]
fn the_account_is_named_where_there_are_several() {
    let more =
        "[env.local.aws.other]\n[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\ntoken = \"aws-sm:x\"\n";
    let check = |more: &str| {
        let rig = project(1, more).file("test.rhai", &script("http.api:read", "http(\"api\").get(\"/\");"));
        rig.run(&["check", "test.rhai"])
    };
    insta::assert_snapshot!(check(more), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: nothing here keeps `aws-sm:x`
      --> playbook.toml:10:9
       |
    10 | token = "aws-sm:x"
       |         ^^^^^^^^^^
      why: this environment has `aws.main`, `aws.other`
      fix: say which one does, in [env.local.secrets]: aws = "aws.main"
    "#);
    check(&format!("{more}[env.local.secrets]\naws = \"aws.other\"\n")).expect(0);
    let wrong = format!("{more}[env.local.secrets]\naws = \"aws.othr\"\nvalt = \"x\"\n");
    insta::assert_snapshot!(check(&wrong), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `aws.othr` is no resource of `aws`
      --> playbook.toml:12:7
       |
    12 | aws = "aws.othr"
       |       ^^^^^^^^^^
      fix: did you mean `aws.other`?

    error: `valt` is no key of `secrets`
      --> playbook.toml:13:1
       |
    13 | valt = "x"
       | ^^^^
      fix: did you mean `vault`?
    "#);
    // What is needed to ask an account cannot be asked of it.
    let own = "session_token = \"aws-ssm:/own\"\n";
    check(own)
        .expect(2)
        .says("`aws.main` cannot be asked for what is needed to reach it")
        .says("session_token");
}
