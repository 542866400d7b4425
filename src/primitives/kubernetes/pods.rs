//! Pods: which one is meant, what is wrong with one, and what a crashed container said last.

use std::fmt;

use kube::api::{ListParams, LogParams};
use serde_json::Value;

use super::cluster::Cluster;
use super::errors::Deed;
use super::kind::Kind;
use super::object::{self, condition, list, name, number, text};
use super::target::Target;
use crate::base::error::{Error, Result};

/// Reasons that waiting alone seldom mends.
const FAILING: [&str; 9] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
];

/// What is wrong with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ailment {
    /// The pod.
    pub(super) pod: String,
    /// The container; empty when it is about the pod as a whole.
    pub(super) container: String,
    /// The reason as the cluster names it: `CrashLoopBackOff`, `Unschedulable`.
    pub(super) reason: String,
    /// What it says besides.
    message: String,
    /// Whether waiting alone seldom mends it.
    pub(super) is_failing: bool,
    /// Whether a container of it has ended, so that it may have said why.
    pub(super) has_crashed: bool,
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pod, self.reason)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// What keeps a pod from being ready; `None` when nothing does.
pub(super) fn ailment(pod: &Value) -> Option<Ailment> {
    if condition(pod, "Ready").is_some_and(|(state, ..)| state == "True")
        || !pod["metadata"]["deletionTimestamp"].is_null()
    {
        return None;
    }
    let ill = |container: &str, reason: &str, message: String| Ailment {
        pod: name(pod).to_owned(),
        container: container.to_owned(),
        reason: reason.to_owned(),
        message,
        is_failing: FAILING.contains(&reason),
        has_crashed: false,
    };
    let states =
        list(pod, "/status/initContainerStatuses").iter().chain(list(pod, "/status/containerStatuses"));
    let mut ailments: Vec<Ailment> = states.filter_map(|state| of_container(state, &ill)).collect();
    // The worst first.
    ailments.sort_by_key(|ailment| (!ailment.is_failing, !ailment.has_crashed));
    if let Some(worst) = ailments.into_iter().next() {
        return Some(worst);
    }
    if let Some(("False", reason, message)) = condition(pod, "PodScheduled") {
        return Some(ill("", reason, message.to_owned()));
    }
    // Each of its containers runs again at the moment; how one ended before may be why the pod is not ready.
    let states = list(pod, "/status/containerStatuses").iter();
    let crashed = states
        .map(|state| (state, &state["lastState"]["terminated"]))
        .find(|(_, last)| number(last, "/exitCode") != 0);
    Some(match crashed {
        Some((state, last)) => {
            Ailment { has_crashed: true, ..ill(text(state, "/name"), "not ready", how_it_ended(state, last)) }
        }
        None => ill("", "not ready", String::new()),
    })
}

/// How a container ended last.
fn how_it_ended(state: &Value, last: &Value) -> String {
    let (container, restarts) = (text(state, "/name"), number(state, "/restartCount"));
    let (code, reason) = (number(last, "/exitCode"), text(last, "/reason"));
    format!("`{container}` ended with exit code {code} ({reason}), restarted {restarts} times")
}

fn of_container(state: &Value, ill: &dyn Fn(&str, &str, String) -> Ailment) -> Option<Ailment> {
    if state["ready"] == true {
        return None;
    }
    let container = text(state, "/name");
    let (waiting, ended) = (&state["state"]["waiting"], &state["state"]["terminated"]);
    let last = if ended.is_null() { &state["lastState"]["terminated"] } else { ended };
    let restarts = number(state, "/restartCount");
    let ending = (!last.is_null()).then(|| how_it_ended(state, last));
    let reason = text(waiting, "/reason");
    let message = match (&ending, text(waiting, "/message")) {
        (Some(ending), _) => ending.clone(),
        (None, message) => message.to_owned(),
    };
    let mut ailment = match (reason, &ending) {
        ("" | "ContainerCreating" | "PodInitializing", None) => return None,
        ("", Some(_)) => ill(container, text(last, "/reason"), message),
        (reason, _) => ill(container, reason, message),
    };
    ailment.has_crashed = ending.is_some();
    // Between two crashes a container runs for a moment.
    ailment.is_failing |= ending.is_some() && (restarts > 0 || number(last, "/exitCode") != 0);
    Some(ailment)
}

/// The pods meant by a target: the pod itself, or those of a workload or a job.
pub(super) async fn of(cluster: &Cluster, target: &Target) -> Result<Vec<Value>> {
    let found = cluster.get(target).await?;
    if found.kind.plural == "pods" && found.kind.group.is_empty() {
        return Ok(vec![found.object]);
    }
    let of = &found.object["spec"]["selector"];
    // A Service selects by plain labels.
    let labels = match of.get("matchLabels").or_else(|| of.get("matchExpressions")) {
        Some(_) => object::selector(of),
        None => object::selector(&serde_json::json!({ "matchLabels": of })),
    };
    if labels.is_empty() {
        return Err(Error::usage(format!("{target} of `{}` has no pods", cluster.named)).fix(
            "name a pod, or what makes pods: a deployment, a statefulset, a daemonset, a job, a service",
        ));
    }
    let (mut pods, _) = cluster.list(&Kind::pod(), &ListParams::default().labels(&labels)).await?;
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    // The youngest first: what was changed last is what is asked about.
    pods.sort_by(|a, b| text(b, "/metadata/creationTimestamp").cmp(text(a, "/metadata/creationTimestamp")));
    match pods.is_empty() {
        true => Err(Error::remote(format!("{target} of `{}` has no pods", cluster.named))
            .why(format!("looked for the labels {labels}"))
            .fix("look at its events: perhaps none could be made")),
        false => Ok(pods),
    }
}

/// One pod of a target that is ready.
pub(super) async fn ready(cluster: &Cluster, target: &Target) -> Result<Value> {
    let pods = of(cluster, target).await?;
    let is_ready = |pod: &&Value| condition(pod, "Ready").is_some_and(|(state, ..)| state == "True");
    if let Some(pod) = pods.iter().find(is_ready) {
        return Ok(pod.clone());
    }
    let is_running = |pod: &&Value| text(pod, "/status/phase") == "Running";
    match pods.iter().find(is_running) {
        Some(pod) => Ok(pod.clone()),
        None => {
            let why: Vec<String> =
                pods.iter().filter_map(ailment).take(5).map(|ill| ill.to_string()).collect();
            Err(Error::remote(format!("no pod of {target} of `{}` runs", cluster.named)).why(why.join("\n")))
        }
    }
}

/// What a pod wrote.
pub(super) async fn log(cluster: &Cluster, pod: &str, wanted: &LogParams) -> Result<String> {
    let kind = Kind { plural: "pods/log".to_owned(), name: "log of pod".to_owned(), ..Kind::pod() };
    let deed = Deed { verb: "get", kind: &kind, name: pod, is_harmless: true };
    let request = cluster.request(&Kind::pod()).logs(pod, wanted);
    let request = request.map_err(|why| cluster.told(deed, kube::Error::BuildRequest(why)))?;
    cluster.answered(deed, cluster.client.request_text(request)).await
}

/// The end of what a container said before it ended; empty when that cannot be had.
pub(super) async fn last_words(cluster: &Cluster, pod: &str, container: &str, lines: i64) -> String {
    for previous in [true, false] {
        let wanted = LogParams {
            container: (!container.is_empty()).then(|| container.to_owned()),
            tail_lines: Some(lines),
            previous,
            ..LogParams::default()
        };
        if let Ok(words) = log(cluster, pod, &wanted).await
            && !words.trim().is_empty()
            && !words.starts_with("unable to retrieve container logs")
        {
            return words.trim_end().to_owned();
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(state: Value) -> Value {
        json!({ "metadata": { "name": "web-1" }, "status": { "containerStatuses": [state] } })
    }

    #[test]
    fn the_reason_of_a_pod_is_named_with_how_it_ended() {
        let crash = pod(json!({
            "name": "app", "ready": false, "restartCount": 3,
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s" } },
            "lastState": { "terminated": { "exitCode": 3, "reason": "Error" } },
        }));
        let ill = ailment(&crash).unwrap();
        assert!(ill.is_failing && ill.has_crashed);
        assert_eq!(
            ill.to_string(),
            "web-1: CrashLoopBackOff: `app` ended with exit code 3 (Error), restarted 3 times"
        );
        let image = pod(
            json!({ "name": "app", "ready": false, "state": { "waiting": { "reason": "ErrImagePull", "message": "no such image" } } }),
        );
        assert_eq!(ailment(&image).unwrap().to_string(), "web-1: ErrImagePull: no such image");
    }

    #[test]
    fn a_pod_that_starts_is_no_failing_one_and_a_ready_one_has_nothing() {
        let starting = pod(
            json!({ "name": "app", "ready": false, "state": { "waiting": { "reason": "ContainerCreating" } } }),
        );
        assert!(!ailment(&starting).unwrap().is_failing);
        let between = pod(
            json!({ "name": "app", "ready": false, "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 3 } } }),
        );
        assert!(ailment(&between).unwrap().is_failing);
        // The container is up again, and the pod not yet.
        let up = pod(
            json!({ "name": "app", "ready": true, "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 3, "reason": "Error" } } }),
        );
        let ill = ailment(&up).unwrap();
        assert!(ill.has_crashed && !ill.is_failing);
        assert_eq!(
            ill.to_string(),
            "web-1: not ready: `app` ended with exit code 3 (Error), restarted 1 times"
        );
        let ready = json!({ "metadata": { "name": "a" }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        assert_eq!(ailment(&ready), None);
    }
}
