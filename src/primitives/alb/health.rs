//! Whether the load balancer is there, and how the targets of a group are.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::lookup::open;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Whether there is a load balancer of that name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exists {}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "there", alb("public").exists();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look whether {resource} exists")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(open(&cx).await?.find(&cx).await?.is_some().into())
    }
}

/// Reads how the load balancer is: `state` (`active`, `provisioning`, `active_impaired`, `failed`), `dns`, `kind`,
/// `scheme`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "active", alb("public").status().state == "active";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how {resource} is")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let balancer = open(&cx).await?;
        let found = balancer.find(&cx).await?.ok_or_else(|| balancer.missing(&cx))?;
        Ok(json!({
            "state": found.text("State/Code"),
            "dns": found.text("DNSName"),
            "kind": found.text("Type"),
            "scheme": found.text("Scheme"),
        }))
    }
}

/// Reads how the targets of a group are: `total`, `healthy`, and `targets`, a map from `ID:PORT` of each to its `state`
/// and, where it is not healthy, the `reason`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// The target group's name
    group: String,
}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "green is well", alb("public").health("green").healthy >= 2;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how the targets of `{}` of {resource} are", self.group)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        read(&cx, &self.group).await
    }
}

/// Waits until the targets of a group are healthy: all of them, or `at_least` so many. Gives the same as `health`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitHealthy {
    /// The target group's name
    group: String,
    /// How many healthy targets are enough; default all that are registered, and one at least
    at_least: Option<u64>,
}

impl Primitive for WaitHealthy {
    const NAME: &'static str = "wait_healthy";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"alb("public").wait_healthy("green", #{ at_least: 2, timeout: "5m" });"#;
    const TIMEOUT: Duration = Duration::from_secs(600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until the targets of `{}` of {resource} are healthy", self.group)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut shown = String::new();
        loop {
            let found = read(&cx, &self.group).await?;
            let number = |name: &str| found[name].as_u64().unwrap_or(0);
            if number("healthy") >= self.at_least.unwrap_or_else(|| number("total").max(1)) {
                return Ok(found);
            }
            let now = format!("{} of {} targets are healthy", number("healthy"), number("total"));
            if now != shown {
                cx.line(false, &now);
                shown = now;
            }
            cx.pause(PAUSE).await?;
        }
    }
}

async fn read(cx: &Cx, group: &str) -> Result<Value> {
    let balancer = open(cx).await?;
    let arn = balancer.group(cx, group).await?;
    let ask = Ask::form(Service::ELB, "DescribeTargetHealth").field("TargetGroupArn", &arn);
    let doing = format!("read how the targets of {group} are");
    let answer = balancer.account.xml(cx, &doing, &ask).await?;
    let mut targets = Map::new();
    let mut healthy = 0;
    for one in answer.list("DescribeTargetHealthResult/TargetHealthDescriptions") {
        let state = one.text("TargetHealth/State");
        healthy += usize::from(state == "healthy");
        let name = format!("{}:{}", one.text("Target/Id"), one.text("Target/Port"));
        let reason = [one.text("TargetHealth/Reason"), one.text("TargetHealth/Description")];
        let reason = reason.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        targets.insert(name, json!({ "state": state, "reason": reason }));
    }
    if answer.at("DescribeTargetHealthResult").is_none() {
        return Err(Error::remote(format!("`{}` could not {doing}", cx.resource()))
            .why("the answer is not that of a load balancer"));
    }
    Ok(json!({ "total": targets.len(), "healthy": healthy, "targets": targets }))
}
