//! Rollouts: good images, bad ones, crash loops, deadlines, pauses.

use super::*;

#[test]
fn a_good_image_rolls_out_and_is_undone_when_a_later_check_fails() {
    let namespace = need_namespace!();
    namespace.deploy("web", 2);
    let lines = r#"
        let set = k.set_image("deployment/web", "docker.io/rig/app:v2");
        check "changed", set.changed && set.before == "docker.io/rig/app:v1";
        let status = k.rollout_status("deployment/web");
        check "replicas", status.replicas == 2 && status.ready == 2 && status.images == ["docker.io/rig/app:v2"];
        check "version", k.exec("deployment/web", ["cat", "/etc/version"]).stdout == "v2";
    "#;
    let plain = lines.lines().filter(|line| !line.contains("exec")).collect::<Vec<_>>().join("\n");
    let (_, seen) = exec(&namespace, &format!("{plain}\ncheck \"orders go through\", 1 == 2;"));
    seen.expect(1).says("taken back").says("put deployments/web back").hides("NOT");
    // Taking it back has waited: the old image runs again, and nothing else.
    let deployment = namespace.get(DEPLOYMENTS, "web");
    assert_eq!(namespace.image("web"), "v1");
    assert_eq!(deployment["status"]["updatedReplicas"], 2);
    assert_eq!(deployment["status"]["availableReplicas"], 2);
    assert_eq!(namespace.versions(), ["v1", "v1"]);
    well(&namespace, lines);
    assert_eq!(namespace.versions(), ["v2", "v2"]);
    well(
        &namespace,
        "check \"the same\", !k.set_image(\"deployment/web\", \"docker.io/rig/app:v2\").changed;",
    );
}

#[test]
fn an_image_that_cannot_be_had_is_an_error_that_names_pod_reason_and_warning() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let lines = r#"
        k.set_image("deployment/web", "docker.io/rig/app:none");
        k.rollout_status("deployment/web", #{ patience: "1s" });
    "#;
    let (_, seen) = exec(&namespace, lines);
    seen.expect(1)
        .says("deployment/web of `kubernetes.main` did not roll out: new pods kept failing for 1.0s")
        .says("ErrImageNeverPull")
        .says("the latest warnings:")
        .says("Failed pod/web-")
        .says("put deployments/web back");
    assert_eq!((namespace.image("web").as_str(), namespace.versions()), ("v1", vec!["v1".to_owned()]));
}

#[test]
fn a_crash_loop_ends_at_the_progress_deadline_and_its_last_words_are_told() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    // Without a probe a container is ready the moment it runs, so that between two crashes the rollout could seem done.
    let terms = json!({ "spec": { "progressDeadlineSeconds": 15, "minReadySeconds": 5 } });
    namespace.patch(DEPLOYMENTS, "web", &terms);
    let lines = r#"
        k.set_image("deployment/web", "docker.io/rig/app:bad");
        try { k.rollout_status("deployment/web", #{ patience: "5m" }); } catch (error) {
            check "reasons", error.details.pods.values().len() == 1;
            throw error;
        }
    "#;
    let (_, seen) = exec(&namespace, lines);
    seen.expect(1)
        .says("its progress deadline passed")
        .says("has timed out progressing")
        .says("ended with exit code 3")
        .says("said at its end:")
        .says("boom")
        .says("Back-off restarting failed container")
        .says("correct what the pods complain of, and apply again")
        .hides("`undo`");
    // What the condition says after the way back is older than the way back, and spoils nothing.
    assert_eq!(namespace.image("web"), "v1");
    well(&namespace, "k.rollout_status(\"deployment/web\", #{ within: \"30s\" });");
}

#[test]
fn what_cannot_be_scheduled_is_told_when_the_time_is_over() {
    let namespace = need_namespace!();
    let mut big = workload("Deployment", "big", 1, "v1");
    big["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": "1000" } });
    namespace.make(DEPLOYMENTS, &big);
    wait_until("the scheduler has said no", 30, || {
        namespace.list("events").iter().any(|event| event["reason"] == "FailedScheduling")
    });
    exec(&namespace, "k.rollout_status(\"deployment/big\", #{ within: \"1500ms\" });")
        .1
        .expect(1)
        .says("did not roll out within 1.5s")
        .says("Unschedulable: 0/1 nodes are available")
        .says("FailedScheduling pod/big-");
}

#[test]
fn what_is_paused_is_no_rollout_and_resuming_lets_it_go_on() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let lines = r#"
        k.pause("deployment/web");
        k.set_image("deployment/web", "docker.io/rig/app:v2");
        k.rollout_status("deployment/web");
    "#;
    exec(&namespace, lines)
        .1
        .expect(1)
        .says("does not roll out: it is paused")
        .says("`resume`")
        .says("taken back");
    assert_eq!(
        (namespace.image("web").as_str(), &namespace.get(DEPLOYMENTS, "web")["spec"]["paused"]),
        ("v1", &Value::Null)
    );
    let lines = r#"
        k.pause("deployment/web");
        k.set_image("deployment/web", "docker.io/rig/app:v2");
        try { k.restart("deployment/web"); fail("restarted"); } catch (error) { check "why", error.what.contains("is paused"); }
        k.resume("deployment/web");
        k.rollout_status("deployment/web");
    "#;
    well(&namespace, lines);
    assert_eq!(namespace.versions(), ["v2"]);
    let lines = "k.pause(\"deployment/web\"); k.resume(\"deployment/web\"); fail(\"on purpose\");";
    exec(&namespace, lines).1.expect(1);
    assert_ne!(namespace.get(DEPLOYMENTS, "web")["spec"]["paused"], true);
    exec(&namespace, "k.pause(\"configmap/a\");").1.expect_any(&[1, 2]);
}

#[test]
fn stateful_and_daemon_sets_roll_out_too() {
    let namespace = need_namespace!();
    namespace.make("apps/v1/statefulsets", &workload("StatefulSet", "db", 2, "v1"));
    namespace.make("apps/v1/daemonsets", &workload("DaemonSet", "agent", 1, "v1"));
    let lines = r#"
        k.rollout_status("statefulset/db");
        k.rollout_status("ds/agent");
        k.set_image("sts/db", "docker.io/rig/app:v2");
        k.set_image("daemonset/agent", "docker.io/rig/app:v2");
        check "all", k.rollout_status("statefulset/db").ready == 2;
        check "one", k.rollout_status("daemonset/agent").ready == 1;
        for pod in k.list("pods") { check "image", pod.spec.containers[0].image == "docker.io/rig/app:v2"; }
        k.undo("statefulset/db");
        k.undo("daemonset/agent");
        k.rollout_status("statefulset/db");
        k.rollout_status("daemonset/agent");
    "#;
    well(&namespace, lines);
    wait_until("only the old ones are left", 10, || namespace.versions() == ["v1", "v1", "v1"]);
}

#[test]
fn a_restart_makes_all_pods_anew_and_scaling_is_taken_back() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let name = |namespace: &Namespace| namespace.list("pods")[0]["metadata"]["name"].clone();
    let before = name(&namespace);
    let lines = "k.restart(\"deployment/web\"); k.rollout_status(\"deployment/web\"); k.scale(\"deployment/web\", 3); \
                 check \"three\", k.rollout_status(\"deployment/web\").ready == 3;";
    well(&namespace, lines);
    assert!(
        namespace
            .list("pods")
            .iter()
            .all(|pod| pod["metadata"]["name"] != before || !pod["metadata"]["deletionTimestamp"].is_null())
    );
    exec(&namespace, "k.scale(\"deployment/web\", 1); fail(\"on purpose\");").1.expect(1).says("taken back");
    assert_eq!(namespace.get(DEPLOYMENTS, "web")["spec"]["replicas"], 3);
    wait_until("three are ready again", 60, || {
        namespace.get(DEPLOYMENTS, "web")["status"]["readyReplicas"] == 3
    });
    // A restart leaves nothing to take back.
    exec(&namespace, "k.restart(\"deployment/web\"); fail(\"on purpose\");").1.expect(1).hides("could NOT");
    let seen = plan(&namespace, "k.restart(\"deployment/web\"); k.scale(\"deployment/web\", 7);");
    seen.expect(0)
        .says("restart deployment/web")
        .says("scale deployment/web to 7")
        .says("-   replicas: 3")
        .says("+   replicas: 7");
    assert_eq!(namespace.get(DEPLOYMENTS, "web")["spec"]["replicas"], 3);
    exec(&namespace, "k.scale(\"configmap/kube-root-ca.crt\", 1);")
        .1
        .expect_any(&[1, 2])
        .says("has no replicas");
}
