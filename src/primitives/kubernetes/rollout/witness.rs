//! What is wrong with the new pods of a workload, and what the cluster says of it: reasons, last words, warnings.

use kube::api::ListParams;
use serde_json::Value;

use super::super::cluster::{Cluster, Found};
use super::super::events;
use super::super::kind::Kind;
use super::super::object::{self, list, name, number, text};
use super::super::pods::{self, Ailment};
use crate::base::error::Result;
use crate::base::text::headline;

/// So many pods are named in an error.
const PODS: usize = 5;
/// So many warnings are told in an error.
const WARNINGS: usize = 5;
/// So many lines of a crashed container's log are told in an error.
const LINES: i64 = 10;

/// What was found out about the new pods of a workload.
#[derive(Debug)]
pub(super) struct Witness {
    /// The replica set of the last change, of a Deployment.
    replica_set: Option<String>,
    /// The workload's own name.
    workload: String,
    /// The names of the new pods.
    pods: Vec<String>,
    /// What is wrong with them.
    ailments: Vec<Ailment>,
}

impl Witness {
    /// Nothing is known of the new pods, and the rollout is judged all the same.
    pub(super) fn of_none(found: &Found) -> Self {
        Self { replica_set: None, workload: found.name.clone(), pods: Vec::new(), ailments: Vec::new() }
    }

    /// Looks at the new pods of a workload.
    pub(super) async fn hear(cluster: &Cluster, found: &Found) -> Result<Self> {
        let workload = &found.object;
        let mut labels = object::selector(&workload["spec"]["selector"]);
        let mut replica_set = None;
        match text(workload, "/kind") {
            "Deployment" => {
                let set = newest(cluster, workload, &labels).await?;
                if let Some(set) = &set {
                    labels +=
                        &format!(",pod-template-hash={}", text(set, "/metadata/labels/pod-template-hash"));
                }
                replica_set = set.as_ref().map(|set| name(set).to_owned());
            }
            "StatefulSet" => {
                labels += &format!(",controller-revision-hash={}", text(workload, "/status/updateRevision"))
            }
            _ => {}
        }
        let (pods, _) = cluster.list(&Kind::pod(), &ListParams::default().labels(&labels)).await?;
        let ailments = pods.iter().filter_map(pods::ailment).collect();
        let pods = pods.iter().map(|pod| name(pod).to_owned()).collect();
        Ok(Self { replica_set, workload: found.name.clone(), pods, ailments })
    }

    /// Whether a message of the controller is about these pods, and not about those of an earlier change.
    pub(super) fn is_about(&self, message: &str) -> bool {
        match (&self.replica_set, message.split('"').nth(1)) {
            (Some(set), Some(named)) => set == named || self.workload == named,
            _ => true,
        }
    }

    /// Whether a pod fails in a way that waiting alone seldom mends.
    pub(super) fn is_failing(&self) -> bool {
        self.ailments.iter().any(|ailment| ailment.is_failing)
    }

    /// The first thing that is wrong, for one line.
    pub(super) fn headline(&self) -> String {
        match self.ailments.iter().find(|ailment| ailment.is_failing) {
            Some(ailment) => format!("; {}", headline(&ailment.to_string(), 160)),
            None => String::new(),
        }
    }

    /// Pods and reasons, for machines.
    pub(super) fn reasons(&self) -> Value {
        self.ailments
            .iter()
            .map(|ailment| (ailment.pod.clone(), Value::from(ailment.reason.clone())))
            .collect()
    }

    /// Everything, for people.
    pub(super) async fn told(&self, cluster: &Cluster) -> String {
        let mut lines: Vec<String> = self.ailments.iter().take(PODS).map(ToString::to_string).collect();
        let more = self.ailments.len().saturating_sub(PODS);
        if more > 0 {
            lines.push(format!("and {more} more pods"));
        }
        if let Some(crashed) = self.ailments.iter().find(|ailment| ailment.has_crashed) {
            let words = pods::last_words(cluster, &crashed.pod, &crashed.container, LINES).await;
            if !words.is_empty() {
                lines.push(format!("{} said at its end:", crashed.pod));
                lines.extend(words.lines().map(|line| format!("  {line}")));
            }
        }
        let mut names = self.pods.clone();
        names.extend(self.replica_set.clone());
        names.push(self.workload.clone());
        if let Ok(warnings) = events::warnings(cluster, &names, WARNINGS).await
            && !warnings.is_empty()
        {
            lines.push("the latest warnings:".to_owned());
            lines.extend(warnings.iter().map(|line| format!("  {line}")));
        }
        lines.join("\n")
    }
}

/// The replica set that a Deployment's last change made; `None` while there is none.
pub(super) async fn newest(cluster: &Cluster, deployment: &Value, labels: &str) -> Result<Option<Value>> {
    let (sets, _) = cluster.list(&Kind::replica_set(), &ListParams::default().labels(labels)).await?;
    let uid = text(deployment, "/metadata/uid");
    let is_own = |set: &Value| list(set, "/metadata/ownerReferences").iter().any(|owner| owner["uid"] == uid);
    let own = sets.into_iter().filter(is_own);
    let revision = |set: &Value| object::revision(set).parse::<u64>().unwrap_or(0);
    Ok(own.max_by_key(|set| (revision(set), number(set, "/spec/replicas"))))
}
