//! An API server that takes connections and says nothing: every wait ends when it is to end, and says what it waited for.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use super::*;
use crate::rig::servers::proxy::Proxy;

/// A namespace, the proxy before its API server, and a project that goes through it.
fn behind(access: &str) -> Option<(Namespace, Proxy, Rig)> {
    let namespace = cluster::namespace()?;
    let config = std::fs::read_to_string(&namespace.cluster.kubeconfig).unwrap();
    let (before, rest) = config.split_once("https://127.0.0.1:").expect("it names the server");
    let (port, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap());
    let proxy = Proxy::tcp(port.parse().unwrap());
    let config = format!("{before}https://127.0.0.1:{}{after}", proxy.port);
    let authority = namespace.cluster.kubeconfig.with_file_name("pki/ca.crt");
    let config = config.replace("pki/ca.crt", authority.to_str().unwrap());
    let settings = format!(
        "[env.local.kubernetes.main]\nkubeconfig = \"kubeconfig\"\ncontext = \"admin\"\nnamespace = \"{}\"\naccess = \"{access}\"\n",
        namespace.name
    );
    let rig = Rig::new(&settings).file("kubeconfig", &config);
    Some((namespace, proxy, rig))
}

/// Runs `lines`, silences the server as soon as `sign` is told, and gives how it ended and how long that took.
fn silenced(rig: Rig, proxy: &Proxy, access: &str, lines: &str, sign: &str) -> (Seen, Duration) {
    let rig = rig.file("test.rhai", &script(access, lines));
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains(sign) {
        assert!(lines.read_line(&mut told).unwrap() > 0, "it never said `{sign}`:\n{told}");
    }
    proxy.go_silent();
    let began = Instant::now();
    lines.read_to_string(&mut told).unwrap();
    let mut summary = String::new();
    child.stdout.take().unwrap().read_to_string(&mut summary).unwrap();
    (Seen::new(child.wait().unwrap(), summary, told, rig.folder()), began.elapsed())
}

#[test]
fn a_rollout_that_nobody_tells_of_ends_when_its_time_is_over() {
    let Some((namespace, proxy, rig)) = behind("read") else { return };
    let mut web = workload("Deployment", "web", 1, "v1");
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/none:1".into();
    namespace.make(DEPLOYMENTS, &web);
    let lines = r#"k.rollout_status("deployment/web", #{ within: "8s", patience: "1m" });"#;
    let (seen, took) = silenced(rig, &proxy, "read", lines, "replicas");
    seen.expect(1)
        .says("the API server at https://127.0.0.1:")
        .says("gives no answer; still waiting for the rollout of deployment/web")
        .says("did not answer while the rollout of deployment/web was waited for, 8.0s in all")
        .says("kubectl get --raw /readyz");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_server_that_is_silent_from_the_start_ends_no_wait_late() {
    let Some((namespace, proxy, rig)) = behind("destroy") else { return };
    namespace.make("configmaps", &config("a", "blue"));
    proxy.go_silent();
    let lines = r#"k.wait_for("configmap/a", #{ field: "data.color", value: "red", within: "4s" });"#;
    let began = Instant::now();
    let (rig, seen) = rig.exec(&script("destroy", lines));
    seen.expect(1).says("did not answer while configmap/a was waited for, 4.0s in all");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    proxy.mend();
    let lines = r#"k.wait_for("configmap/a", #{ field: "data.color", value: "red", within: "6s" });"#;
    let (seen, _) = silenced(rig, &proxy, "destroy", &format!("log(\"begun\");\n{lines}"), "begun");
    seen.expect(1).says("did not answer while configmap/a was waited for");
}

#[test]
fn a_job_whose_server_falls_silent_is_given_up_in_time() {
    let Some((_namespace, proxy, rig)) = behind("write") else { return };
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "slow" },
        "spec": { "backoffLimit": 0, "template": { "spec": pod("v1") } },
    });
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    job["spec"]["template"]["spec"]["containers"][0]["command"] =
        json!(["sh", "-c", "echo begun; sleep 600"]);
    let rig = rig.file("job.yaml", &job.to_string());
    let lines = r#"k.run_job("job.yaml", #{ within: "14s" });"#;
    let (seen, took) = silenced(rig, &proxy, "write", lines, "begun");
    seen.expect_any(&[1, 5, 6])
        .says("did not answer while the job slow was waited for, 14.0s in all")
        .says("the job could not be deleted: it may still run")
        .says("kubectl delete job slow --namespace")
        .hides("it was deleted");
    assert!(took < Duration::from_secs(60), "{took:?}");
}
