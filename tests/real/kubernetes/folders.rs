//! `apply` of a folder with values: every file, each value in its places, and what is wrong with its file and line.

use super::*;

const CONFIG: &str = "# The settings.\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  release: \"{release}\"\n  shell: ${release}\n";

/// A deployment without pods, whose image and label wait for values.
fn deployment() -> String {
    let mut web = workload("Deployment", "web", 0, "v1");
    web["metadata"]["labels"]["release"] = "{release}".into();
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "docker.io/rig/app:{release}".into();
    let text = serde_json::to_string_pretty(&web).unwrap();
    text.replace("\"replicas\": 0", "\"replicas\": {replicas}")
}

/// A project whose folder `k8s` holds these files.
fn project(namespace: &Namespace, files: &[(&str, &str)]) -> Rig {
    let rig = Rig::new(&namespace.settings("write"));
    files.iter().fold(rig, |rig, (name, text)| rig.file(&format!("k8s/{name}"), text))
}

fn whole(namespace: &Namespace) -> Rig {
    let files = [("10-web.yaml", deployment()), ("20-settings.yml", CONFIG.to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    project(namespace, &[&files[..], &[("notes.txt", "kind: [")]].concat())
}

fn apply(release: &str, more: &str) -> String {
    let values = format!("#{{ values: #{{ release: \"{release}\", replicas: 0 }} }}");
    script("write", &format!("let done = k.apply(\"k8s\", {values});\n{more}"))
}

fn told(namespace: &Namespace) -> (String, String) {
    let data = namespace.get("configmaps", "settings")["data"].clone();
    (namespace.image("web"), data.to_string())
}

#[test]
fn every_file_is_applied_with_its_values_and_taken_back_as_one() {
    let namespace = need_namespace!();
    let is_empty = || namespace.list("configmaps").iter().all(|one| one["metadata"]["name"] != "settings");
    let rig = whole(&namespace).file("test.rhai", &apply("v1", ""));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("apply k8s, release v1, replicas 0")
        .says("deployment/web would be created")
        .says("configmap/settings would be created")
        .says("release: v1");
    assert!(is_empty() && namespace.get(DEPLOYMENTS, "web").is_null());
    let all = "check \"in order\", done.map(|one| `${one.target} ${one.result}`) == [\"deployment/web created\", \"configmap/settings created\"];";
    let (rig, seen) = rig.exec(&apply("v1", &format!("{all}\nfail(\"on purpose\");")));
    seen.expect(1).says("✔ in order").says("taken back").hides("could NOT");
    assert!(is_empty() && namespace.get(DEPLOYMENTS, "web").is_null());
    let (rig, seen) = rig.exec(&apply("v1", all));
    seen.expect(0);
    let first = ("v1".to_owned(), "{\"release\":\"v1\",\"shell\":\"${release}\"}".to_owned());
    assert_eq!(told(&namespace), first);
    let (rig, seen) = rig.exec(&apply("v1", "check \"same\", done.all(|one| one.result == \"unchanged\");"));
    seen.expect(0);
    // The next release with the same files, and back to the one before.
    let (rig, seen) = rig.exec(&apply("v2", "check \"new\", done.all(|one| one.result == \"changed\");"));
    seen.expect(0);
    assert_eq!(told(&namespace).0, "v2");
    rig.run(&["rollback", "last"]).expect(0);
    assert_eq!(told(&namespace), first);
}

#[test]
fn what_is_wrong_in_a_folder_is_told_with_its_file_and_changes_nothing() {
    let namespace = need_namespace!();
    let good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    let refused = "apiVersion: v1\nkind: Service\nmetadata: {name: Web_1}\nspec: {ports: [{port: 80, protocol: TCP}]}\n";
    for (second, says) in [
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: [\n",
            vec!["k8s/b.yaml is no YAML", "why: line 4 column 7: unclosed bracket", "fix: correct"],
        ),
        (
            "---\n---\nkind: ConfigMap\nmetadata: {name: b}\n",
            vec!["object 1 of k8s/b.yaml has no `apiVersion`"],
        ),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", vec!["the ConfigMap of k8s/b.yaml has no name"]),
        ("apiVersion: example.com/v1\nkind: None\nmetadata: {name: b}\n", vec!["none `b` of k8s/b.yaml"]),
        (refused, vec!["k8s/b.yaml: ", "Web_1", "422"]),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {relase}\n",
            vec!["k8s/b.yaml has a place for `relase`", "line 4, column 9", "did you mean `release`?"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {color: \"{shade}\"}\n",
            vec!["k8s/b.yaml has a place for `shade`", "line 4, column 16", "values: #{ shade: … }"],
        ),
    ] {
        let rig = project(&namespace, &[("a.yaml", good), ("b.yaml", second)]);
        let (_, seen) = rig.exec(&apply("v1", ""));
        let seen = seen.expect_any(&[1, 2]).hides("in doubt").hides("could NOT");
        says.into_iter().fold(seen, |seen, text| seen.says(text));
        assert!(namespace.get("configmaps", "settings").is_null(), "{second}");
    }
    let (rig, seen) = project(&namespace, &[("notes.txt", good)]).exec(&apply("v1", ""));
    seen.expect_any(&[1, 2]).says("k8s holds no object");
    let list = "k.apply(\"k8s\", #{ values: #{ release: [1] } });";
    let rig = rig.file("k8s/a.yaml", CONFIG);
    rig.exec(&script("write", list))
        .1
        .expect_any(&[1, 2])
        .says("the value `release` cannot stand in a manifest");
}

#[test]
fn a_folder_is_not_applied_without_the_right_or_an_answer() {
    let namespace = need_namespace!();
    let denied = namespace.settings("read");
    let rig = whole(&namespace).file("playbook.toml", &denied);
    rig.exec(&apply("v1", "")).1.expect(3).says("kubernetes.main:write");
    let (rig, seen) = whole(&namespace).exec(&script(
        "write",
        "k.apply(\"k8s\", #{ values: #{ release: \"v1\", replicas: 0 }, timeout: \"1ms\" });",
    ));
    seen.expect(4).says("1ms").hides("in doubt");
    assert!(namespace.get(DEPLOYMENTS, "web").is_null());
    drop(rig);
}
