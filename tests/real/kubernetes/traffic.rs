//! `shift` and `weights`: traffic between two workloads, by replicas.

use super::*;

#[test]
fn replicas_go_over_step_by_step_and_come_back_when_the_run_fails() {
    let namespace = need_namespace!();
    namespace.deploy("web", 4);
    namespace.make(DEPLOYMENTS, &workload("Deployment", "canary", 0, "v2"));
    let replicas = |name: &str| namespace.get(DEPLOYMENTS, name)["spec"]["replicas"].as_i64().unwrap();
    plan(&namespace, "k.shift(\"deployment/web\", \"deployment/canary\", 25);")
        .expect(0)
        .says("shift 25 % of deployment/web to deployment/canary")
        .says("+   replicas: 1")
        .says("+   replicas: 3");
    assert_eq!((replicas("web"), replicas("canary")), (4, 0));
    let lines = r#"
        let first = k.shift("deployment/web", "deployment/canary", 25);
        check "a quarter", first.stable == 3 && first.canary == 1 && first.percent == 25.0;
        let half = k.shift("deployment/web", "deployment/canary", 50.0);
        check "half", k.get("deployment/canary").status.readyReplicas == 2;
    "#;
    exec(&namespace, &format!("{lines}\ncheck \"error rate\", 2 < 1;"))
        .1
        .expect(1)
        .says("taken back")
        .hides("could NOT");
    assert_eq!((replicas("web"), replicas("canary")), (4, 0));
    wait_until("all is as it was", 20, || namespace.versions() == ["v1", "v1", "v1", "v1"]);
    let lines = format!(
        "{lines}\nk.shift(\"deployment/web\", \"deployment/canary\", 100);\nlet now = k.weights(\"deployment/web\", \"deployment/canary\");"
    );
    well(&namespace, &lines);
    assert_eq!((replicas("web"), replicas("canary")), (0, 4));
    well(&namespace, "check \"all\", k.weights(\"deployment/web\", \"deployment/canary\").canary == 4;");
    exec(&namespace, "k.shift(\"deployment/web\", \"deployment/canary\", 50, #{ total: 1 });")
        .1
        .expect_any(&[1, 2])
        .says("cannot be split");
    exec(&namespace, "k.shift(\"deployment/web\", \"deployment/canary\", 101);")
        .1
        .expect_any(&[1, 2])
        .says("`percent` is 101");
}

#[test]
fn traffic_does_not_go_to_what_is_not_ready() {
    let namespace = need_namespace!();
    namespace.deploy("web", 2);
    // It ends at once; for the moment that it runs it may count as ready, but never for so long.
    let mut canary = workload("Deployment", "canary", 0, "bad");
    canary["spec"]["minReadySeconds"] = 5.into();
    namespace.make(DEPLOYMENTS, &canary);
    let lines = "k.shift(\"deployment/web\", \"deployment/canary\", 50, #{ within: \"3s\" });";
    exec(&namespace, lines)
        .1
        .expect(1)
        .says("deployment/canary of `kubernetes.main` did not roll out")
        .says("taken back");
    assert_eq!(namespace.get(DEPLOYMENTS, "web")["status"]["availableReplicas"], 2);
    assert_eq!(namespace.get(DEPLOYMENTS, "canary")["spec"]["replicas"], 0);
}

#[test]
fn a_plan_shows_no_copy_of_the_manifest_and_a_number_below_nothing_is_refused() {
    let namespace = need_namespace!();
    let mut web = workload("Deployment", "web", 1, "v1");
    web["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": "{a long copy}", "team": "shop" });
    namespace.make(DEPLOYMENTS, &web);
    plan(&namespace, "k.scale(\"deployment/web\", 2);")
        .expect(0)
        .says("+   replicas: 2")
        .hides("a long copy");
    exec(&namespace, "k.scale(\"deployment/web\", -1);")
        .1
        .expect_any(&[1, 2])
        .says("replicas is -1")
        .says("give 0 or more");
}
