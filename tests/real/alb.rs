//! `alb` against `moto_server`: load balancers, their targets, and how they share their traffic.

use super::aws::{DENIED_XML, THROTTLED_XML, fresh, project, script};
use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto, between};
use crate::rig::servers::proxy::{Fault, Proxy};

struct Balancer {
    moto: &'static Moto,
    name: String,
    blue: String,
    green: String,
    listener: String,
}

/// A load balancer with a listener at port 80 that sends all to `blue`, and a rule of priority 10.
fn balancer() -> Option<Balancer> {
    let moto = moto::shared()?;
    let ask = |form: &str| moto.form("elasticloadbalancing", &format!("Version=2015-12-01&{form}"));
    let name = fresh("public");
    let (vpc, made) = moto.load_balancer(&name);
    let arn = between(&made, "<LoadBalancerArn>", "</LoadBalancerArn>")[0].clone();
    let group = |name: &str| {
        let made = ask(&format!(
            "Action=CreateTargetGroup&Name={name}&Protocol=HTTP&Port=80&VpcId={vpc}&TargetType=ip"
        ));
        between(&made, "<TargetGroupArn>", "</TargetGroupArn>")[0].clone()
    };
    let (blue, green) = (fresh("blue"), fresh("green"));
    let (blue_arn, green_arn) = (group(&blue), group(&green));
    ask(&format!(
        "Action=RegisterTargets&TargetGroupArn={green_arn}&Targets.member.1.Id=10.0.1.5&Targets.member.1.Port=80"
    ));
    let sticky = "ForwardConfig.TargetGroupStickinessConfig.Enabled=true&A.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds=60";
    let forward = format!(
        "A.Type=forward&A.{sticky}&A.ForwardConfig.TargetGroups.member.1.TargetGroupArn={blue_arn}&A.ForwardConfig.TargetGroups.member.1.Weight=100"
    );
    let made = ask(&format!(
        "Action=CreateListener&LoadBalancerArn={arn}&Protocol=HTTP&Port=80&{}",
        forward.replace("A.", "DefaultActions.member.1.")
    ));
    let listener = between(&made, "<ListenerArn>", "</ListenerArn>")[0].clone();
    ask(&format!(
        "Action=CreateRule&ListenerArn={listener}&Priority=10&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/api/*&{}",
        forward.replace("A.", "Actions.member.1.")
    ));
    Some(Balancer { moto, name, blue, green, listener })
}

impl Balancer {
    fn rig(&self, port: u16) -> Rig {
        let name = &self.name;
        project(
            port,
            &format!(
                "[env.local.alb.public]\naccount = \"aws.main\"\nload_balancer = \"{name}\"\naccess = \"write\"\n"
            ),
        )
    }

    fn exec(&self, port: u16, body: &str) -> Seen {
        let body = body.replace("BLUE", &self.blue).replace("GREEN", &self.green);
        self.rig(port).exec(&script("alb.public:write", &format!("let lb = alb(\"public\");\n{body}"))).1
    }

    /// The weights of the listener, as AWS itself tells them.
    fn held(&self) -> Vec<String> {
        let form =
            format!("Action=DescribeListeners&Version=2015-12-01&ListenerArns.member.1={}", self.listener);
        let all = self.moto.form("elasticloadbalancing", &form);
        assert!(all.contains("<DurationSeconds>60</DurationSeconds>"), "{all}");
        between(&all, "<Weight>", "</Weight>")
    }
}

#[test]
fn traffic_is_shared_by_the_names_of_groups() {
    let Some(lb) = balancer() else { return };
    let body = r#"
        check "before", lb.weights("80") == #{ "BLUE": 100 };
        let set = lb.set_weights("80", #{ weights: #{ "BLUE": 90, "GREEN": 10 } });
        check "receipt", set.before == #{ "BLUE": 100 } && set.after == #{ "BLUE": 90, "GREEN": 10 };
        check "held", lb.weights("80") == #{ "BLUE": 90, "GREEN": 10 };
        check "one alone", lb.set_weights("80", #{ weights: #{ "BLUE": 50 } }).after == #{ "BLUE": 50, "GREEN": 10 };
        check "the rule is its own", lb.weights("80/10") == #{ "BLUE": 100 };
        check "of a rule", lb.set_weights("80/10", #{ weights: #{ "GREEN": 1 } }).after == #{ "BLUE": 100, "GREEN": 1 };
    "#;
    lb.exec(lb.moto.port, body).expect(0);
    assert_eq!(lb.held(), ["50", "10"]);
}

#[test]
fn a_later_failure_gives_the_weights_back() {
    let Some(lb) = balancer() else { return };
    let body = r#"
        step "ten" { lb.set_weights("80", #{ weights: #{ "BLUE": 90, "GREEN": 10 } }); }
        step "all" { lb.set_weights("80", #{ weights: #{ "BLUE": 0, "GREEN": 100 } }); }
        fail("later");
    "#;
    lb.exec(lb.moto.port, body).expect(1).says("taken back");
    assert_eq!(lb.held(), ["100", "0"]);
}

#[test]
fn a_plan_shares_nothing() {
    let Some(lb) = balancer() else { return };
    let body = format!(
        "alb(\"public\").set_weights(\"80\", #{{ weights: #{{ \"{}\": 0, \"{}\": 7 }} }});",
        lb.blue, lb.green
    );
    let rig = lb.rig(lb.moto.port).file("test.rhai", &script("alb.public:write", &body));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("share the traffic at 80 of alb.public")
        .says(&format!("{} 7", lb.green));
    assert_eq!(lb.held(), ["100"]);
}

#[test]
fn what_cannot_be_shared_is_refused_before_anything_is_sent() {
    let Some(lb) = balancer() else { return };
    for (body, says) in [
        (r#"lb.weights("81");"#, "has no listener `81`"),
        (r#"lb.weights("80/11");"#, "has no rule `80/11`"),
        (r#"lb.set_weights("80", #{ weights: #{ "BLUE": 0 } });"#, "nobody would be served"),
        (r#"lb.set_weights("80", #{ weights: #{ "BLUE": 1000 } });"#, "more than 999"),
        (r#"lb.set_weights("80", #{ weights: #{ "none": 1 } });"#, "TargetGroupNotFound"),
    ] {
        lb.exec(lb.moto.port, body).expect(1).says(says);
    }
    assert_eq!(lb.held(), ["100"]);
}

#[test]
fn refusals_and_doubts_of_a_change() {
    let Some(lb) = balancer() else { return };
    let proxy = Proxy::http(lb.moto.port);
    let set = r#"lb.set_weights("80", #{ weights: #{ "BLUE": 90, "GREEN": 10 } });"#;
    proxy.when_said("ModifyListener", DENIED_XML, 1);
    lb.exec(proxy.port, set).expect(1).says("do `elasticloadbalancing:ModifyListener`").hides("in doubt");
    assert_eq!(lb.held(), ["100"]);
    // Each of its three tries took effect, and its answer was lost; so it is taken back.
    proxy.when_said("ModifyListener", Fault::Half(0), 3);
    lb.exec(proxy.port, set).says("in doubt").says("closed the connection").says("taken back");
    assert_eq!(lb.held(), ["100", "0"]);
    proxy.when_said("ModifyListener", THROTTLED_XML, 2);
    lb.exec(proxy.port, r#"lb.set_weights("80", #{ weights: #{ "BLUE": 80 } });"#).expect(0);
    assert_eq!(lb.held(), ["80", "0"]);
    proxy.when_said("DescribeLoadBalancers", Fault::HoldAnswer, 9);
    lb.exec(proxy.port, "lb.status(#{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
}

#[test]
fn the_balancer_and_its_targets_are_told() {
    let Some(lb) = balancer() else { return };
    let body = r#"
        check "there", lb.exists();
        let how = lb.status();
        check "how", how.state != "" && how.dns != "" && how.kind == "application";
        let green = lb.wait_healthy("GREEN");
        check "healthy", green.total == 1 && green.healthy == 1 && green.targets["10.0.1.5:80"].state == "healthy";
        check "empty", lb.health("BLUE").total == 0;
    "#;
    lb.exec(lb.moto.port, body).expect(0);
    let seen = lb.exec(lb.moto.port, "lb.wait_healthy(\"BLUE\", #{ timeout: \"5s\" });").expect(4);
    seen.says("0 of 0 targets are healthy");
    let none = Balancer { name: "none".to_owned(), ..lb };
    none.exec(none.moto.port, r#"check "not there", !lb.exists();"#).expect(0);
    none.exec(none.moto.port, "lb.status();")
        .expect(1)
        .says("there is no load balancer `none` for `alb.public`");
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(lb) = balancer() else { return };
    let line = format!(
        "alb(\"public\").set_weights(\"80\", #{{ weights: #{{ \"{}\": 90, \"{}\": 10 }} }});",
        lb.blue, lb.green
    );
    // A group without a share stays in the list when the shares are given back.
    let state = || lb.held().into_iter().filter(|weight| weight != "0").collect::<Vec<_>>();
    crate::rig::crash::survives(|| lb.rig(lb.moto.port), "alb.public:write", &line, state);
}
