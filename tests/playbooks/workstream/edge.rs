//! What the emulation of AWS cannot be made to be, and a proxy before it says in AWS's own words: the edge, the network's
//! lists, the checkers of the name.

use super::blockers::NOON;
use super::*;
use crate::rig::servers::proxy::{Fault, Proxy};

const SPREADING: Fault = Fault::Say(
    200,
    "<Distribution><Id>E1</Id><Status>InProgress</Status><DomainName>d1.cloudfront.net</DomainName><DistributionConfig><Enabled>true</Enabled></DistributionConfig></Distribution>",
);
const DISABLED: Fault = Fault::Say(
    200,
    "<Distribution><Id>E1</Id><Status>Deployed</Status><DomainName>d1.cloudfront.net</DomainName><DistributionConfig><Enabled>false</Enabled></DistributionConfig></Distribution>",
);
const CLOSED: Fault = Fault::Say(
    200,
    "<DescribeNetworkAclsResponse><networkAclSet><item><networkAclId>acl-1</networkAclId><entrySet><item><ruleNumber>32767</ruleNumber><protocol>-1</protocol>\
     <ruleAction>deny</ruleAction><egress>false</egress><cidrBlock>0.0.0.0/0</cidrBlock></item></entrySet></item></networkAclSet></DescribeNetworkAclsResponse>",
);
const ONE_OF_TWO: Fault = Fault::Say(
    200,
    "<GetHealthCheckStatusResponse><HealthCheckObservations><HealthCheckObservation><StatusReport><Status>Success: HTTP Status Code 200, OK</Status></StatusReport>\
     </HealthCheckObservation><HealthCheckObservation><StatusReport><Status>Failure: Connection timed out.</Status></StatusReport></HealthCheckObservation>\
     </HealthCheckObservations></GetHealthCheckStatusResponse>",
);

#[test]
fn an_edge_a_network_and_a_name_that_are_not_well() {
    let Some(site) = Workstream::start() else { return };
    let real = site.cloud.moto.port;
    let proxy = Proxy::http(real);
    let (path, from, to) =
        (site.rig.path("playbook.toml"), format!("127.0.0.1:{real}"), format!("127.0.0.1:{}", proxy.port));
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, settings.replace(&from, &to)).unwrap();
    for (part, fault, says) in [
        ("/distribution/", SPREADING, "✘ CloudFront is everywhere: InProgress (wanted == \"Deployed\")"),
        ("/distribution/", DISABLED, "✘ CloudFront is enabled"),
        ("/healthcheck/", ONE_OF_TWO, "✘ Route 53: checkers with success: 1 (wanted == 2)"),
    ] {
        proxy.when("GET", part, fault, 1);
        site.blocked(&[], NOON, |_| {}, says);
    }
    proxy.when_said("DescribeNetworkAcls", CLOSED, 1);
    site.blocked(&[], NOON, |_| {}, "✘ network ACLs: traffic comes in");
}
