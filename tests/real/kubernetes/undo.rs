//! `undo`: earlier revisions, as the controllers keep them.

use super::*;

#[test]
fn an_earlier_revision_comes_back_and_is_taken_back_itself() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let lines = r#"
        for version in ["v2", "v3"] {
            k.set_image("deployment/web", `docker.io/rig/app:${version}`);
            k.rollout_status("deployment/web");
        }
        let done = k.undo("deployment/web");
        check "which", done.revision == 2 && done.from == 3 && done.changed;
        k.rollout_status("deployment/web");
    "#;
    well(&namespace, lines);
    assert_eq!(namespace.image("web"), "v2");
    let lines = r#"
        k.undo("deployment/web", #{ revision: 1 });
        k.rollout_status("deployment/web");
        check "first", k.get("deployment/web").spec.template.spec.containers[0].image == "docker.io/rig/app:v1";
        fail("on purpose");
    "#;
    exec(&namespace, lines).1.expect(1).says("taken back");
    assert_eq!(namespace.image("web"), "v2");
    // The label by which a replica set knows its pods is not taken for something that people wrote.
    let template = &namespace.get(DEPLOYMENTS, "web")["spec"]["template"];
    assert_eq!(template["metadata"]["labels"], json!({ "app": "web" }));
}

#[test]
fn a_revision_that_is_not_kept_is_said_to_be_missing_and_a_plan_changes_nothing() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    exec(&namespace, "k.undo(\"deployment/web\");")
        .1
        .expect(1)
        .says("deployment/web of `kubernetes.main` has no earlier revision")
        .says("it is at revision 1, and the cluster keeps 1");
    exec(&namespace, "k.undo(\"deployment/web\", #{ revision: 9 });").1.expect(1).says("has no revision 9");
    exec(&namespace, "k.undo(\"configmap/kube-root-ca.crt\");")
        .1
        .expect_any(&[1, 2])
        .says("has no revisions");
    well(
        &namespace,
        "k.set_image(\"deployment/web\", \"docker.io/rig/app:v2\"); k.rollout_status(\"deployment/web\");",
    );
    plan(&namespace, "k.undo(\"deployment/web\");")
        .expect(0)
        .says("go back to the revision of deployment/web before the current")
        .says("+         image: docker.io/rig/app:v1");
    assert_eq!(namespace.image("web"), "v2");
}
