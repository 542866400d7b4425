//! How a listener or a rule shares its traffic between target groups.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lookup::{Balancer, Holder, name_of, open};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{Ask, Element, Service};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The greatest weight that AWS takes.
const GREATEST: u64 = 999;

/// Reads the weights of the target groups between which a listener or a rule shares its traffic: a map from the name of
/// each group to its weight.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    /// The port of a listener, `443`, or one of its rules by priority, `443/10`
    at: String,
}

impl Primitive for Weights {
    const NAME: &'static str = "weights";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "all is blue", alb("public").weights("443").blue == 100;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the weights at {} of {resource}", self.at)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let holder = open(&cx).await?.holder(&cx, &self.at).await?;
        Ok(json!(weights(&groups(&cx, &self.at, &holder)?)))
    }
}

/// Sets the weights of target groups of a listener or a rule; a group that is not named keeps its own, and one that was
/// not there is added. Taken back by the weights that were before; a group that was added then has weight 0. Gives
/// `target`, `before` and `after` (maps from each group's name to its weight), and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWeights {
    /// The port of a listener, `443`, or one of its rules by priority, `443/10`
    at: String,
    /// From the name of a target group to its weight, 0 to 999: `#{ blue: 90, green: 10 }`
    weights: BTreeMap<String, u64>,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl Primitive for SetWeights {
    const NAME: &'static str = "set_weights";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"alb("public").set_weights("443", #{ weights: #{ blue: 90, green: 10 } });"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let told: Vec<String> =
            self.weights.iter().map(|(name, weight)| format!("{name} {weight}")).collect();
        format!("share the traffic at {} of {resource}: {}", self.at, told.join(", "))
    }

    fn touches(&self) -> Option<String> {
        Some(self.at.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let holder = open(cx).await?.holder(cx, &self.at).await?;
        let before = weights(&groups(cx, &self.at, &holder)?);
        if self.is_so(&before) {
            return Ok(Inverse::Nothing);
        }
        let added =
            self.weights.keys().filter(|name| !before.contains_key(*name)).map(|name| (name.clone(), 0));
        let all: BTreeMap<String, u64> = added.chain(before.clone()).collect();
        let call = Call::new(cx.resource().clone(), Self::NAME)
            .with("at", self.at.clone())
            .with("weights", json!(all));
        // What nobody served before may be left so again.
        let is_served = before.values().any(|weight| *weight > 0);
        Ok(Inverse::Call(if is_served { call } else { call.with("allow_empty", true) }))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let holder = open(cx).await?.holder(cx, &self.at).await?;
        Ok(Some(self.is_so(&weights(&groups(cx, &self.at, &holder)?))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let balancer = open(&cx).await?;
        let holder = balancer.holder(&cx, &self.at).await.map_err(Error::unchanged)?;
        let mut all = groups(&cx, &self.at, &holder).map_err(Error::unchanged)?;
        let before = weights(&all);
        self.check(&cx, &before).map_err(Error::unchanged)?;
        for (name, weight) in &self.weights {
            match all.iter_mut().find(|(arn, _)| name_of(arn) == name) {
                Some((_, have)) => *have = *weight,
                None => all.push((balancer.group(&cx, name).await.map_err(Error::unchanged)?, *weight)),
            }
        }
        let after = weights(&all);
        if after != before {
            balancer.share(&cx, &holder, &all).await?;
        }
        let changed = after != before;
        Ok(json!({ "target": self.at, "before": before, "after": after, "changed": changed }))
    }
}

impl SetWeights {
    fn is_so(&self, now: &BTreeMap<String, u64>) -> bool {
        self.weights.iter().all(|(name, weight)| now.get(name) == Some(weight))
    }

    fn check(&self, cx: &Cx, before: &BTreeMap<String, u64>) -> Result<()> {
        let wrong = |what: String| Err(Error::usage(format!("`{}`: {what}", cx.resource())));
        if let Some((name, weight)) = self.weights.iter().find(|(_, weight)| **weight > GREATEST) {
            return wrong(format!("the weight {weight} of `{name}` is more than {GREATEST}"));
        }
        let mut left = before.iter().filter(|(name, _)| !self.weights.contains_key(*name));
        let is_empty = self.weights.values().all(|weight| *weight == 0);
        if !self.allow_empty && is_empty && left.all(|(_, weight)| *weight == 0) {
            return wrong("every weight would be 0, so that nobody would be served".to_owned());
        }
        Ok(())
    }
}

/// The groups that a holder forwards to, by their whole names, with their weights.
fn groups(cx: &Cx, at: &str, holder: &Holder) -> Result<Vec<(String, u64)>> {
    let forward = holder.actions.iter().find(|action| action.text("Type") == "forward").ok_or_else(|| {
        let kinds: Vec<&str> = holder.actions.iter().map(|action| action.text("Type")).collect();
        Error::usage(format!("`{}` forwards nothing at {at}", cx.resource()))
            .why(format!("its action is {}", kinds.join(", ")))
            .fix("name a listener or a rule that forwards to target groups")
    })?;
    let listed: Vec<(String, u64)> = forward
        .list("ForwardConfig/TargetGroups")
        .map(|group| {
            let weight = group.text("Weight").parse().unwrap_or(1);
            (group.text("TargetGroupArn").to_owned(), weight)
        })
        .collect();
    // The short form names one group, without a weight.
    let alone = forward.text("TargetGroupArn");
    Ok(if listed.is_empty() && !alone.is_empty() { vec![(alone.to_owned(), 1)] } else { listed })
}

fn weights(groups: &[(String, u64)]) -> BTreeMap<String, u64> {
    groups.iter().map(|(arn, weight)| (name_of(arn).to_owned(), *weight)).collect()
}

impl Balancer {
    /// Gives a holder its actions anew, with these weights: AWS takes all of them or none.
    async fn share(&self, cx: &Cx, holder: &Holder, groups: &[(String, u64)]) -> Result<()> {
        let mut ask = match holder.is_rule {
            true => Ask::form(Service::ELB, "ModifyRule").field("RuleArn", &holder.arn),
            false => Ask::form(Service::ELB, "ModifyListener").field("ListenerArn", &holder.arn),
        };
        let list = if holder.is_rule { "Actions" } else { "DefaultActions" };
        for (index, action) in holder.actions.iter().enumerate() {
            let mut fields = Vec::new();
            let prefix = format!("{list}.member.{}", index + 1);
            if action.text("Type") == "forward" {
                forward(&prefix, action, groups, &mut fields);
            } else {
                flatten(&prefix, action, &mut fields);
            }
            ask = fields.iter().fold(ask, |ask, (name, value)| ask.field(name, value));
        }
        self.account.xml(cx, "share its traffic", &ask.changing()).await.map(drop)
    }
}

/// The fields of an action that forwards.
fn forward(prefix: &str, action: &Element, groups: &[(String, u64)], fields: &mut Vec<(String, String)>) {
    fields.push((format!("{prefix}.Type"), "forward".to_owned()));
    if let Some(order) = action.at("Order") {
        fields.push((format!("{prefix}.Order"), order.text.clone()));
    }
    if let Some(sticky) = action.at("ForwardConfig/TargetGroupStickinessConfig") {
        flatten(&format!("{prefix}.ForwardConfig.TargetGroupStickinessConfig"), sticky, fields);
    }
    for (index, (arn, weight)) in groups.iter().enumerate() {
        let group = format!("{prefix}.ForwardConfig.TargetGroups.member.{}", index + 1);
        fields.push((format!("{group}.TargetGroupArn"), arn.clone()));
        fields.push((format!("{group}.Weight"), weight.to_string()));
    }
}

/// The fields that give an element back as it is.
fn flatten(prefix: &str, element: &Element, fields: &mut Vec<(String, String)>) {
    if element.children.is_empty() {
        if !element.text.trim().is_empty() {
            fields.push((prefix.to_owned(), element.text.clone()));
        }
        return;
    }
    let mut members = 0;
    for child in &element.children {
        members += usize::from(child.name == "member");
        match child.name.as_str() {
            "member" => flatten(&format!("{prefix}.member.{members}"), child, fields),
            name => flatten(&format!("{prefix}.{name}"), child, fields),
        }
        // The secret itself is not told, and stays as it is.
        if child.name == "AuthenticateOidcConfig" {
            fields.push((
                format!("{prefix}.AuthenticateOidcConfig.UseExistingClientSecret"),
                "true".to_owned(),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_given_back_as_they_are_with_other_weights() {
        let text = "<Actions><member><Type>authenticate-oidc</Type><Order>1</Order><AuthenticateOidcConfig><ClientId>c</ClientId>\
                    <Scopes><member>a</member><member>b</member></Scopes></AuthenticateOidcConfig></member><member><Type>forward</Type>\
                    <Order>2</Order><ForwardConfig><TargetGroups><member><TargetGroupArn>arn:x:targetgroup/blue/1</TargetGroupArn>\
                    <Weight>100</Weight></member></TargetGroups><TargetGroupStickinessConfig><Enabled>true</Enabled>\
                    <DurationSeconds>60</DurationSeconds></TargetGroupStickinessConfig></ForwardConfig></member></Actions>";
        let root = Element::read(text).unwrap();
        let (mut fields, groups) = (Vec::new(), [("arn:x:targetgroup/blue/1".to_owned(), 90)]);
        flatten("A.1", &root.children[0], &mut fields);
        forward("A.2", &root.children[1], &groups, &mut fields);
        let told: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            told,
            [
                "A.1.Type=authenticate-oidc",
                "A.1.Order=1",
                "A.1.AuthenticateOidcConfig.ClientId=c",
                "A.1.AuthenticateOidcConfig.Scopes.member.1=a",
                "A.1.AuthenticateOidcConfig.Scopes.member.2=b",
                "A.1.AuthenticateOidcConfig.UseExistingClientSecret=true",
                "A.2.Type=forward",
                "A.2.Order=2",
                "A.2.ForwardConfig.TargetGroupStickinessConfig.Enabled=true",
                "A.2.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds=60",
                "A.2.ForwardConfig.TargetGroups.member.1.TargetGroupArn=arn:x:targetgroup/blue/1",
                "A.2.ForwardConfig.TargetGroups.member.1.Weight=90",
            ]
        );
        assert_eq!(weights(&groups)["blue"], 90);
    }
}
