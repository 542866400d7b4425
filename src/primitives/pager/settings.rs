//! The settings of a pager, and its API made of them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{opsgenie, pagerduty};
use crate::base::error::Result;
use crate::base::secret::{Revealed, Secret, Setting};
use crate::effect::api::{Access, Api};
use crate::effect::cx::Cx;
use crate::effect::notice::Notice;

/// A service or team of a pager.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// PagerDuty's integration key (Events API v2) of a service, or Opsgenie's API key of a team
    key: Secret,
    /// Which pager it is
    #[serde(default)]
    pub(super) kind: Kind,
    /// The address of its API; PagerDuty's or Opsgenie's when left out
    url: Option<Setting>,
    /// What incidents name as their source
    #[serde(default = "playbook")]
    pub(super) source: String,
    /// The address of a run's page, with `{run}` for its id; each incident links to it
    pub(super) run_url: Option<String>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

/// Which pager it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// PagerDuty's Events API v2
    #[default]
    Pagerduty,
    /// Opsgenie's alerts, and what takes their form
    Opsgenie,
}

fn playbook() -> String {
    "playbook".to_owned()
}

/// What is done to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It begins, or goes on when it is open.
    Trigger,
    /// Somebody looks after it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// A pager, ready to be asked.
pub(super) struct Pager {
    /// Its settings.
    pub(super) table: Table,
    /// Its API.
    pub(super) api: Api,
    /// The key of its service or team.
    pub(super) key: Revealed,
}

impl Pager {
    /// The pager of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let key = cx.reveal(&table.key).await?;
        let address = match &table.url {
            Some(url) => cx.text(url).await?.expose().to_owned(),
            None if table.kind == Kind::Opsgenie => opsgenie::ADDRESS.to_owned(),
            None => pagerduty::ADDRESS.to_owned(),
        };
        let mut access = Access { ca: table.ca.clone(), ..Access::default() };
        if table.kind == Kind::Opsgenie {
            access.authorization = Some(Revealed::new(format!("GenieKey {}", key.expose())));
        }
        Ok(Self { api: Api::open(cx, &address, access)?, table, key })
    }

    /// Does something to the incident of that key; gives a receipt.
    pub(super) async fn act(&self, cx: &Cx, act: Act, incident: &str, notice: &Notice) -> Result<Value> {
        match self.table.kind {
            Kind::Pagerduty => pagerduty::act(self, cx, act, incident, notice).await,
            Kind::Opsgenie => opsgenie::act(self, cx, act, incident, notice).await,
        }
    }
}
