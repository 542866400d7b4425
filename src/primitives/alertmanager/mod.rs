//! Alertmanager: the alerts that are active, and silences that end with the deployment.

mod alerts;
mod matchers;
mod silence;
mod silences;
mod unsilence;

use serde_json::Map;

use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::endpoint::{Api, Endpoint};
use crate::effect::family::{Family, Settings};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "alertmanager",
    about: "An Alertmanager: which alerts are active, and silences for the time of a deployment, which end when it is taken \
            back.",
    settings: Settings::of::<Endpoint>(),
    entries: &[
        entry::<alerts::Alerts>(),
        entry::<silences::Silences>(),
        entry::<silence::Silence>(),
        entry::<unsilence::Unsilence>(),
    ],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// Reads its state and the silences.
async fn look(cx: Cx) -> Result<Health> {
    let api = Api::of(&cx).await?;
    let status = api.get("/api/v2/status", &Map::new()).await?;
    let silences = silences::living(&api).await?.len();
    let version = status["versionInfo"]["version"].as_str().unwrap_or_default();
    Ok(Health::reached().version(format!("Alertmanager {version}")).fact(format!("{silences} silences")))
}
