//! `ec2` against `moto_server`, whose machines run and are well as soon as they are there.

use super::aws::{DENIED_XML, fresh, project, script};
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto, between};
use crate::rig::servers::proxy::{Fault, Proxy};

fn machines(moto: &Moto, name: &str) -> Vec<String> {
    let form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=2&MaxCount=2&TagSpecification.1.ResourceType=instance\
         &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value={name}"
    );
    between(&moto.form("ec2", &form), "<instanceId>", "</instanceId>")
}

fn exec(port: u16, which: &str, body: &str) -> Seen {
    let rig = project(port, &format!("[env.local.ec2.web]\naccount = \"aws.main\"\n{which}\n"));
    rig.exec(&script("ec2.web:read", &format!("let web = ec2(\"web\");\n{body}"))).1
}

#[test]
fn machines_are_told_by_their_ids_or_tags() {
    let Some(moto) = moto::shared() else { return };
    let name = fresh("web");
    let ids = machines(moto, &name);
    let body = r#"
        let how = web.wait_healthy();
        check "all", how.total == 2 && how.running == 2 && how.healthy == 2;
        check "each", how.instances.values().all(|one| one.state == "running" && one.system == "ok");
    "#;
    exec(moto.port, &format!("tags = {{ Name = \"{name}\" }}"), body).expect(0);
    exec(moto.port, &format!("instances = [\"{}\", \"{}\"]", ids[0], ids[1]), body).expect(0);
    moto.form("ec2", &format!("Action=StopInstances&Version=2016-11-15&InstanceId.1={}", ids[0]));
    let body = r#"let how = web.status(); check "one stopped", how.total == 2 && how.healthy == 1;"#;
    exec(moto.port, &format!("tags = {{ Name = \"{name}\" }}"), body).expect(0);
    let seen = exec(
        moto.port,
        &format!("tags = {{ Name = \"{name}\" }}"),
        "web.wait_healthy(#{ timeout: \"1s\" });",
    );
    seen.expect(4).says("1 of 2 machines are healthy");
}

#[test]
fn a_plan_does_not_wait() {
    let Some(moto) = moto::shared() else { return };
    let rig = project(
        moto.port,
        "[env.local.ec2.web]\naccount = \"aws.main\"\ninstances = [\"i-00000000000000001\"]\n",
    );
    let rig = rig.file("test.rhai", &script("ec2.web:read", "ec2(\"web\").wait_healthy();"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("wait until the machines of ec2.web are healthy");
}

#[test]
fn missing_denied_and_silent_are_told_apart() {
    let Some(moto) = moto::shared() else { return };
    exec(moto.port, "tags = { Name = \"none\" }", "web.status();")
        .expect(1)
        .says("`ec2.web` has no machine")
        .says("correct `tags`");
    let one = "instances = [\"i-00000000000000001\"]";
    exec(moto.port, one, "web.status();").expect(1).says("InvalidInstanceID.NotFound");
    let proxy = Proxy::http(moto.port);
    proxy.when_said("DescribeInstanceStatus", DENIED_XML, 1);
    exec(proxy.port, one, "web.status();").expect(1).says("do `ec2:DescribeInstanceStatus`");
    proxy.when_said("DescribeInstanceStatus", Fault::HoldAnswer, 9);
    exec(proxy.port, one, "web.status(#{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
    exec(moto.port, "", "web.status();").expect(2).says("set `instances` or `tags`");
}
