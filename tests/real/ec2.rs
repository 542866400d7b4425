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
        "web.wait_healthy(#{ timeout: \"5s\" });",
    );
    seen.expect(4).says("1 of 2 machines are healthy");
}

#[test]
fn what_the_network_lets_through_is_read() {
    let Some(moto) = moto::shared() else { return };
    let name = fresh("net");
    let ec2 = |form: &str| moto.form("ec2", &format!("Version=2016-11-15&{form}"));
    let made = ec2(&format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=web"));
    let group = between(&made, "<groupId>", "</groupId>")[0].clone();
    ec2(&format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443\
         &IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"
    ));
    let made = ec2(&format!(
        "Action=RunInstances&ImageId=ami-12c6146b&MinCount=1&MaxCount=1&SecurityGroupId.1={group}"
    ));
    let id = &between(&made, "<instanceId>", "</instanceId>")[0];
    let which = format!("instances = [\"{id}\"]");
    let body = r#"
        let open = web.inbound();
        check `one rule ${open}`, open.len() == 1 && open[0].protocol == "tcp" && open[0].from == 443 && open[0].to == 443;
        check "for the world", open[0].source == "0.0.0.0/0";
        let rules = web.network_acls();
        check `in their order ${rules}`, rules[0].number < rules[1].number && rules[0].allow && !rules[0].egress;
        check "the rest is refused", rules.some(|rule| rule.number == 32767 && !rule.allow);
    "#;
    exec(moto.port, &which, body).expect(0);
    let proxy = Proxy::http(moto.port);
    proxy.when_said("DescribeSecurityGroups", DENIED_XML, 1);
    exec(proxy.port, &which, "web.inbound();").expect(1).says("do `ec2:DescribeSecurityGroups`");
    proxy.when_said("DescribeNetworkAcls", DENIED_XML, 1);
    exec(proxy.port, &which, "web.network_acls();").expect(1).says("do `ec2:DescribeNetworkAcls`");
    proxy.when_said("DescribeSecurityGroups", Fault::HoldAnswer, 9);
    exec(proxy.port, &which, "web.inbound(#{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
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
