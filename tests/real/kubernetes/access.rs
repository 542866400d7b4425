//! Who may not, who is not known, where nobody answers, and settings that mislead.

use std::net::TcpListener;
use std::time::Instant;

use super::*;

#[test]
fn what_is_forbidden_names_the_permission_that_is_missing() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    if !namespace.cluster.is_own {
        return;
    }
    let settings = namespace.cluster.settings("viewer", &namespace.name, "destroy");
    Rig::new(&namespace.settings("destroy")).well("kubernetes.main", "Kubernetes 1.");
    let found = Rig::new(&settings).look("kubernetes.main");
    assert_eq!((&found["state"], &found["reached"]), (&"not_permitted".into(), &true.into()), "{found}");
    let manifest = "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n";
    let cases = [
        (
            "k.get(\"deployment/web\");",
            "`kubernetes.main` may not get deployment `web`",
            "grant `get` on `deployments.apps`",
        ),
        ("k.list(\"pods\");", "`kubernetes.main` may not list pods", "grant `list` on `pods`"),
        ("k.delete(\"configmap/a\");", "may not get configmap `a`", "grant `get` on `configmaps`"),
        (&format!("k.apply(\"{manifest}\");"), "may not get configmap `a`", "in the namespace"),
        (
            "k.set_image(\"deployment/web\", \"docker.io/rig/app:v2\");",
            "may not get deployment `web`",
            "to `viewer`",
        ),
        ("k.rollout_status(\"deployment/web\");", "may not get deployment `web`", "RoleBinding"),
        ("k.logs(\"pod/a\");", "may not get pod `a`", "grant `get` on `pods`"),
    ];
    for (line, what, fix) in cases {
        Rig::new(&settings)
            .exec(&script("destroy", line))
            .1
            .expect(1)
            .says(what)
            .says(fix)
            .says("(Forbidden, 403)")
            .hides("could NOT");
    }
    assert_eq!(namespace.image("web"), "v1");
}

#[test]
fn whoever_may_look_and_not_touch_is_told_before_anything_is_begun() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    if !namespace.cluster.is_own {
        return;
    }
    let settings = namespace.cluster.settings("viewer", &namespace.name, "destroy");
    let of = namespace.name.clone();
    let rules = json!([{ "apiGroups": ["", "apps"], "resources": ["pods", "deployments", "replicasets"], "verbs": ["get", "list"] }]);
    namespace.make(
        "rbac.authorization.k8s.io/v1/roles",
        &json!({ "metadata": { "name": "look" }, "rules": rules }),
    );
    let subject = json!([{ "kind": "User", "name": "viewer", "apiGroup": "rbac.authorization.k8s.io" }]);
    let role = json!({ "kind": "Role", "name": "look", "apiGroup": "rbac.authorization.k8s.io" });
    namespace.make(
        "rbac.authorization.k8s.io/v1/rolebindings",
        &json!({ "metadata": { "name": "look" }, "subjects": subject, "roleRef": role }),
    );
    let lines = "check \"may look\", k.get(\"deployment/web\").kind == \"Deployment\";\nk.scale(\"deployment/web\", 3);";
    wait_until("the role is in force", 10, || {
        let (_, seen) = Rig::new(&settings).exec(&script("destroy", lines));
        seen.all().contains("may not patch deployment `web`")
            && seen.all().contains(&format!("in the namespace `{of}`"))
    });
    // It may look; but what the environment grants is more than that.
    let found = Rig::new(&settings).look("kubernetes.main");
    assert!(found["state"] == "not_permitted" && found["version"].is_string(), "{found}");
    let fix = found["troubles"][0]["fix"].as_str().unwrap();
    assert!(fix.contains("grant `delete` on `deployments.apps`"), "{found}");
    Rig::new(&namespace.cluster.settings("viewer", &of, "read")).well("kubernetes.main", "Kubernetes 1.");
    Rig::new(&settings)
        .exec(&script("destroy", "k.exec(\"deployment/web\", [\"true\"], #{ undo: [\"true\"] });"))
        .1
        .expect(1)
        .says("on `pods/exec` in the namespace");
    Rig::new(&settings)
        .exec(&script("destroy", "k.delete(\"deployment/web\");"))
        .1
        .expect(1)
        .says("may not delete deployment `web`")
        .says("cannot delete resource");
}

#[test]
fn a_token_that_is_not_known_and_one_by_reference() {
    let namespace = need_namespace!();
    if !namespace.cluster.is_own {
        return;
    }
    let with = format!("{}token = \"env:KUBE_TOKEN\"\n", namespace.settings("read"));
    let list = script("read", "k.list(\"pods\");");
    Rig::new(&with)
        .variable("KUBE_TOKEN", "a-wrong-token")
        .exec(&list)
        .1
        .expect(1)
        .says("does not know who asks")
        .says("Unauthorized, 401")
        .hides("a-wrong-token");
    Rig::new(&with).variable("KUBE_TOKEN", "rig-admin-token").exec(&list).1.expect(0);
    Rig::new(&with).exec(&list).1.expect_any(&[1, 2]).says("export KUBE_TOKEN");
    // Without a kubeconfig at all.
    let file = std::fs::read_to_string(&namespace.cluster.kubeconfig).unwrap();
    let server = file.split('"').find(|part| part.starts_with("https://")).unwrap();
    let ca = namespace.cluster.kubeconfig.parent().unwrap().join("pki/ca.crt");
    let direct = format!(
        "[env.local.kubernetes.main]\nserver = \"{server}\"\nca = \"{}\"\ntoken = \"env:KUBE_TOKEN\"\nnamespace = \"{}\"\naccess = \"read\"\n",
        ca.display(),
        namespace.name
    );
    Rig::new(&direct).variable("KUBE_TOKEN", "rig-admin-token").exec(&list).1.expect(0);
    let distrust = direct.lines().filter(|line| !line.starts_with("ca =")).collect::<Vec<_>>().join("\n");
    Rig::new(&distrust)
        .variable("KUBE_TOKEN", "rig-admin-token")
        .exec(&list)
        .1
        .expect(1)
        .says("cannot be reached")
        .says("certificate")
        .says("`ca`");
}

#[test]
fn a_kubeconfig_that_misleads_is_told_before_anything_is_asked() {
    let namespace = need_namespace!();
    if !namespace.cluster.is_own {
        return;
    }
    let settings = namespace.settings("read");
    let list = script("read", "k.list(\"pods\");");
    let without = settings.replace("context = \"admin\"\n", "");
    Rig::new(&without).exec(&list).1.expect_any(&[1, 2]).says("has 2 contexts").says("set `context`");
    Rig::new(&settings.replace("\"admin\"", "\"amdin\""))
        .exec(&list)
        .1
        .expect_any(&[1, 2])
        .says("has no context `amdin`")
        .says("admin");
    let path = namespace.cluster.kubeconfig.display().to_string();
    Rig::new(&settings.replace(&path, "none.yaml"))
        .exec(&list)
        .1
        .expect_any(&[1, 2])
        .says("there is no kubeconfig");
    let broken =
        Rig::new(&settings.replace(&path, "broken.yaml")).file("broken.yaml", "users: [{token: hunter2");
    broken.exec(&list).1.expect_any(&[1, 2]).says("is no kubeconfig that can be used").hides("hunter2");
    // The one that KUBECONFIG names, where the table names none.
    let bare = settings.lines().filter(|line| !line.starts_with("kubeconfig")).collect::<Vec<_>>().join("\n");
    Rig::new(&bare).variable("KUBECONFIG", &path).exec(&list).1.expect(0);
    Rig::new(&bare).exec(&list).1.expect_any(&[1, 2]).says(".kube/config");
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_is_given_up() {
    let settings = |port: u16| {
        format!(
            "[env.local.kubernetes.main]\nserver = \"https://127.0.0.1:{port}\"\ntoken = \"env:T\"\nconnect_timeout = \"1s\"\naccess = \"write\"\n"
        )
    };
    let port = crate::rig::free_port();
    for line in ["k.list(\"pods\");", "k.scale(\"deployment/web\", 2);"] {
        Rig::new(&settings(port))
            .variable("T", "t")
            .exec(&script("write", line))
            .1
            .expect(1)
            .says(&format!("`kubernetes.main` cannot be reached at https://127.0.0.1:{port}"))
            .says("Connection refused")
            .hides("could NOT");
    }
    // Accepted by the kernel, and then silence.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let began = Instant::now();
    let lines = "k.list(\"pods\", #{ timeout: \"2s\" });";
    let (_, seen) = Rig::new(&settings(silent.local_addr().unwrap().port()))
        .variable("T", "t")
        .exec(&script("write", lines));
    assert!(matches!(seen.code, 1 | 4), "{seen}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn a_namespace_that_is_not_there_is_told_as_that() {
    let Some(cluster) = cluster::shared() else { return };
    let settings = cluster.settings("admin", "nowhere", "destroy");
    let missing = "there is no namespace `nowhere`, which `kubernetes.main` is";
    for line in [
        "k.set_image(\"deployment/web\", \"docker.io/rig/app:v2\");",
        "k.exec(\"deployment/web\", [\"true\"]);",
        "k.apply(\"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\");",
    ] {
        let rig = Rig::new(&settings).file("test.rhai", &script("destroy", line));
        rig.run(&["plan", "test.rhai"]).says(missing).says("correct `namespace`");
        rig.run(&["exec", "test.rhai"]).expect_any(&[1, 2]).says(missing);
    }
    Rig::new(&settings).exec(&script("destroy", "k.list(\"pods\");")).1.expect_any(&[1, 2]).says(missing);
    let found = Rig::new(&settings).look("kubernetes.main");
    assert_eq!(found["state"], "not_permitted", "{found}");
}
