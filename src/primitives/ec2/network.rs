//! What the network lets through to the machines: the rules of their security groups, and of their subnets' lists.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Table, ids};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::aws::{self, Account, Ask, Element, Service};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Reads what the security groups of the machines let in: an array of `#{ group, protocol, from, to, source }`, one for each
/// source of each rule. `protocol` is `all` for every one, `from` and `to` are the ports, `()` for all; `source` is a range
/// of addresses (`0.0.0.0/0` is the whole world) or another group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inbound {}

impl Primitive for Inbound {
    const NAME: &'static str = "inbound";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let open = ec2("web").inbound().filter(|rule| rule.source == "0.0.0.0/0" && !(rule.to in [80, 443]));"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read what the security groups of {resource} let in")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (account, machines) = machines(&cx).await?;
        let groups = each(&machines, "groupSet", "groupId");
        let ask = numbered(Ask::form(Service::EC2, "DescribeSecurityGroups"), "GroupId", &groups);
        let answer = account.xml(&cx, "read its security groups", &ask).await?;
        let rules = answer.list("securityGroupInfo").flat_map(|group| {
            let name = group.text("groupName");
            group.list("ipPermissions").flat_map(move |rule| {
                sources(rule).map(move |source| json!({
                "group": name, "protocol": protocol(rule.text("ipProtocol")),
                "from": port(rule.text("fromPort")), "to": port(rule.text("toPort")), "source": source,
            }))
            })
        });
        Ok(rules.collect())
    }
}

/// Reads the network ACLs of the machines' subnets: an array of `#{ acl, number, allow, egress, protocol, from, to, range }`,
/// in the order in which the rules are tried. The last one of each list, `number` 32767, refuses the rest.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkAcls {}

impl Primitive for NetworkAcls {
    const NAME: &'static str = "network_acls";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "traffic comes in", ec2("web").network_acls().some(|rule| rule.allow && !rule.egress);"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the network ACLs of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (account, machines) = machines(&cx).await?;
        let subnets: BTreeSet<&str> = machines.iter().map(|machine| machine.text("subnetId")).collect();
        let ask =
            Ask::form(Service::EC2, "DescribeNetworkAcls").field("Filter.1.Name", "association.subnet-id");
        let ask = numbered(ask, "Filter.1.Value", &subnets);
        let answer = account.xml(&cx, "read the network ACLs of its subnets", &ask).await?;
        let mut rules: Vec<(bool, u64, Value)> = Vec::new();
        for acl in answer.list("networkAclSet") {
            for rule in acl.list("entrySet") {
                let (number, egress) =
                    (rule.text("ruleNumber").parse().unwrap_or(0), rule.text("egress") == "true");
                rules.push((egress, number, json!({
                    "acl": acl.text("networkAclId"), "number": number, "egress": egress,
                    "allow": rule.text("ruleAction") == "allow", "protocol": protocol(rule.text("protocol")),
                    "from": port(rule.text("portRange/from")), "to": port(rule.text("portRange/to")),
                    "range": rule.text("cidrBlock"),
                })));
            }
        }
        rules.sort_by_key(|(egress, number, _)| (*egress, *number));
        Ok(rules.into_iter().map(|(_, _, rule)| rule).collect())
    }
}

/// The machines as EC2 describes them.
async fn machines(cx: &Cx) -> Result<(std::sync::Arc<Account>, Vec<Element>)> {
    let table: Table = cx.settings()?;
    let account = aws::open(cx, &table.account).await?;
    let ids = ids(cx, &account, table).await?.into_iter().collect::<BTreeSet<_>>();
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let ask = numbered(Ask::form(Service::EC2, "DescribeInstances"), "InstanceId", &ids);
    let answer = account.xml(cx, "read where its machines are", &ask).await?;
    let found =
        answer.list("reservationSet").flat_map(|reservation| reservation.list("instancesSet")).cloned();
    Ok((account, found.collect()))
}

fn each<'a>(machines: &'a [Element], list: &'a str, name: &'a str) -> BTreeSet<&'a str> {
    machines.iter().flat_map(|machine| machine.list(list)).map(|one| one.text(name)).collect()
}

fn numbered(ask: Ask, name: &str, values: &BTreeSet<&str>) -> Ask {
    values
        .iter()
        .enumerate()
        .fold(ask, |ask, (index, value)| ask.field(&format!("{name}.{}", index + 1), value))
}

/// Where a rule lets somebody in from.
fn sources(rule: &Element) -> impl Iterator<Item = &str> {
    let lists = [
        ("ipRanges", "cidrIp"),
        ("ipv6Ranges", "cidrIpv6"),
        ("groups", "groupId"),
        ("prefixListIds", "prefixListId"),
    ];
    lists.into_iter().flat_map(|(list, name)| rule.list(list).map(move |one| one.text(name)))
}

fn protocol(word: &str) -> &str {
    match word {
        "-1" => "all",
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        word => word,
    }
}

/// A port; nothing where the rule is for all of them.
fn port(text: &str) -> Value {
    text.parse::<u16>().map_or(Value::Null, Value::from)
}
