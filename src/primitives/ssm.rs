//! Parameters of the Systems Manager below one path: plain ones are read and changed. A secret one is referred to as
//! `aws-ssm:NAME`, and never enters a script.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Account, Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "ssm",
    about: "Parameters of the Systems Manager below one path: plain ones are read and changed, and a change is taken back \
            by the value that was before. Settings refer to secret ones as `aws-ssm:NAME`; no script can read them.",
    settings: Settings { schema: || schemars::schema_for!(Table), check },
    entries: &[entry::<Get>(), entry::<Put>(), entry::<Delete>()],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// Parameters of the Systems Manager.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that they belong to, as "aws.main"
    account: ResourceId,
    /// The path that all names lie below: `/shop/production`
    path: String,
}

fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    let is_path = table.path.starts_with('/') && !table.path.contains("//");
    is_path.then_some(()).ok_or_else(|| "`path` is no path; write it like `/shop/production`".to_owned())
}

/// Reads a plain parameter: its value. A secret one is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Its name below the path: `workers`
    name: String,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let workers = ssm("shop").get("workers");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read `{}` of {resource}", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let parameters = open(&cx, &self.name).await?;
        let found = parameters.find(&cx).await?;
        found.map(Value::String).ok_or_else(|| {
            Error::missing(format!("`{}` has no parameter {}", cx.resource(), parameters.name))
                .fix(format!("make it in {}, or correct its name", parameters.account.region))
        })
    }
}

/// Gives a plain parameter a value; one that is not there is made. A secret one is refused. Taken back by the value that
/// was before, or by deleting what was not there. Gives `name`, `version` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Put {
    /// Its name below the path: `workers`
    name: String,
    /// Its new value
    value: String,
}

impl Primitive for Put {
    const NAME: &'static str = "put";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"ssm("shop").put("workers", "8");"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("set `{}` of {resource}", self.name)
    }

    fn touches(&self) -> Option<String> {
        Some(self.name.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let call = |verb: &str| Call::new(cx.resource().clone(), verb).with("name", self.name.clone());
        Ok(match open(cx, &self.name).await?.find(cx).await? {
            Some(before) if before == self.value => Inverse::Nothing,
            Some(before) => Inverse::Call(call(Self::NAME).with("value", before)),
            None => Inverse::Call(call(Delete::NAME)),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(open(cx, &self.name).await?.find(cx).await?.as_ref() == Some(&self.value)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let parameters = open(&cx, &self.name).await?;
        let before = parameters.find(&cx).await.map_err(Error::unchanged)?;
        if before.as_ref() == Some(&self.value) {
            return Ok(json!({ "name": parameters.name, "changed": false }));
        }
        let mut body = json!({ "Name": parameters.name, "Value": self.value, "Overwrite": true });
        if before.is_none() {
            // AWS wants the kind of what is made, and keeps that of what is there.
            body["Type"] = "String".into();
        }
        let ask = Ask::json(Service::SSM, "PutParameter", &body).changing();
        let answer = parameters.account.json(&cx, &format!("set {}", parameters.name), &ask).await?;
        Ok(json!({ "name": parameters.name, "version": answer["Version"], "changed": true }))
    }
}

/// Deletes a plain parameter. A secret one is refused. Taken back by the value that was before, as the first version of a
/// new history. Gives `name` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Delete {
    /// Its name below the path: `workers`
    name: String,
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"ssm("shop").delete("workers");"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("delete `{}` of {resource}", self.name)
    }

    fn touches(&self) -> Option<String> {
        Some(self.name.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let before = open(cx, &self.name).await?.find(cx).await?;
        Ok(before.map_or(Inverse::Nothing, |before| {
            let call = Call::new(cx.resource().clone(), Put::NAME);
            Inverse::Call(call.with("name", self.name.clone()).with("value", before))
        }))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(open(cx, &self.name).await?.find(cx).await?.is_none()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let parameters = open(&cx, &self.name).await?;
        let is_there = parameters.find(&cx).await.map_err(Error::unchanged)?.is_some();
        if is_there {
            let ask =
                Ask::json(Service::SSM, "DeleteParameter", &json!({ "Name": parameters.name })).changing();
            let deleted = parameters.account.json(&cx, &format!("delete {}", parameters.name), &ask).await;
            deleted.map(drop).or_else(|error| match aws::is(&error, &["ParameterNotFound"]) {
                true => Ok(()),
                false => Err(error),
            })?;
        }
        Ok(json!({ "name": parameters.name, "changed": is_there }))
    }
}

/// Looks for a parameter that need not be there: the answer proves address, keys and right.
async fn look(cx: Cx) -> Result<Health> {
    let path = cx.settings::<Table>()?.path;
    open(&cx, "playbook-doctor").await?.find(&cx).await?;
    Ok(Health::reached().fact(format!("below {path}")))
}

/// One parameter of a resource.
struct Parameter {
    account: Arc<Account>,
    name: String,
}

async fn open(cx: &Cx, name: &str) -> Result<Parameter> {
    let table: Table = cx.settings()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() || name.starts_with('/') || name.contains("..") || !name.chars().all(is_name) {
        return Err(Error::usage(format!("`{name}` is no name of a parameter below {}", table.path))
            .fix("write the name below the path: letters, digits and `.`, `_`, `-`, `/`")
            .unchanged());
    }
    let name = format!("{}/{name}", table.path.trim_end_matches('/'));
    Ok(Parameter { account: aws::open(cx, &table.account).await?, name })
}

impl Parameter {
    /// Its value; `None` when there is none. A secret one is refused.
    async fn find(&self, cx: &Cx) -> Result<Option<String>> {
        // Without decryption, so that the value of a secret one never comes here.
        let body = json!({ "Name": self.name, "WithDecryption": false });
        let ask = Ask::json(Service::SSM, "GetParameter", &body);
        let answer = match self.account.json(cx, &format!("read {}", self.name), &ask).await {
            Err(error) if aws::is(&error, &["ParameterNotFound"]) => return Ok(None),
            other => other?,
        };
        let parameter = &answer["Parameter"];
        if parameter["Type"] == "SecureString" {
            return Err(Error::usage(format!(
                "the parameter {} is a secret, which no script may see",
                self.name
            ))
            .fix(format!("refer to it where it is needed, in playbook.toml: \"aws-ssm:{}\"", self.name)));
        }
        Ok(Some(parameter["Value"].as_str().unwrap_or_default().to_owned()))
    }
}
