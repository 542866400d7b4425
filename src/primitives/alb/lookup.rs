//! What lies behind the names that people know: load balancers, listeners by their port, rules by their priority, groups.

use std::sync::Arc;

use super::Table;
use crate::base::error::{Error, Kind, Result};
use crate::base::suggest;
use crate::effect::aws::{self, Account, Ask, Element, Service};
use crate::effect::cx::Cx;

/// The load balancer of a resource.
pub(super) struct Balancer {
    pub(super) account: Arc<Account>,
    pub(super) name: String,
}

/// A listener, or a rule of one: what holds the actions.
pub(super) struct Holder {
    /// Its whole name.
    pub(super) arn: String,
    pub(super) is_rule: bool,
    /// Its actions as they are.
    pub(super) actions: Vec<Element>,
}

pub(super) async fn open(cx: &Cx) -> Result<Balancer> {
    let table: Table = cx.settings()?;
    Ok(Balancer { account: aws::open(cx, &table.account).await?, name: table.load_balancer })
}

impl Balancer {
    /// What AWS tells of it; `None` when there is none of that name.
    pub(super) async fn find(&self, cx: &Cx) -> Result<Option<Element>> {
        let ask = Ask::form(Service::ELB, "DescribeLoadBalancers").field("Names.member.1", &self.name);
        match self.account.xml(cx, &format!("read the load balancer {}", self.name), &ask).await {
            Ok(answer) => Ok(answer.list("DescribeLoadBalancersResult/LoadBalancers").next().cloned()),
            Err(error) if error.kind == Kind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn arn(&self, cx: &Cx) -> Result<String> {
        let found = self.find(cx).await?.ok_or_else(|| self.missing(cx))?;
        Ok(found.text("LoadBalancerArn").to_owned())
    }

    pub(super) fn missing(&self, cx: &Cx) -> Error {
        Error::missing(format!("there is no load balancer `{}` for `{}`", self.name, cx.resource())).fix(
            format!("correct `load_balancer` of {}, or the region of {}", cx.table(), self.account.table),
        )
    }

    /// The listener at a port (`443`), or a rule of it (`443/10`, by its priority).
    pub(super) async fn holder(&self, cx: &Cx, wanted: &str) -> Result<Holder> {
        let (port, priority) =
            wanted.split_once('/').map_or((wanted, None), |(port, rest)| (port, Some(rest)));
        let ask = Ask::form(Service::ELB, "DescribeListeners").field("LoadBalancerArn", &self.arn(cx).await?);
        let answer = self.account.xml(cx, "list its listeners", &ask).await?;
        let listeners: Vec<&Element> = answer.list("DescribeListenersResult/Listeners").collect();
        let Some(listener) = listeners.iter().find(|one| one.text("Port") == port) else {
            let ports = listeners.iter().map(|one| one.text("Port"));
            return Err(no_holder(cx, wanted, "listener", ports));
        };
        let arn = listener.text("ListenerArn").to_owned();
        let Some(priority) = priority else {
            let actions = listener.list("DefaultActions").cloned().collect();
            return Ok(Holder { arn, is_rule: false, actions });
        };
        let ask = Ask::form(Service::ELB, "DescribeRules").field("ListenerArn", &arn);
        let answer = self.account.xml(cx, "list the rules of its listener", &ask).await?;
        let rules: Vec<&Element> = answer.list("DescribeRulesResult/Rules").collect();
        match rules.iter().find(|rule| rule.text("Priority") == priority && priority != "default") {
            Some(rule) => Ok(Holder {
                arn: rule.text("RuleArn").to_owned(),
                is_rule: true,
                actions: rule.list("Actions").cloned().collect(),
            }),
            None => {
                let names: Vec<String> = rules
                    .iter()
                    .map(|rule| rule.text("Priority"))
                    .filter(|priority| *priority != "default")
                    .map(|priority| format!("{port}/{priority}"))
                    .collect();
                Err(no_holder(cx, wanted, "rule", names.iter().map(String::as_str)))
            }
        }
    }

    /// The whole name of the target group of that name.
    pub(super) async fn group(&self, cx: &Cx, name: &str) -> Result<String> {
        let ask = Ask::form(Service::ELB, "DescribeTargetGroups").field("Names.member.1", name);
        let found = self.account.xml(cx, &format!("find the target group {name}"), &ask).await;
        let answer = found.map_err(|error| match error.kind {
            Kind::Missing => error.fix(format!("correct its name, or make it in {}", self.account.region)),
            _ => error,
        })?;
        let mut groups = answer.list("DescribeTargetGroupsResult/TargetGroups");
        let arn = groups.next().map(|group| group.text("TargetGroupArn").to_owned());
        arn.ok_or_else(|| Error::missing(format!("`{}` knows no target group `{name}`", cx.resource())))
    }
}

fn no_holder<'a>(cx: &Cx, wanted: &str, what: &str, names: impl Iterator<Item = &'a str> + Clone) -> Error {
    Error::missing(format!("`{}` has no {what} `{wanted}`", cx.resource())).fix(format!(
        "name a listener by its port or a rule by port and priority; {}",
        suggest::advice(wanted, names)
    ))
}

/// The name of a target group within its whole name: `arn:…:targetgroup/NAME/id`.
pub(super) fn name_of(arn: &str) -> &str {
    let mut parts = arn.rsplit('/');
    parts.next();
    parts.next().unwrap_or(arn)
}
