//! `exec`, `logs` and `events`: what runs in containers, and what is said of them.

use super::*;

#[test]
fn a_command_gives_its_exit_code_and_both_outputs() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let lines = r#"
        let done = k.exec("deployment/web", ["sh", "-c", "echo out; echo err >&2; exit 5"], #{ ok: [5] });
        check "code", done.code == 5;
        check "outputs", done.stdout == "out" && done.stderr == "err";
        let large = k.exec("deployment/web", ["sh", "-c", "yes 0123456789 | head -c 3000000"]);
        check "bounded", large.stdout.len() < 80000 && large.stdout.starts_with("[");
        try { k.exec("deployment/web", ["sh", "-c", "echo too bad >&2; exit 7"]); fail("no error"); }
        catch (error) { check "7", error.details.exit_code == 7 && error.why == "too bad"; }
    "#;
    well(&namespace, lines).says("kubernetes.main │ out");
    if namespace.cluster.is_own {
        let lines = "k.exec(\"deployment/web\", [\"cat\"], #{ stdin: \"in\" });";
        exec(&namespace, lines).1.expect_any(&[1, 2]).says("v1.20").says("takes 1.30 or later");
    }
    exec(&namespace, "k.exec(\"deployment/web\", [\"no-such-program\"]);")
        .1
        .expect(1)
        .says("could not be run")
        .says("no-such-program");
    exec(&namespace, "k.exec(\"deployment/web\", [\"true\"], #{ container: \"none\" });")
        .1
        .expect(1)
        .says("none");
    exec(&namespace, "k.exec(\"pod/none\", [\"true\"]);").1.expect_any(&[1, 2]).says("has no pod `none`");
    exec(&namespace, "k.exec(\"configmap/kube-root-ca.crt\", [\"true\"]);")
        .1
        .expect_any(&[1, 2])
        .says("has no pods");
}

#[test]
fn a_command_is_taken_back_by_the_one_that_it_names() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let touch = "k.exec(\"deployment/web\", [\"touch\", \"/tmp/flag\"], #{ undo: [\"rm\", \"/tmp/flag\"] });";
    exec(&namespace, &format!("{touch}\nfail(\"on purpose\");")).1.expect(1).hides("could NOT");
    well(&namespace, "k.exec(\"deployment/web\", [\"test\", \"-e\", \"/tmp/flag\"], #{ ok: [1] });");
    exec(&namespace, "k.exec(\"deployment/web\", [\"true\"]); fail(\"on purpose\");")
        .1
        .expect(6)
        .says("give its own way back");
    plan(&namespace, touch).expect(0).says("run `touch /tmp/flag` in deployment/web");
    well(&namespace, "k.exec(\"deployment/web\", [\"test\", \"-e\", \"/tmp/flag\"], #{ ok: [1] });");
    exec(&namespace, "k.exec(\"deployment/web\", [\"sleep\", \"600\"], #{ timeout: \"5s\" });")
        .1
        .expect(6)
        .says("gave no answer within 5.0s");
}

#[test]
fn logs_of_one_pod_are_plain_and_those_of_several_name_theirs() {
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    well(&namespace, "check \"log\", k.logs(\"deployment/web\") == \"starting v1\";");
    namespace.patch(DEPLOYMENTS, "web", &json!({ "spec": { "replicas": 2 } }));
    let lines = r#"
        k.rollout_status("deployment/web");
        let lines = k.logs("deployment/web", #{ last: 10, since: "10m" }).split("\n");
        check "two", lines.len() == 2 && lines.all(|line| line.starts_with("web-") && line.ends_with(" starting v1"));
    "#;
    well(&namespace, lines);
    exec(&namespace, "k.logs(\"pod/none\");").1.expect_any(&[1, 2]).says("has no pod `none`");
    exec(&namespace, "k.logs(\"deployment/web\", #{ container: \"none\" });")
        .1
        .expect(1)
        .says("container none is not valid");
}

#[test]
fn events_are_read_of_all_or_of_one() {
    let namespace = need_namespace!();
    let mut bad = workload("Deployment", "web", 1, "none");
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "docker.io/rig/app:none".into();
    namespace.make(DEPLOYMENTS, &bad);
    wait_until("there is a warning", 30, || {
        namespace.list("events").iter().any(|event| event["reason"] == "Failed")
    });
    let lines = r#"
        let all = k.events();
        check "all", all.some(|event| event.type == "Normal") && all.some(|event| event.reason == "Failed");
        let warnings = k.events(#{ warnings: true });
        check "warnings", warnings.len() > 0 && warnings.all(|event| event.type == "Warning" && event.object.starts_with("pod/web-"));
        let own = k.events("deployment/web");
        check "own", own.len() > 0 && own.all(|event| event.object == "deployment/web" && event.at != "" && event.count >= 1);
    "#;
    well(&namespace, lines);
}

#[test]
fn a_crash_around_a_command_is_asked_about_and_its_way_back_is_run() {
    use crate::rig::crash::{AFTER, BEFORE};
    let namespace = need_namespace!();
    namespace.deploy("web", 1);
    let command = |words: &str, more: &str| format!("k.exec(\"deployment/web\", [{words}], #{{ {more} }});");
    let touch = command("\"touch\", \"/tmp/flag\"", "undo: [\"rm\", \"-f\", \"/tmp/flag\"]");
    let is_there = |yes: bool| {
        let code = if yes { "ok: [0]" } else { "ok: [1]" };
        well(&namespace, &command("\"test\", \"-e\", \"/tmp/flag\"", code));
    };
    let text =
        format!("//! T.\n//! uses = [\"kubernetes.main:write\"]\nlet k = kubernetes(\"main\");\n{touch}\n");
    for moment in [BEFORE, AFTER] {
        let rig = Rig::new(&namespace.settings("write")).file("test.rhai", &text);
        rig.killed(moment);
        is_there(moment == AFTER);
        rig.run(&["resume", "last"])
            .expect(5)
            .says("it is not known whether `kubernetes.main.exec` was done")
            .says("touch /tmp/flag");
        is_there(moment == AFTER);
        rig.run(&["resume", "last", "--on-doubt", "retry"]).expect(0);
        is_there(true);
        rig.killed_in(&["rollback", "last"], "4:before");
        rig.run(&["rollback", "last"]).expect(0);
        is_there(false);
    }
}
