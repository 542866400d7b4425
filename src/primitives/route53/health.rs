//! Health checks: what the checkers around the world see.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::zone::open;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::aws::{Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// Reads what the checkers of a health check see: `checkers`, how many there are; `healthy`, how many of them have
/// success; `failures`, the words of the others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// The health check's id
    check: String,
}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"let seen = route53("zone").health("0a1b2c3d-0000-4000-8000-000000000000");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the health check {} of {resource}", self.check)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let zone = open(&cx).await?;
        let parts = ["healthcheck", &self.check, "status"];
        let ask = Ask::path(Service::ROUTE53, "GetHealthCheckStatus", Method::GET, &parts);
        let answer = zone.account.xml(&cx, &format!("read the health check {}", self.check), &ask).await?;
        let words: Vec<&str> =
            answer.list("HealthCheckObservations").map(|one| one.text("StatusReport/Status")).collect();
        let (well, failures): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|words| words.starts_with("Success"));
        Ok(json!({ "checkers": words.len(), "healthy": well.len(), "failures": failures }))
    }
}
