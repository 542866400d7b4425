//! `wait_for`, `get`, `list` and `delete`.

use super::*;

#[test]
fn a_condition_a_field_or_the_end_of_an_object_is_waited_for() {
    let namespace = need_namespace!();
    namespace.make(DEPLOYMENTS, &workload("Deployment", "web", 1, "v1"));
    let lines = r#"
        let web = k.wait_for("deployment/web", #{ condition: "Available", within: "60s" });
        check "whole", web.status.availableReplicas == 1;
        k.wait_for("deployment/web", #{ field: "status.readyReplicas", value: 1 });
        k.wait_for("deployment/web", #{ field: "metadata.uid" });
        k.wait_for("pod/none", #{ gone: true });
    "#;
    well(&namespace, lines);
    exec(
        &namespace,
        "k.wait_for(\"deployment/web\", #{ condition: \"Progressing=False\", within: \"400ms\" });",
    )
    .1
    .expect(1)
    .says("deployment/web of `kubernetes.main` was not so within 400ms")
    .says("wanted that it has the condition Progressing=False")
    .says("Progressing is True (NewReplicaSetAvailable");
    exec(
        &namespace,
        "k.wait_for(\"deployment/web\", #{ field: \"status.readyReplicas\", value: 9, within: \"400ms\" });",
    )
    .1
    .expect(1)
    .says("status.readyReplicas is 1");
    exec(&namespace, "k.wait_for(\"pod/none\", #{ condition: \"Ready\", within: \"400ms\" });")
        .1
        .expect(1)
        .says("there is no such object");
    exec(&namespace, "k.wait_for(\"pod/none\");").1.expect_any(&[1, 2]).says("what to wait for is not said");
    plan(&namespace, "k.wait_for(\"pod/none\", #{ condition: \"Ready\" });")
        .expect(0)
        .says("wait until pod/none has the condition Ready, at most 5m");
}

#[test]
fn objects_are_read_one_by_one_and_by_label() {
    let namespace = need_namespace!();
    for name in ["a", "b", "c"] {
        let mut object = config(name, "blue");
        object["metadata"]["labels"] = json!({ "of": if name == "c" { "them" } else { "us" } });
        namespace.make("configmaps", &object);
    }
    let lines = r#"
        check "one", k.get("cm/a").data.color == "blue";
        check "two", k.list("configmaps", #{ selector: "of=us" }).map(|one| one.metadata.name) == ["a", "b"];
        check "kind", k.list("configmap", #{ fields: "metadata.name=c" })[0].kind == "ConfigMap";
        check "nothing of the server's own", !("managedFields" in k.get("configmap/a").metadata);
    "#;
    well(&namespace, lines);
    exec(&namespace, "k.list(\"configmaps\", #{ most: 2 });")
        .1
        .expect_any(&[1, 2])
        .says("more than 2 configmaps")
        .says("selector");
    exec(&namespace, "k.get(\"configmap/none\");")
        .1
        .expect_any(&[1, 2])
        .says("has no configmap `none`")
        .says("(NotFound, 404)");
    exec(&namespace, "k.get(\"configmapp/a\");")
        .1
        .expect_any(&[1, 2])
        .says("knows no kind `configmapp`")
        .says("configmap");
    exec(&namespace, "k.get(\"web\");").1.expect_any(&[1, 2]).says("names no object");
    exec(&namespace, "k.list(\"configmaps\", #{ selector: \"a in (\" });").1.expect(1).says("BadRequest");
}

#[test]
fn what_is_deleted_is_gone_and_named_as_what_is_not_taken_back() {
    let namespace = need_namespace!();
    namespace.make("configmaps", &config("a", "blue"));
    plan(&namespace, "k.delete(\"configmap/a\");")
        .expect(0)
        .says("delete configmap/a and what belongs to it")
        .says("destroys")
        .says("cannot be taken back");
    assert!(!namespace.get("configmaps", "a").is_null());
    exec(&namespace, "check \"deleted\", k.delete(\"configmap/a\").deleted; fail(\"on purpose\");")
        .1
        .expect(6)
        .says("delete configmap/a")
        .says("apply its manifest again");
    assert!(namespace.get("configmaps", "a").is_null());
    // What was not there is no loss.
    exec(&namespace, "check \"none\", !k.delete(\"configmap/a\").deleted; fail(\"on purpose\");")
        .1
        .expect(1)
        .hides("could NOT");
    Rig::new(&namespace.settings("write")).exec(&script("write", "k.delete(\"configmap/a\");")).1.expect(3);
}
