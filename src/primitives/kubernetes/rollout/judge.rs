//! How far a workload has rolled out, told from its generation, its counts and its conditions alone.

use serde_json::Value;

use super::super::object::{condition, list, number, text};

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// All of it runs as it should.
    Done,
    /// It is on its way; in words, how far.
    Going(String),
    /// The controller has given up on it, and says why.
    Stuck(String),
    /// It will not go on by itself, and why.
    Halted(String),
}

/// Judges a Deployment, a StatefulSet or a DaemonSet. Counts come before conditions: a condition may be older than the
/// last change, but no counts of a generation that was observed are.
pub(super) fn judge(object: &Value) -> State {
    let (generation, observed) =
        (number(object, "/metadata/generation"), number(object, "/status/observedGeneration"));
    if observed < generation {
        return State::Going(format!("generation {generation} was not seen yet, only {observed}"));
    }
    match text(object, "/kind") {
        "Deployment" => deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        other => State::Halted(format!("a {other} has no rollout")),
    }
}

fn deployment(object: &Value) -> State {
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |name: &str| number(object, &format!("/status/{name}"));
    let (updated, all, available) = (count("updatedReplicas"), count("replicas"), count("availableReplicas"));
    if updated >= wanted && all <= updated && available >= updated && updated <= wanted {
        return State::Done;
    }
    if object["spec"]["paused"] == true {
        return State::Halted("it is paused".to_owned());
    }
    if let Some(("False", "ProgressDeadlineExceeded", message)) = condition(object, "Progressing") {
        return State::Stuck(message.to_owned());
    }
    let going = if updated < wanted {
        format!("{updated} of {wanted} replicas are new")
    } else if all > updated {
        format!("{} old replicas are still there", all - updated)
    } else {
        format!("{available} of {wanted} new replicas are available")
    };
    match condition(object, "ReplicaFailure") {
        Some(("True", _, message)) => State::Going(format!("{going}; {message}")),
        _ => State::Going(going),
    }
}

fn stateful_set(object: &Value) -> State {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return State::Halted("its pods are made anew only when somebody deletes them (OnDelete)".to_owned());
    }
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let ready = number(object, "/status/readyReplicas");
    if ready < wanted {
        return State::Going(format!("{ready} of {wanted} replicas are ready"));
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let (updated, due) = (number(object, "/status/updatedReplicas"), (wanted - partition).max(0));
    let is_whole = text(object, "/status/updateRevision") == text(object, "/status/currentRevision");
    match partition > 0 {
        true if updated >= due => State::Done,
        false if is_whole => State::Done,
        _ => State::Going(format!("{updated} of {due} replicas are new")),
    }
}

fn daemon_set(object: &Value) -> State {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return State::Halted("its pods are made anew only when somebody deletes them (OnDelete)".to_owned());
    }
    let count = |name: &str| number(object, &format!("/status/{name}"));
    let (wanted, updated, available) =
        (count("desiredNumberScheduled"), count("updatedNumberScheduled"), count("numberAvailable"));
    if updated < wanted {
        return State::Going(format!("{updated} of {wanted} pods are new"));
    }
    if available < wanted {
        return State::Going(format!("{available} of {wanted} new pods are available"));
    }
    State::Done
}

/// The images that a workload's pods are made of.
pub(super) fn images(object: &Value) -> Vec<&str> {
    list(object, "/spec/template/spec/containers").iter().map(|container| text(container, "/image")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(status: Value) -> Value {
        json!({ "kind": "Deployment", "metadata": { "generation": 2 }, "spec": { "replicas": 2 }, "status": status })
    }

    fn deadline() -> Value {
        json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out" }])
    }

    #[test]
    fn counts_of_an_older_generation_say_nothing() {
        let old =
            json!({ "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 });
        assert!(matches!(judge(&deployment(old)), State::Going(why) if why.contains("generation 2")));
    }

    #[test]
    fn a_deployment_is_done_when_all_and_only_new_pods_are_available() {
        let status = |updated: i64, all: i64, available: i64| {
            deployment(
                json!({ "observedGeneration": 2, "updatedReplicas": updated, "replicas": all, "availableReplicas": available }),
            )
        };
        assert_eq!(judge(&status(2, 2, 2)), State::Done);
        assert_eq!(judge(&status(1, 2, 2)), State::Going("1 of 2 replicas are new".into()));
        assert_eq!(judge(&status(2, 3, 3)), State::Going("1 old replicas are still there".into()));
        assert_eq!(judge(&status(2, 2, 1)), State::Going("1 of 2 new replicas are available".into()));
    }

    #[test]
    fn a_condition_that_outlived_its_cause_does_not_spoil_what_is_done() {
        let done = json!({ "observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2, "conditions": deadline() });
        assert_eq!(judge(&deployment(done)), State::Done);
        let stuck = json!({ "observedGeneration": 2, "updatedReplicas": 1, "replicas": 3, "availableReplicas": 2, "conditions": deadline() });
        assert_eq!(judge(&deployment(stuck)), State::Stuck("timed out".into()));
    }

    #[test]
    fn what_is_paused_does_not_go_on() {
        let mut paused = deployment(
            json!({ "observedGeneration": 2, "updatedReplicas": 0, "replicas": 2, "availableReplicas": 2 }),
        );
        paused["spec"]["paused"] = true.into();
        assert!(matches!(judge(&paused), State::Halted(_)));
    }

    #[test]
    fn a_stateful_set_is_judged_by_its_revisions_and_its_partition() {
        let set = |partition: i64, updated: i64, current: &str| {
            json!({
                "kind": "StatefulSet", "metadata": { "generation": 1 },
                "spec": { "replicas": 3, "updateStrategy": { "rollingUpdate": { "partition": partition } } },
                "status": { "observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": updated, "updateRevision": "b", "currentRevision": current },
            })
        };
        assert_eq!(judge(&set(0, 3, "b")), State::Done);
        assert_eq!(judge(&set(0, 2, "a")), State::Going("2 of 3 replicas are new".into()));
        assert_eq!(judge(&set(2, 1, "a")), State::Done);
    }

    #[test]
    fn a_daemon_set_is_done_when_every_node_has_a_new_pod() {
        let set = |updated: i64, available: i64| {
            json!({
                "kind": "DaemonSet", "metadata": { "generation": 1 }, "spec": {},
                "status": { "observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available },
            })
        };
        assert_eq!(judge(&set(2, 2)), State::Done);
        assert!(matches!(judge(&set(1, 2)), State::Going(_)) && matches!(judge(&set(2, 1)), State::Going(_)));
    }
}
