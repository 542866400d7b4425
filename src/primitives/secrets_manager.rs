//! Secrets Manager: what is known of a secret. Its value is referred to as `aws-sm:NAME`, and never enters a script.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::aws::{self, Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "secrets_manager",
    about: "Secrets Manager: whether a secret is there and how old it is. Settings refer to its value as `aws-sm:NAME`; no \
            script can read it.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Describe>(), entry::<Exists>()],
    store: None,
    sql: None,
    hosts: None,
};

/// The Secrets Manager of an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
}

/// Reads what is known of a secret, without its value: `name`, `arn`, `about`, `rotates`, `deleted` (it is marked to be
/// deleted), and `changed`, when its value was last changed, in seconds since 1970.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Describe {
    /// The secret's name, or its whole name (ARN)
    name: String,
}

impl Primitive for Describe {
    const NAME: &'static str = "describe";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "it rotates", secrets_manager("main").describe("shop/database").rotates;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read what {resource} knows of `{}`", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let found = describe(&cx, &self.name).await?;
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        let changed = found["LastChangedDate"].as_f64().or_else(|| found["CreatedDate"].as_f64());
        Ok(json!({
            "name": text("Name"),
            "arn": text("ARN"),
            "about": text("Description"),
            "rotates": found["RotationEnabled"].as_bool().unwrap_or(false),
            "deleted": !found["DeletedDate"].is_null(),
            "changed": changed,
        }))
    }
}

/// Whether there is a secret of that name that is not marked to be deleted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exists {
    /// The secret's name, or its whole name (ARN)
    name: String,
}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "there", secrets_manager("main").exists("shop/database");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look whether {resource} has `{}`", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        match describe(&cx, &self.name).await {
            Ok(found) => Ok(found["DeletedDate"].is_null().into()),
            Err(error) if aws::is(&error, &["ResourceNotFoundException"]) => Ok(false.into()),
            Err(error) => Err(error),
        }
    }
}

async fn describe(cx: &Cx, name: &str) -> Result<Value> {
    let table: Table = cx.settings()?;
    let account = aws::open(cx, &table.account).await?;
    let ask = Ask::json(Service::SECRETS, "DescribeSecret", &json!({ "SecretId": name }));
    account.json(cx, &format!("read what is known of the secret {name}"), &ask).await
}
