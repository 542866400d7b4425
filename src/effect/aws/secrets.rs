//! Secrets that AWS keeps: those of Secrets Manager, and parameters of the Systems Manager.

use serde_json::{Value, json};

use super::account::own;
use super::ask::{Ask, Service};
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::{Reference, Revealed};
use crate::effect::cx::Cx;

/// The value of a secret of Secrets Manager as it is now.
pub(in crate::effect) async fn secret(cx: &Cx, reference: &Reference) -> Result<Revealed> {
    let (name, _) = reference.parts();
    // Without the stage, not every server gives the current one.
    let body = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
    let ask = Ask::json(Service::SECRETS, "GetSecretValue", &body);
    let answer = fetch(cx, &format!("read the secret {name}"), &ask).await?;
    match answer["SecretString"].as_str() {
        Some(value) => Ok(Revealed::new(value.to_owned())),
        None => Err(Error::remote(format!("the secret {name} is bytes and no text"))
            .fix("store it as text: `SecretString`")),
    }
}

/// The value of a parameter, decrypted.
pub(in crate::effect) async fn parameter(cx: &Cx, reference: &Reference) -> Result<Revealed> {
    let name = &reference.name;
    let ask = Ask::json(Service::SSM, "GetParameter", &json!({ "Name": name, "WithDecryption": true }));
    let answer = fetch(cx, &format!("read the parameter {name}"), &ask).await?;
    let value = answer["Parameter"]["Value"].as_str().unwrap_or_default();
    Ok(Revealed::new(value.to_owned()))
}

async fn fetch(cx: &Cx, doing: &str, ask: &Ask) -> Result<Value> {
    let account = own(cx).await?;
    account.json(cx, doing, ask).await.map_err(|error| match error.kind {
        Kind::Missing => error.fix(format!(
            "make it in {}, the region of {}, or correct the reference",
            account.region, account.table
        )),
        _ => error,
    })
}
