//! `playbook doctor` on the systems of an account that lets nobody ask: each says so, and with which right it would.

use super::*;

const RESOURCES: [(&str, &str); 8] = [
    ("cloudfront", "distribution = \"E1A2B3C4D5E6F7\""),
    ("ecs", "cluster = \"shop\"\nservice = \"api\""),
    ("ec2", "instances = [\"i-0a1b2c3d\"]"),
    ("alb", "load_balancer = \"public\""),
    ("route53", "zone = \"Z0123456789ABC\""),
    ("ecr", "repository = \"shop/api\""),
    ("secrets_manager", ""),
    ("ssm", "path = \"/shop\""),
];

#[test]
fn who_may_not_ask_is_told_so_of_every_system() {
    let Some(moto) = moto::shared() else { return };
    let proxy = Proxy::http(moto.port);
    for word in ["DescribeServices", "DescribeImages", "DescribeSecret", "GetParameter"] {
        proxy.when_said(word, DENIED_JSON, 9);
    }
    for word in ["DescribeInstance", "DescribeLoadBalancers"] {
        proxy.when_said(word, DENIED_XML, 9);
    }
    for path in ["/hostedzone", "/distribution"] {
        proxy.when("GET", path, DENIED_XML, 9);
    }
    let tables: String = RESOURCES
        .iter()
        .map(|(family, more)| format!("[env.local.{family}.main]\naccount = \"aws.main\"\n{more}\n"))
        .collect();
    let rig = project(proxy.port, &tables);
    for (family, _) in RESOURCES {
        let found = rig.look(&format!("{family}.main"));
        let fix = found["troubles"][0]["fix"].as_str().unwrap_or_default();
        assert!(found["state"] == "not_permitted" && found["reached"] == true, "{found}");
        assert!(fix.starts_with("let whom the keys of"), "{found}");
    }
    rig.well("aws.main", "");
}
