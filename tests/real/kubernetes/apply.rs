//! `apply`: many objects, differences, conflicts, secrets, definitions, and the way back.

use super::*;

/// The first state, made by the same owner.
fn first(namespace: &Namespace) {
    well(namespace, &format!("k.apply(`{}`);", config("settings", "blue")));
}

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: green, size: large}\n---\n\
                        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n---\n\
                        apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, protocol: TCP}]}\n";

#[test]
fn a_plan_shows_the_difference_and_changes_nothing() {
    let namespace = need_namespace!();
    first(&namespace);
    let rig = Rig::new(&namespace.settings("write"))
        .file("k8s/all.yaml", MANIFEST)
        .file("test.rhai", &script("write", "k.apply(\"k8s/all.yaml\");"));
    let seen = rig.run(&["plan", "test.rhai"]).expect(0);
    // It stands in the plan itself, below the change that it belongs to.
    let (change, difference) =
        (seen.stdout.find("◇ apply k8s/all.yaml"), seen.stdout.find("-   color: blue"));
    assert!(change.is_some() && change < difference, "{seen}");
    seen.says("configmap/settings would change")
        .says("-   color: blue")
        .says("+   color: green")
        .says("+   size: large")
        .says("configmap/extra would be created")
        .says("service/web would be created")
        .says("apply k8s/all.yaml")
        .says("1 change");
    assert_eq!(namespace.get("configmaps", "settings")["data"], json!({ "color": "blue" }));
    assert!(namespace.get("configmaps", "extra").is_null());
}

#[test]
fn what_is_applied_is_restored_or_removed_when_the_run_fails() {
    let namespace = need_namespace!();
    first(&namespace);
    let lines = format!(
        "let done = k.apply(`{MANIFEST}`);\ncheck \"results\", done.map(|one| one.result) == [\"changed\", \"created\", \"created\"];\n"
    );
    let meddle = "k.patch(\"configmap/settings\", #{ fields: #{ data: #{ other: \"theirs\" } } });";
    let (_, seen) = exec(&namespace, &format!("{lines}\nfail(\"on purpose\");"));
    seen.expect(1)
        .says("taken back")
        .says("delete services/web, which was made")
        .says("put configmaps/settings back")
        .hides("could NOT");
    assert_eq!(namespace.get("configmaps", "settings")["data"], json!({ "color": "blue" }));
    assert!(namespace.get("configmaps", "extra").is_null() && namespace.get("services", "web").is_null());
    // Once more, with a failure after which nothing is taken back: then it is all there, and the same again changes nothing.
    well(&namespace, &format!("{lines}\n{meddle}"));
    well(
        &namespace,
        &format!(
            "let done = k.apply(`{MANIFEST}`);\ncheck \"again\", done.all(|one| one.result == \"unchanged\");"
        ),
    );
    let data = &namespace.get("configmaps", "settings")["data"];
    assert_eq!(data, &json!({ "color": "green", "size": "large", "other": "theirs" }));
}

#[test]
fn fields_of_another_owner_are_a_conflict_until_they_are_taken_by_force() {
    let namespace = need_namespace!();
    let path = format!("{}/settings?fieldManager=helm&force=true", namespace.path("configmaps"));
    first(&namespace);
    // Any other change makes its writer the owner of the field.
    let settings = namespace.settings("write");
    let helm = settings.replace("access =", "field_manager = \"helm\"\naccess =");
    let manifest = |color: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{color: {color}}}\n")
    };
    let lines = |color: &str, more: &str| format!("k.apply(`{}`{more});", manifest(color));
    Rig::new(&helm).exec(&script("write", &lines("red", ", #{ force: true }"))).1.expect(0);
    Rig::new(&settings)
        .exec(&script("write", &lines("green", "")))
        .1
        .expect(1)
        .says("others own some of these fields")
        .says("conflict with \"helm\"")
        .says(".data.color")
        .says("force: true");
    assert_eq!(namespace.get("configmaps", "settings")["data"]["color"], "red");
    Rig::new(&settings).exec(&script("write", &lines("green", ", #{ force: true }"))).1.expect(0);
    assert_eq!(namespace.get("configmaps", "settings")["data"]["color"], "green", "{path}");
}

#[test]
fn what_the_server_refuses_is_told_in_its_own_words_and_changes_nothing() {
    let namespace = need_namespace!();
    let bad = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
               template: {metadata: {labels: {app: other}}, spec: {containers: [{name: a, image: x}]}}\n";
    exec(&namespace, &format!("k.apply(`{bad}`);"))
        .1
        .expect(1)
        .says("`selector` does not match template `labels`")
        .says("(Invalid, 422)")
        .hides("could NOT");
    let cases = [
        (
            "apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: a}\n",
            "knows no Nothing of example.com/v1",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n",
            "belongs to the namespace `kube-system`",
        ),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", "has no name"),
        ("apiVersion: v1\nmetadata: [\n", "is no YAML"),
    ];
    for (manifest, says) in cases {
        exec(&namespace, &format!("k.apply(`{manifest}`);")).1.expect_any(&[1, 2]).says(says);
    }
    exec(&namespace, "k.apply(\"no/such.yaml\");")
        .1
        .expect_any(&[1, 2])
        .says("there is no manifest no/such.yaml");
    let wide = "apiVersion: v1\nkind: Namespace\nmetadata: {name: test-of-everybody}\n";
    exec(&namespace, &format!("k.apply(`{wide}`);"))
        .1
        .expect(3)
        .says("belongs to none")
        .says("cluster_wide = true");
    // The second object is refused: the first one is there, and is taken back.
    let half = format!("{}\n---\n{bad}", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n");
    exec(&namespace, &format!("k.apply(`{half}`);")).1.expect(1);
    assert!(namespace.get("configmaps", "first").is_null());
}

#[test]
fn a_secret_is_not_shown_and_not_kept() {
    let namespace = need_namespace!();
    let secret =
        |value: &str| json!({ "metadata": { "name": "login" }, "stringData": { "password": value } });
    let owned = format!("{}?fieldManager=playbook", namespace.path("secrets"));
    namespace.cluster.send("POST", &owned, &secret("hunter-the-first"));
    let manifest =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: hunter-the-second}\n";
    let rig = Rig::new(&namespace.settings("write")).file("login.yaml", manifest);
    let apply = "k.apply(\"login.yaml\"); print(k.get(\"secret/login\").data);";
    let rig = rig
        .file("plan.rhai", &script("write", apply))
        .file("test.rhai", &script("write", &format!("{apply} fail(\"on purpose\");")));
    let hidden = ["hunter-the", "aHVudGVy"];
    let seen = rig.run(&["plan", "plan.rhai"]).expect(0).says("another value");
    hidden.iter().fold(seen, |seen, text| seen.hides(text));
    let seen = rig
        .run(&["exec", "test.rhai"])
        .expect(6)
        .says("secret, about 18 bytes")
        .says("is not written into the journal");
    hidden.iter().fold(seen, |seen, text| seen.hides(text));
    // Nor does it stand in anything that the run has left, the manifest aside.
    let mut open = vec![rig.folder().to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        } else if path.extension().is_none_or(|end| end != "yaml") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(hidden.iter().all(|hidden| !text.contains(hidden)), "{}", path.display());
        }
    }
}

#[test]
fn what_playbook_itself_has_changed_is_no_conflict() {
    let namespace = need_namespace!();
    let manifest = workload("Deployment", "web", 0, "v1");
    let lines = format!(
        "k.apply(`{manifest}`);\nk.set_image(\"deployment/web\", \"docker.io/rig/app:v2\");\nk.scale(\"deployment/web\", 1);\n\
         check \"changed\", k.apply(`{manifest}`)[0].result == \"changed\";"
    );
    well(&namespace, &lines);
    assert_eq!(namespace.image("web"), "v1");
    assert_eq!(namespace.get(DEPLOYMENTS, "web")["spec"]["replicas"], 0);
}
