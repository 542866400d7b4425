//! An account of AWS: who one is there. The resources of its systems name it as their `account`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::aws::{self, Ask, Service, Table};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "aws",
    about: "An account of AWS in one region. The resources of its systems (`cloudfront`, `ecs`, `alb` and the others) \
            name it as their `account`, and settings refer to its secrets as `aws-sm:NAME`, `aws-sm:NAME#KEY` and \
            `aws-ssm:NAME`.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: aws::check },
    entries: &[entry::<Identity>()],
    store: None,
    sql: None,
    hosts: None,
};

/// Asks who the keys belong to: `account`, the number of the account; `arn`, the user or the role; `region`. It proves
/// that the keys are good, and needs no permission.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Identity {}

impl Primitive for Identity {
    const NAME: &'static str = "identity";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the right account", aws("main").identity().account == "123456789012";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask who the keys of {resource} belong to")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let account = aws::own(&cx).await?;
        let ask = Ask::form(Service::STS, "GetCallerIdentity");
        let answer = account.xml(&cx, "tell who its keys belong to", &ask).await?;
        let result = answer.at("GetCallerIdentityResult").unwrap_or(&answer);
        let (number, arn) = (result.text("Account"), result.text("Arn"));
        Ok(json!({ "account": number, "arn": arn, "region": account.region }))
    }
}
