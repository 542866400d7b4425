//! `secrets_manager` against `moto_server`: what is known of a secret, and never its value.

use serde_json::json;

use super::aws::{DENIED_JSON, fresh, project, script};
use crate::rig::seen::Seen;
use crate::rig::servers::moto;
use crate::rig::servers::proxy::{Fault, Proxy};

fn exec(port: u16, body: &str) -> Seen {
    let rig = project(port, "[env.local.secrets_manager.main]\naccount = \"aws.main\"\n");
    let body = format!("let secrets = secrets_manager(\"main\");\n{body}");
    let (rig, seen) = rig.exec(&script("secrets_manager.main:read", &body));
    rig.keeps_no("hunter2-of-sm");
    seen.hides("hunter2-of-sm")
}

#[test]
fn a_secret_is_described_without_its_value() {
    let Some(moto) = moto::shared() else { return };
    let name = fresh("database");
    let body = json!({ "Name": name, "SecretString": "hunter2-of-sm", "Description": "of the shop" });
    moto.json("secretsmanager", "secretsmanager.CreateSecret", &body);
    let body = format!(
        r#"
        let known = secrets.describe("{name}");
        check "known", known.name == "{name}" && known.about == "of the shop" && !known.rotates && !known.deleted;
        check "changed", known.changed > 1.0e9;
        check "there", secrets.exists("{name}");
        check "not there", !secrets.exists("none");
        "#
    );
    exec(moto.port, &body).expect(0);
    moto.json("secretsmanager", "secretsmanager.DeleteSecret", &json!({ "SecretId": name }));
    let body = format!(r#"check "marked", secrets.describe("{name}").deleted && !secrets.exists("{name}");"#);
    exec(moto.port, &body).expect(0);
}

#[test]
fn missing_denied_and_silent_are_told_apart() {
    let Some(moto) = moto::shared() else { return };
    exec(moto.port, "secrets.describe(\"none\");").expect(1).says("ResourceNotFoundException");
    let proxy = Proxy::http(moto.port);
    proxy.when_said("DescribeSecret", DENIED_JSON, 1);
    exec(proxy.port, "secrets.exists(\"x\");").expect(1).says("do `secretsmanager:DescribeSecret`");
    proxy.when_said("DescribeSecret", Fault::HoldAnswer, 9);
    exec(proxy.port, "secrets.exists(\"x\", #{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
}
