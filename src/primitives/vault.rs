//! A vault that speaks the API of HashiCorp Vault: how it is. Its secrets are referred to, and never enter a script.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};
use crate::effect::vault::{self, Table};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "vault",
    about: "A vault that speaks the API of HashiCorp Vault. Settings refer to its secrets as \
            `vault:MOUNT/PATH#FIELD`; no script can read one.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: vault::check },
    entries: &[entry::<Status>()],
    store: None,
    sql: None,
    hosts: None,
};

/// Reads how the vault is: `initialized`, `sealed`, and its `version`. No token is needed for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the vault is open", !vault("main").status().sealed;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read whether {resource} is sealed")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let vault = vault::open(&cx).await?;
        let what = || format!("`{}` does not say how it is", cx.resource());
        let answer = vault.ask_openly("sys/seal-status").await?;
        if answer.status != 200 {
            return Err(vault.refused(what(), &answer));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(sealed) = body["sealed"].as_bool() else {
            return Err(Error::remote(what())
                .why("its answer is not that of a vault")
                .fix("correct `url` of that resource in playbook.toml"));
        };
        // An older server does not tell the first, and only one that was initialized can be open.
        let initialized = body["initialized"].as_bool().unwrap_or(!sealed || body["t"].as_u64() > Some(0));
        let version = body["version"].as_str().unwrap_or_default();
        Ok(json!({ "initialized": initialized, "sealed": sealed, "version": version }))
    }
}
