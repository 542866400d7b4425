//! `patch`: fields of custom resources, such as the weights of a mesh's route.

use super::*;

fn definition(group: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: trafficroutes.{group}}}\nspec:\n  group: {group}\n  \
         scope: Namespaced\n  names: {{plural: trafficroutes, singular: trafficroute, kind: TrafficRoute}}\n  versions:\n  - name: v1\n    served: true\n    \
         storage: true\n    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n"
    )
}

fn route(group: &str) -> String {
    format!(
        "apiVersion: {group}/v1\nkind: TrafficRoute\nmetadata: {{name: web}}\nspec:\n  routes:\n  - {{to: stable, weight: 100}}\n  - {{to: canary, weight: 0}}\n"
    )
}

/// A definition belongs to the whole cluster: each test has a group of its own.
fn group(namespace: &Namespace) -> String {
    format!("{}.example.com", namespace.name)
}

fn remove(namespace: &Namespace) {
    let path =
        format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/trafficroutes.{}", group(namespace));
    namespace.cluster.send("DELETE", &path, &Value::Null);
}

/// Whether the server survives custom resources. The rig's own, an old one built by a younger compiler, dies of the first
/// one that is written: a library of it reads maps in a way that the compiler has given up.
fn takes_definitions(namespace: &Namespace) -> bool {
    if namespace.cluster.is_own {
        eprintln!(
            "SKIPPED: the rig's API server does not take custom resources; set PLAYBOOK_TEST_KUBECONFIG"
        );
    }
    !namespace.cluster.is_own
}

#[test]
fn the_weight_of_a_canary_ingress_is_patched_and_put_back() {
    let namespace = need_namespace!();
    let weight = "nginx.ingress.kubernetes.io/canary-weight";
    let backend = json!({ "service": { "name": "web-canary", "port": { "number": 80 } } });
    let ingress = json!({
        "metadata": { "name": "web", "annotations": { "nginx.ingress.kubernetes.io/canary": "true", weight: "0" } },
        "spec": { "defaultBackend": backend },
    });
    namespace.make("networking.k8s.io/v1/ingresses", &ingress);
    let seen = || namespace.get("networking.k8s.io/v1/ingresses", "web")["metadata"]["annotations"].clone();
    let before = seen();
    let lines = format!(
        "let done = k.patch(\"ingress.networking.k8s.io/web\", #{{ fields: #{{ metadata: #{{ annotations: #{{ \"{weight}\": \"10\", note: \"canary\" }} }} }} }});\n\
         check \"changed\", done.changed;\n"
    );
    plan(&namespace, &lines)
        .says("canary-weight: \"0\"")
        .says("canary-weight: \"10\"")
        .says("patch ingress.networking.k8s.io/web");
    assert_eq!(seen(), before);
    exec(&namespace, &format!("{lines}fail(\"on purpose\");")).1.expect(1).says("taken back");
    assert_eq!(seen(), before);
    well(&namespace, &lines);
    assert_eq!(seen()[weight], "10");
    // `()` removes a field.
    well(
        &namespace,
        "k.patch(\"ingress.v1.networking.k8s.io/web\", #{ fields: #{ metadata: #{ annotations: #{ note: () } } } });",
    );
    assert_eq!(seen()["note"], Value::Null);
    let none = "k.patch(\"ingress.networking.k8s.io/none\", #{ fields: #{ spec: #{} } });";
    exec(&namespace, none).1.expect_any(&[1, 2]).says("has no ingress `none`");
    exec(&namespace, "k.patch(\"ingres/web\", #{ fields: #{ a: 1 } });")
        .1
        .expect_any(&[1, 2])
        .says("knows no kind `ingres`")
        .says("ingress");
    exec(&namespace, "k.patch(\"ingress.networking.k8s.io/web\", #{ fields: #{} });")
        .1
        .expect_any(&[1, 2])
        .says("the patch has no fields");
}

fn wide(namespace: &Namespace) -> String {
    namespace.settings("destroy").replace("access =", "cluster_wide = true\naccess =")
}

#[test]
fn a_definition_and_an_object_of_it_are_applied_in_one_go_and_taken_back() {
    let namespace = need_namespace!();
    if !takes_definitions(&namespace) {
        return;
    }
    let group = group(&namespace);
    let lines = format!("k.apply(`{}---\n{}`);\nfail(\"on purpose\");", definition(&group), route(&group));
    let rig = Rig::new(&wide(&namespace)).file("test.rhai", &script("write", &lines));
    rig.run(&["plan", "test.rhai"]).expect(0).says("trafficroute/web would be created");
    rig.run(&["exec", "test.rhai"]).expect(1).says("taken back").hides("could NOT");
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/trafficroutes.{group}");
    wait_until("the definition is gone", 20, || {
        namespace.cluster.try_send("GET", &path, &Value::Null).is_err()
    });
}

#[test]
fn the_weights_of_a_route_are_patched_and_put_back() {
    let namespace = need_namespace!();
    if !takes_definitions(&namespace) {
        return;
    }
    let group = group(&namespace);
    let apply = format!("k.apply(`{}---\n{}`);", definition(&group), route(&group));
    Rig::new(&wide(&namespace)).exec(&script("write", &apply)).1.expect(0);
    let weights = || namespace.get(&format!("{group}/v1/trafficroutes"), "web")["spec"].clone();
    let before = weights();
    let shift = format!(
        "let done = k.patch(\"trafficroute.{group}/web\", #{{ fields: #{{ spec: #{{ routes: [#{{ to: \"stable\", weight: 90 }}, #{{ to: \"canary\", weight: 10 }}], note: \"canary\" }} }} }});\n\
         check \"changed\", done.changed;\n"
    );
    plan(&namespace, &shift).says("-   - to: canary").says("weight: 10");
    assert_eq!(weights(), before);
    exec(&namespace, &format!("{shift}fail(\"on purpose\");")).1.expect(1).says("taken back");
    assert_eq!(weights(), before);
    well(&namespace, &shift);
    assert_eq!(weights()["routes"][1], json!({ "to": "canary", "weight": 10 }));
    // `()` removes a field.
    well(
        &namespace,
        &format!("k.patch(\"trafficroutes.v1.{group}/web\", #{{ fields: #{{ spec: #{{ note: () }} }} }});"),
    );
    assert_eq!(weights()["note"], Value::Null);
    remove(&namespace);
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    namespace.make("configmaps", &config("settings", "blue"));
    let manifest = config("settings", "green").to_string();
    let rig = || Rig::new(&namespace.settings("destroy"));
    let state = || {
        let web = namespace.get(DEPLOYMENTS, "web");
        let replicas = web["spec"]["replicas"].clone();
        (namespace.image("web"), replicas, namespace.get("configmaps", "settings")["data"].clone())
    };
    for line in [
        format!("kubernetes(\"main\").apply(`{manifest}`, #{{ force: true }});"),
        "kubernetes(\"main\").patch(\"configmap/settings\", #{ fields: #{ data: #{ size: \"large\" } } });"
            .to_owned(),
        "kubernetes(\"main\").scale(\"deployment/web\", 2);".to_owned(),
        "kubernetes(\"main\").set_image(\"deployment/web\", \"docker.io/rig/app:v2\");".to_owned(),
    ] {
        crate::rig::crash::survives(rig, "kubernetes.main:destroy", &line, state);
    }
}

#[test]
fn a_crash_around_a_rollout_is_survived() {
    use crate::rig::crash::{AFTER, AFTER_COMMIT};
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let rig = || Rig::new(&namespace.settings("destroy"));
    let paused = || namespace.get(DEPLOYMENTS, "web")["spec"]["paused"] == true;
    let line = "kubernetes(\"main\").pause(\"deployment/web\");";
    crate::rig::crash::survives(rig, "kubernetes.main:destroy", line, paused);
    exec(&namespace, line).1.expect(0);
    let line = "kubernetes(\"main\").resume(\"deployment/web\");";
    crate::rig::crash::survives(rig, "kubernetes.main:destroy", line, paused);
    exec(&namespace, line).1.expect(0);
    exec(
        &namespace,
        "k.set_image(\"deployment/web\", \"docker.io/rig/app:v2\"); k.rollout_status(\"deployment/web\");",
    )
    .1
    .expect(0);
    let line = "kubernetes(\"main\").undo(\"deployment/web\");";
    let image = || namespace.image("web");
    crate::rig::crash::survives_at(AFTER_COMMIT, rig, "kubernetes.main:destroy", line, image);
    namespace.make("configmaps", &config("gone", "blue"));
    let rig_of = |line: &str| {
        let text = format!("//! T.\n//! uses = [\"kubernetes.main:destroy\"]\n{line}\n");
        rig().file("test.rhai", &text)
    };
    let delete = rig_of("kubernetes(\"main\").delete(\"configmap/gone\");");
    delete.killed(AFTER);
    assert!(namespace.get("configmaps", "gone").is_null());
    delete.run(&["resume", "last"]).expect(0);
    namespace.deploy("canary", 1);
    let line = "kubernetes(\"main\").shift(\"deployment/web\", \"deployment/canary\", 100);";
    let replicas =
        || ["web", "canary"].map(|name| namespace.get(DEPLOYMENTS, name)["spec"]["replicas"].clone());
    crate::rig::crash::survives(rig, "kubernetes.main:destroy", line, replicas);
    // The second of two restarts of a run is not taken for the first.
    let line = "kubernetes(\"main\").restart(\"deployment/web\");";
    let text = format!("//! T.\n//! uses = [\"kubernetes.main:destroy\"]\n{line}\n{line}\n");
    let template =
        || namespace.get(DEPLOYMENTS, "web")["spec"]["template"]["metadata"]["annotations"].clone();
    for moment in ["4:after", "5:before"] {
        let rig = rig().file("test.rhai", &text);
        rig.killed(moment);
        let before = template();
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(template() == before, moment == "5:before", "{before}");
    }
}
