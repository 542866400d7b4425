//! A service as ECS tells of it, and waiting for what it is to become.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Table;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Account, Ask};
use crate::effect::cx::Cx;

/// How many of its newest words are told.
const EVENTS: usize = 5;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(3);

/// The service of a resource.
pub(super) struct Service {
    pub(super) account: Arc<Account>,
    pub(super) cluster: String,
    pub(super) name: String,
}

/// What was found of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) desired: u64,
    pub(super) running: u64,
    pub(super) pending: u64,
    pub(super) task_definition: String,
    pub(super) deployments: Vec<Deployment>,
    pub(super) events: Vec<String>,
}

/// One of its deployments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) is_primary: bool,
    pub(super) rollout: String,
    pub(super) reason: String,
    pub(super) running: u64,
    pub(super) desired: u64,
}

pub(super) async fn open(cx: &Cx) -> Result<Service> {
    let table: Table = cx.settings()?;
    let account = aws::open(cx, &table.account).await?;
    Ok(Service { account, cluster: table.cluster, name: table.service })
}

impl Service {
    /// How it is.
    pub(super) async fn read(&self, cx: &Cx) -> Result<Found> {
        let body = json!({ "cluster": self.cluster, "services": [self.name] });
        let doing = format!("read the service {} of the cluster {}", self.name, self.cluster);
        let ask = Ask::json(aws::Service::ECS, "DescribeServices", &body);
        let answer = self.account.json(cx, &doing, &ask).await?;
        let found = answer["services"].as_array().into_iter().flatten();
        let mut active = found.filter(|one| one["status"] != "INACTIVE");
        active.next().map(Found::read).ok_or_else(|| {
            Error::missing(format!("`{}` could not {doing}", cx.resource()))
                .why("the cluster has no such service that is active")
                .fix(format!("correct `service` of {}", cx.table()))
        })
    }

    /// Looks again and again until `is_done` says yes, and shows what changes.
    pub(super) async fn wait(
        &self,
        cx: &Cx,
        is_done: impl Fn(&Found) -> Result<bool, String>,
    ) -> Result<Found> {
        let mut shown = String::new();
        loop {
            let found = self.read(cx).await?;
            let now = found.told();
            let done = is_done(&found).map_err(|why| {
                Error::remote(format!("the deployment of `{}` has failed", cx.resource()))
                    .why(found.events.first().map_or(why.clone(), |event| format!("{why}: {event}")))
                    .fix("look at the tasks that stopped, and at their logs")
            })?;
            if done {
                return Ok(found);
            }
            if now != shown {
                cx.line(false, &now);
                shown = now;
            }
            cx.pause(PAUSE).await?;
        }
    }
}

impl Found {
    /// Reads it from an answer.
    pub(super) fn read(service: &Value) -> Self {
        let number = |of: &Value, name: &str| of[name].as_u64().unwrap_or(0);
        let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
        let deployment = |one: &Value| Deployment {
            id: text(one, "id"),
            is_primary: one["status"] == "PRIMARY",
            rollout: text(one, "rolloutState"),
            reason: text(one, "rolloutStateReason"),
            running: number(one, "runningCount"),
            desired: number(one, "desiredCount"),
        };
        let all = |name: &str| service[name].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            desired: number(service, "desiredCount"),
            running: number(service, "runningCount"),
            pending: number(service, "pendingCount"),
            task_definition: text(service, "taskDefinition"),
            deployments: all("deployments").iter().map(deployment).collect(),
            events: all("events").iter().take(EVENTS).map(|event| text(event, "message")).collect(),
        }
    }

    /// The newest deployment.
    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.is_primary)
    }

    /// Whether one deployment is all there is and all its tasks run.
    pub(super) fn is_stable(&self) -> bool {
        let is_done = |deployment: &Deployment| matches!(deployment.rollout.as_str(), "" | "COMPLETED");
        self.deployments.len() == 1 && self.running == self.desired && self.primary().is_some_and(is_done)
    }

    /// Why ECS has given the newest deployment up, if it has.
    pub(super) fn failure(&self) -> Option<String> {
        let failed = self.primary().filter(|deployment| deployment.rollout == "FAILED");
        failed.map(|deployment| deployment.reason.clone())
    }

    fn told(&self) -> String {
        let of = self.primary().map_or((self.running, self.desired), |new| (new.running, new.desired));
        let old: u64 = self.deployments.iter().filter(|one| !one.is_primary).map(|one| one.running).sum();
        let rest = if old > 0 { format!(", {old} of the old") } else { String::new() };
        format!("{} of {} tasks run{rest}", of.0, of.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_is_one_deployment_with_all_its_tasks() {
        let deployment = |status: &str, rollout: &str| {
            json!({ "id": "d", "status": status, "rolloutState": rollout, "rolloutStateReason": "why",
                    "runningCount": 2, "desiredCount": 2 })
        };
        let of = |running: u64, deployments: Vec<Value>| {
            Found::read(&json!({ "desiredCount": 2, "runningCount": running, "deployments": deployments,
                                 "events": [{ "message": "m" }] }))
        };
        assert!(of(2, vec![deployment("PRIMARY", "COMPLETED")]).is_stable());
        assert!(!of(1, vec![deployment("PRIMARY", "COMPLETED")]).is_stable());
        assert!(!of(2, vec![deployment("PRIMARY", "IN_PROGRESS")]).is_stable());
        let two = of(4, vec![deployment("PRIMARY", "COMPLETED"), deployment("ACTIVE", "COMPLETED")]);
        assert!(!two.is_stable());
        assert_eq!(two.told(), "2 of 2 tasks run, 2 of the old");
        assert_eq!(of(0, vec![deployment("PRIMARY", "FAILED")]).failure().as_deref(), Some("why"));
    }
}
